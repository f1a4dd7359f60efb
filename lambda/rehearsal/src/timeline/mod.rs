//! An [`Outcome`] as text for people: a chart per interrupted node, and one line of verdict.
//!
//! ```text
//!  mod      heading, choice of nodes, legend
//!   ├─ unseen   answers for instances that have no chart
//!   ├─ node     the section of one node ── fold (pods of one row), chart (rows and axis)
//!   ├─ reasons  what the handler reported of it
//!   ├─ crowd    the nodes that are not drawn in full
//!   └─ verdict  the sentence, errors, broken laws ── hints
//!  reports  the handler's reasons        paint  colours, cut and wrapped text
//! ```
//!
//! The text carries ANSI colours; print it through `anstream`, which strips them where they are not shown.

mod chart;
mod crowd;
mod fold;
mod hints;
mod node;
mod paint;
mod reasons;
mod reports;
mod unseen;
mod verdict;

use std::cmp::Reverse;

use crate::outcome::{NodeTimeline, Outcome};

use chart::{Layout, Scale};
use node::Painter;
use paint::{BOLD, DIM};
use reports::Reports;

/// Nodes drawn in full: all up to this number, else the first and the worst.
const FULL: usize = 3;
/// Lead time of a Spot notice, in milliseconds: the axis where no node has a deadline.
const NOTICE_MS: u64 = 120_000;

/// What is rehearsed, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// What the scenario is about, one sentence.
    pub description: String,
    /// Size and setting: `20 nodes · 400 pods · 1 notice · 20 ms a call · warm`.
    pub setting: String,
}

/// Draws `outcome` for a terminal of `width` columns, each line ended by a newline.
#[must_use]
pub fn render(outcome: &Outcome, heading: &Heading, width: usize) -> String {
    let layout = Layout::new(width);
    let (scale, reports) = (scale(outcome, layout), Reports::new(&outcome.reports));
    let painter = Painter { layout, scale, reports, outcome };
    let (full, rest) = choose(&outcome.timelines);
    let rows = if full.len() == 1 { 14 } else { 8 };

    let mut charts = Vec::new();
    for node in &full {
        charts.extend(painter.section(node, rows));
        charts.extend(reasons::lines(&painter, node));
        charts.push(String::new());
    }
    if !rest.is_empty() {
        charts.extend(crowd::lines(&painter, &rest));
        charts.push(String::new());
    }
    let legend = legend(&charts.join(""), outcome.world.pods.left > 0, layout.width());
    let title = format!("{}: {}", outcome.scenario, heading.description);
    let setting = format!("{} · seed {}", heading.setting, outcome.seed);
    let all = [
        paint::lines(&title, layout.width(), 2, BOLD),
        paint::lines(&setting, layout.width(), 2, DIM),
        unseen::lines(&painter),
        vec![String::new()],
        charts,
        legend,
        verdict::lines(&painter),
        vec![String::new()],
    ];
    // Spaces that do not break have done their work.
    all.concat().join("\n").replace('\u{a0}', " ")
}

/// One axis for all nodes, so that they can be compared.
fn scale(outcome: &Outcome, layout: Layout) -> Scale {
    let ends = outcome.timelines.iter().filter_map(|node| Some(node.reclaimed_ms? - node.notice_ms));
    Scale { columns: layout.chart, end_ms: ends.max().filter(|&ms| ms > 0).unwrap_or(NOTICE_MS) }
}

/// Nodes to draw in full, and the others in the order of their notices.
fn choose(nodes: &[NodeTimeline]) -> (Vec<&NodeTimeline>, Vec<&NodeTimeline>) {
    if nodes.len() <= FULL {
        return (nodes.iter().collect(), Vec::new());
    }
    // Who lost pods, then who was empty last.
    let badness = |node: &&NodeTimeline| (node.lost_of_all().0, node.empty_ms().unwrap_or(0));
    let (first, others) = nodes.split_at(1);
    let mut worst: Vec<&NodeTimeline> = others.iter().collect();
    worst.sort_by_key(|node| Reverse(badness(node)));
    let bad = worst.iter().filter(|node| badness(node).0 > 0).count();
    worst.truncate(bad.clamp(1, FULL - 1));
    let is_chosen = |node: &NodeTimeline| worst.iter().any(|other| other.instance == node.instance);
    let rest = others.iter().filter(|node| !is_chosen(node)).collect();
    (first.iter().chain(worst).collect(), rest)
}

/// The signs that stand in the charts, each once.
fn legend(charts: &str, some_left: bool, width: usize) -> Vec<String> {
    const SIGNS: [(char, &str); 13] = [
        ('◆', "notice"),
        ('▲', "cordon"),
        ('┃', "EC2 takes the node"),
        ('▬', "function runs"),
        ('†', "dies"),
        ('╌', "booting"),
        ('▶', "Ready"),
        ('░', "refused"),
        ('·', "not yet asked"),
        ('▆', "terminating"),
        ('✓', "ended"),
        ('–', "left"),
        ('✗', "killed"),
    ];
    // Kept together by spaces that do not break, until the lines are filled.
    let words: Vec<String> = (SIGNS.iter())
        .filter(|&&(sign, _)| charts.contains(sign) && (sign != '–' || some_left))
        .map(|(sign, word)| format!("{sign} {word} ").replace(' ', "\u{a0}"))
        .collect();
    if words.is_empty() {
        return Vec::new();
    }
    let lines = paint::wrap(&words.join(" "), width, 0).into_iter();
    lines.map(|line| paint::with(DIM, line.trim_end())).chain([String::new()]).collect()
}

#[cfg(test)]
mod tests;
