//! Many nodes at once: a line each while they fit, figures where they do not.

use crate::outcome::NodeTimeline;

use super::node::Painter;
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
        lines.extend(figures(nodes, painter.layout.width()));
    }
    lines
}

/// Spread of the figures over all nodes; only the outlines of it where `width` has no room for all.
fn figures(nodes: &[&NodeTimeline], width: usize) -> Vec<String> {
    const HEADS: [&str; 5] = ["first", "median", "95 %", "last", "nodes"];
    type Figure = fn(&NodeTimeline) -> Option<u64>;
    let figures: [(&str, Figure); 3] = [
        ("cordon", |node| Some(node.since_notice(node.cordoned_ms?))),
        ("node empty", NodeTimeline::empty_ms),
        ("replacement Ready", |node| Some(node.since_notice(node.replacement.as_ref()?.ready_ms?))),
    ];
    let shown: &[usize] = if width >= 65 { &[0, 1, 2, 3, 4] } else { &[1, 3] };
    let line = |name: &str, cells: [&str; 5]| {
        let cells: Vec<String> = shown.iter().map(|&column| format!("{:>9}", cells[column])).collect();
        format!("{name:20}{}", cells.concat())
    };
    let mut lines = vec![paint::with(DIM, &line("", HEADS))];
    for (name, figure) in figures {
        let mut times: Vec<u64> = nodes.iter().filter_map(|node| figure(node)).collect();
        times.sort_unstable();
        let at = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).copied().map_or_else(|| "–".to_owned(), duration)
        };
        let [first, median, most, last] = [at(0), at(50), at(95), at(100)];
        lines.push(line(name, [&first, &median, &most, &last, &times.len().to_string()]));
    }
    let (bad, total) = (nodes.iter().map(|node| node.lost_of_all()))
        .fold((0, 0), |sum, (bad, all)| (sum.0 + bad, sum.1 + all));
    let style = if bad > 0 { BAD } else { GOOD };
    let text = format!("{} of {} ended gracefully", total - bad, count(total, "pod"));
    lines.push(paint::with(style, &text));
    lines
}
