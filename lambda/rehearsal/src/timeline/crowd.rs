//! Many nodes at once: a line each while they fit, figures where they do not.

use crate::outcome::NodeTimeline;

use super::node::Painter;
use super::paint::{self, BAD, BOLD, DIM, GOOD, count, duration};

/// Nodes up to this number get a line each.
const LINES: usize = 20;

/// The nodes that are not drawn in full.
pub(super) fn lines(painter: &Painter<'_>, nodes: &[&NodeTimeline]) -> Vec<String> {
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
        ("cordon", NodeTimeline::cordoned_after),
        ("node empty", NodeTimeline::empty_ms),
        ("replacement Ready", NodeTimeline::ready_after),
    ];
    let shown: &[usize] = if width >= 65 { &[0, 1, 2, 3, 4] } else { &[1, 3] };
    let line = |name: &str, cells: [String; 5]| {
        let cells = shown.iter().map(|&column| format!("{:>9}", cells[column]));
        format!("{name:20}{}", cells.collect::<String>())
    };
    let mut lines = vec![paint::with(DIM, &line("", HEADS.map(str::to_owned)))];
    for (name, figure) in figures {
        let mut times: Vec<u64> = nodes.iter().filter_map(|node| figure(node)).collect();
        times.sort_unstable();
        let at = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).copied().map_or_else(|| "–".to_owned(), duration)
        };
        lines.push(line(name, [at(0), at(50), at(95), at(100), times.len().to_string()]));
    }
    let bad: usize = nodes.iter().map(|node| node.lost_of_all().0).sum();
    let total: usize = nodes.iter().map(|node| node.lost_of_all().1).sum();
    let style = if bad > 0 { BAD } else { GOOD };
    let text = format!("{} of {} ended gracefully", total - bad, count(total, "pod"));
    lines.push(paint::with(style, &text));
    lines
}
