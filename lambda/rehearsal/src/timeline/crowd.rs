//! Many nodes at once: a line each while they fit, figures where they do not.

use crate::outcome::NodeTimeline;

use super::node::{Painter, Tally, empty_ms};
use super::paint::{self, BAD, BOLD, DIM, GOOD, count, duration};

/// Nodes up to this number get a line each.
const LINES: usize = 20;

/// The nodes that are not drawn in full.
pub(super) fn lines(painter: &Painter<'_>, nodes: &[&NodeTimeline]) -> Vec<String> {
    if nodes.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paint::with(BOLD, &count(nodes.len(), "more node"))];
    if nodes.len() <= LINES {
        lines.extend(nodes.iter().map(|node| painter.line(node)));
    } else {
        lines.extend(figures(nodes));
    }
    lines
}

/// Spread of the figures over all nodes.
fn figures(nodes: &[&NodeTimeline]) -> Vec<String> {
    type Figure = fn(&NodeTimeline) -> Option<u64>;
    let figures: [(&str, Figure); 3] = [
        ("cordon", |node| Some(node.cordoned_ms?.saturating_sub(node.notice_ms))),
        ("node empty", empty_ms),
        ("replacement Ready", |node| {
            Some(node.replacement.as_ref()?.ready_ms?.saturating_sub(node.notice_ms))
        }),
    ];
    let head = format!("{:20}{:>9}{:>9}{:>9}{:>9}{:>9}", "", "first", "median", "95 %", "last", "nodes");
    let mut lines = vec![paint::with(DIM, &head)];
    for (name, figure) in figures {
        let mut times: Vec<u64> = nodes.iter().filter_map(|node| figure(node)).collect();
        times.sort_unstable();
        let at = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).copied().map_or_else(|| "–".to_owned(), duration)
        };
        let [first, median, most, last] = [at(0), at(50), at(95), at(100)];
        lines.push(format!("{name:20}{first:>9}{median:>9}{most:>9}{last:>9}{:>9}", times.len()));
    }
    let (bad, total) = (nodes.iter().map(|node| Tally::of(&node.pods)))
        .fold((0, 0), |(bad, total), tally| (bad + tally.bad(), total + tally.total()));
    let style = if bad > 0 { BAD } else { GOOD };
    let text = format!("{} of {} ended gracefully", total - bad, count(total, "pod"));
    lines.push(paint::with(style, &text));
    lines
}
