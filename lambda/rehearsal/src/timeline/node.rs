//! The section of one interrupted node: deliveries, node, replacement, pods, and the reasons.

use crate::outcome::{Delivery, Fate, NodeTimeline, Outcome, PodTrack};

use super::chart::{Cells, Layout, Row, Scale};
use super::fold::{Group, fold, label};
use super::paint::{self, BAD, BOLD, DIM, FORCED, FRESH, GOOD, NODE, PLAIN, WAITS, duration};
use super::reasons;
use super::reports::{self, Reports};

/// Shorter waits of a pod are not drawn.
const SHORT_MS: u64 = 1_000;

/// Draws nodes of one run.
pub(super) struct Painter<'a> {
    /// Columns.
    pub(super) layout: Layout,
    /// Time axis.
    pub(super) scale: Scale,
    /// What the handler reported.
    pub(super) reports: &'a Reports<'a>,
    /// What happened in the world.
    pub(super) outcome: &'a Outcome,
}

impl Painter<'_> {
    /// The full section, with at most about `rows` rows for pods.
    pub(super) fn section(&self, node: &NodeTimeline, rows: usize) -> Vec<String> {
        let width = self.layout.width();
        let fits = node.node.chars().count() + 2 + node.instance.chars().count() <= width;
        let title = format!(
            "{}{}{}",
            paint::with(BOLD, &paint::shorten(&node.node, width)),
            if fits { "  " } else { "\n" },
            paint::with(DIM, &node.instance)
        );
        let [numbers, ticks] = self.scale.axis();
        let margin = " ".repeat(self.layout.label + 1);
        let mut lines = vec![
            title,
            format!("{margin}{}", paint::with(DIM, &numbers)),
            format!("{margin}{}", paint::with(DIM, &ticks)),
        ];
        lines.extend(self.deliveries(node).iter().map(|row| row.render(self.layout)));
        lines.push(self.node_row(node, "node", node_note(node)).render(self.layout));
        lines.push(self.replacement_row(node).render(self.layout));
        let column = |pod: &PodTrack| self.scale.column(node.since_notice(pod.ended_ms.unwrap_or(u64::MAX)));
        for group in fold(&node.pods, rows, column) {
            lines.push(self.pods_row(node, &group).render(self.layout));
        }
        lines.extend(self.staying_row(node).map(|row| row.render(self.layout)));
        lines.extend(reasons::lines(self.reports, node, self.layout));
        lines
    }

    /// The node in one line, for a list of many.
    pub(super) fn line(&self, node: &NodeTimeline) -> String {
        let (lost, all) = node.lost_of_all();
        let figure = match (lost, node.empty_ms()) {
            (0, Some(empty)) => format!("✓ {all} {}", duration(empty)),
            (0, None) => "no pods".to_owned(),
            _ => format!("✗ {lost} of {all}"),
        };
        let mut row = self.node_row(node, &node.node, figure);
        row.note_style = if lost > 0 { BAD } else { GOOD };
        row.render(self.layout)
    }

    fn row(&self, label: impl Into<String>) -> Row {
        Row {
            label: label.into(),
            label_style: PLAIN,
            cells: Cells::new(self.scale),
            note: String::new(),
            note_style: PLAIN,
        }
    }

    /// A row for each delivery, where there is anything to see: more than one, a crash, an error.
    fn deliveries(&self, node: &NodeTimeline) -> Vec<Row> {
        let named: Vec<&Delivery> = (self.outcome.deliveries.iter())
            .filter(|delivery| delivery.instances.contains(&node.instance))
            .collect();
        if let [only] = *named
            && only.answer.is_ok()
        {
            return Vec::new();
        }
        let rows = named.iter().enumerate().map(|(index, delivery)| {
            let mut row = self.row(format!("delivery {}", index + 1));
            let from = node.since_notice(delivery.at_ms);
            let answered = delivery.answered_ms.map(|ms| node.since_notice(ms));
            row.cells.fill(from, answered.unwrap_or(from), '▬', NODE);
            (row.note, row.note_style) = match (&delivery.answer, answered) {
                (Ok(_), Some(ms)) => {
                    let report = reports::answered(delivery, &node.instance);
                    let outcome = report.and_then(|report| report["outcome"].as_str());
                    (format!("{} {}", outcome.unwrap_or("answered"), duration(ms)), PLAIN)
                }
                (Ok(_), None) => ("crashed".to_owned(), WAITS),
                (Err(error), _) => (error.clone(), BAD),
            };
            if answered.is_none() {
                row.cells.mark(from, Some(from), '†', WAITS);
            }
            row
        });
        rows.collect()
    }

    fn node_row(&self, node: &NodeTimeline, label: &str, figure: String) -> Row {
        let mut row = self.row(label);
        row.label_style = NODE;
        let end = node.reclaimed_ms.map_or(self.scale.end_ms(), |ms| node.since_notice(ms));
        row.cells.fill(0, end, '━', NODE);
        if let Some(empty) = node.empty_ms() {
            row.cells.fill(empty, end.max(empty), '─', DIM);
        }
        row.cells.mark(0, None, '◆', BAD);
        if let Some(cordoned) = node.cordoned_ms {
            row.cells.mark(node.since_notice(cordoned), Some(0), '▲', NODE);
        }
        if node.reclaimed_ms.is_some() {
            row.cells.mark(end, None, '┃', BAD);
        }
        row.note = figure;
        row
    }

    fn replacement_row(&self, node: &NodeTimeline) -> Row {
        let mut row = self.row("replacement");
        row.label_style = FRESH;
        let Some(track) = &node.replacement else {
            self.reports.replacement_of(&node.instance).unwrap_or("none").clone_into(&mut row.note);
            row.note_style = DIM;
            deadline(node, &mut row);
            return row;
        };
        let launched = node.since_notice(track.launched_ms);
        let ready = track.ready_ms.map(|ms| node.since_notice(ms));
        if launched < self.scale.end_ms() {
            row.cells.fill(launched, ready.unwrap_or(self.scale.end_ms()), '╌', FRESH);
        }
        if let Some(ready) = ready.filter(|&ms| ms < self.scale.end_ms()) {
            row.cells.fill(ready, self.scale.end_ms(), '━', FRESH);
            row.cells.mark(ready, Some(launched), '▶', FRESH);
        }
        row.note = match ready {
            Some(ready) => format!("Ready {}", duration(ready)),
            None => format!("launched {}", duration(launched)),
        };
        deadline(node, &mut row);
        row
    }

    fn pods_row(&self, node: &NodeTimeline, group: &Group<'_>) -> Row {
        let mut row = self.row(label(group, self.layout.label));
        let since = |ms: Option<u64>| ms.map(|ms| node.since_notice(ms));
        let earliest =
            |time: fn(&PodTrack) -> Option<u64>| since(group.iter().filter_map(|pod| time(pod)).min());
        let asked = earliest(|pod| pod.asked_ms);
        let terminating = earliest(|pod| pod.terminating_ms);
        let first_end = earliest(|pod| pod.ended_ms);
        let last_end = since(group.iter().filter_map(|pod| pod.ended_ms).max());
        let end = last_end.unwrap_or(self.scale.end_ms());
        let fate = group.first().map_or(Fate::Left, |pod| pod.fate);
        let (style, glyph) = look(fate);

        // Waits too short for the eye would only blur the bars.
        let begun = terminating.unwrap_or(end);
        let asked_by = asked.unwrap_or(begun);
        if asked_by >= SHORT_MS {
            row.cells.fill(0, asked_by, '·', DIM);
        }
        if begun.saturating_sub(asked_by) >= SHORT_MS {
            row.cells.fill(asked_by, begun, '░', WAITS);
        }
        if let Some(terminating) = terminating {
            row.cells.fill(terminating, end, '▃', style);
            row.cells.fill(terminating, first_end.unwrap_or(end), '▆', style);
        }
        row.cells.mark(
            end,
            Some(begun.min(end)).filter(|&ms| terminating.is_some() && ms < end),
            glyph,
            style,
        );
        deadline(node, &mut row);

        let times = match (first_end, last_end) {
            (Some(first), Some(last)) if duration(first) != duration(last) => span(first, last),
            (_, Some(last)) => duration(last),
            _ => String::new(),
        };
        (row.note, row.note_style) = match fate {
            Fate::Stays | Fate::Drained => (times, PLAIN),
            Fate::Deleted => (format!("forced {times}"), FORCED),
            Fate::Left => ("left".to_owned(), BAD),
            Fate::Killed => (format!("killed {times}"), BAD),
        };
        row
    }

    /// The pods that belong to the node, in one line.
    fn staying_row(&self, node: &NodeTimeline) -> Option<Row> {
        let staying = node.pods.iter().filter(|pod| pod.fate == Fate::Stays).count();
        if staying == 0 {
            return None;
        }
        let mut row = self.row(format!("{}, the node's own", paint::count(staying, "pod")));
        row.label_style = DIM;
        (row.note, row.note_style) = ("stay".to_owned(), DIM);
        deadline(node, &mut row);
        Some(row)
    }
}

/// Draws the deadline into a row that ended before it.
fn deadline(node: &NodeTimeline, row: &mut Row) {
    if let Some(reclaimed) = node.reclaimed_ms {
        row.cells.underlay(node.since_notice(reclaimed), '│', DIM);
    }
}

/// Colour and end mark of a fate.
fn look(fate: Fate) -> (anstyle::Style, char) {
    match fate {
        Fate::Stays => (DIM, ' '),
        Fate::Drained => (GOOD, '✓'),
        Fate::Deleted => (FORCED, '✓'),
        Fate::Left => (BAD, '–'),
        Fate::Killed => (BAD, '✗'),
    }
}

/// `1.9–6.3 s` where the units are equal, else both in full.
fn span(first_ms: u64, last_ms: u64) -> String {
    let (first, last) = (duration(first_ms), duration(last_ms));
    match (first.rsplit_once('\u{a0}'), last.rsplit_once('\u{a0}')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number}–{last}"),
        _ => format!("{first}–{last}"),
    }
}

fn node_note(node: &NodeTimeline) -> String {
    match (node.cordoned_ms, node.empty_ms()) {
        (Some(_), Some(empty)) => format!("empty {}", duration(empty)),
        (Some(cordoned), None) => format!("cordoned {}", duration(node.since_notice(cordoned))),
        (None, _) => "not cordoned".to_owned(),
    }
}
