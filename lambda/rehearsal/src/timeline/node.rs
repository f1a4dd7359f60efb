//! The section of one interrupted node: deliveries, node, replacement and pods.

use anstyle::Style;

use crate::outcome::{Delivery, Fate, NodeTimeline, Outcome, PodTrack};

use super::chart::{Layout, Row, Scale};
use super::fold::{Group, fold, label};
use super::paint::{self, BAD, BOLD, DIM, FORCED, FRESH, GOOD, NODE, PLAIN, WAITS, duration};
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
    pub(super) reports: Reports<'a>,
    /// What happened in the world.
    pub(super) outcome: &'a Outcome,
}

impl Painter<'_> {
    /// The full section, with at most about `rows` rows for pods.
    pub(super) fn section(&self, node: &NodeTimeline, rows: usize) -> Vec<String> {
        let width = self.layout.width();
        let fits = node.node.chars().count() + 2 + node.instance.chars().count() <= width;
        let name = paint::with(BOLD, &paint::shorten(&node.node, width));
        let title = [&*name, if fits { "  " } else { "\n" }, &paint::with(DIM, &node.instance)].concat();
        let margin = " ".repeat(self.layout.label + 1);
        let axis = self.scale.axis().map(|line| format!("{margin}{}", paint::with(DIM, &line)));

        let column = |pod: &PodTrack| self.scale.column(node.since_notice(pod.ended_ms.unwrap_or(u64::MAX)));
        let pods = fold(&node.pods, rows, column);
        let mut below = vec![self.node_row(node, "node", node_figure(node)), self.replacement_row(node)];
        below.extend(pods.iter().map(|group| self.pods_row(node, group)).chain(self.staying_row(node)));
        if let Some(reclaimed) = node.reclaimed_ms {
            for row in &mut below {
                row.draw_deadline(node.since_notice(reclaimed));
            }
        }
        let rows = self.deliveries(node).into_iter().chain(below).map(|row| row.render(self.layout));
        [title].into_iter().chain(axis).chain(rows).collect()
    }

    /// The node in one line, for a list of many.
    pub(super) fn line(&self, node: &NodeTimeline) -> String {
        let (lost, all) = node.lost_of_all();
        let figure = match (lost, node.empty_ms()) {
            (0, Some(empty)) => (format!("✓ {all} {}", duration(empty)), GOOD),
            (0, None) => ("no pods".to_owned(), GOOD),
            _ => (format!("✗ {lost} of {all}"), BAD),
        };
        self.node_row(node, &node.node, figure).render(self.layout)
    }

    /// A row for each delivery, where there is anything to see: more than one, a crash, an error.
    fn deliveries(&self, node: &NodeTimeline) -> Vec<Row> {
        let named = self.outcome.deliveries.iter();
        let named: Vec<_> = named.filter(|delivery| delivery.instances.contains(&node.instance)).collect();
        if matches!(*named, [only] if only.answer.is_ok()) {
            return Vec::new();
        }
        let rows = (1..).zip(named).map(|(number, delivery)| self.delivery_row(node, number, delivery));
        rows.collect()
    }

    fn delivery_row(&self, node: &NodeTimeline, number: usize, delivery: &Delivery) -> Row {
        let mut row = Row::new(self.scale, format!("delivery {number}"), PLAIN);
        let from = node.since_notice(delivery.at_ms);
        let answered = delivery.answered_ms.map(|ms| node.since_notice(ms));
        row.fill(from, answered.unwrap_or(from), '▬', NODE);
        if answered.is_none() {
            row.mark(from, Some(from), '†', WAITS);
        }
        row.note = match (&delivery.answer, answered) {
            (Ok(_), Some(ms)) => {
                let report = reports::answered(delivery, &node.instance);
                let outcome = report.and_then(|report| report["outcome"].as_str());
                (format!("{} {}", outcome.unwrap_or("answered"), duration(ms)), PLAIN)
            }
            (Ok(_), None) => ("crashed".to_owned(), WAITS),
            (Err(error), _) => (error.clone(), BAD),
        };
        row
    }

    fn node_row(&self, node: &NodeTimeline, label: &str, figure: (String, Style)) -> Row {
        let mut row = Row::new(self.scale, label, NODE);
        let end = node.reclaimed_ms.map_or(self.scale.end_ms, |ms| node.since_notice(ms));
        row.fill(0, end, '━', NODE);
        if let Some(empty) = node.empty_ms() {
            row.fill(empty, end.max(empty), '─', DIM);
        }
        row.mark(0, None, '◆', BAD);
        if let Some(cordoned) = node.cordoned_after() {
            row.mark(cordoned, Some(0), '▲', NODE);
        }
        if node.reclaimed_ms.is_some() {
            row.mark(end, None, '┃', BAD);
        }
        row.note = figure;
        row
    }

    fn replacement_row(&self, node: &NodeTimeline) -> Row {
        let mut row = Row::new(self.scale, "replacement", FRESH);
        let end = self.scale.end_ms;
        let Some(track) = &node.replacement else {
            row.note = (self.reports.replacement_of(&node.instance).unwrap_or("none").to_owned(), DIM);
            return row;
        };
        let (launched, ready) = (node.since_notice(track.launched_ms), node.ready_after());
        if launched < end {
            row.fill(launched, ready.unwrap_or(end), '╌', FRESH);
        }
        if let Some(ready) = ready.filter(|&ms| ms < end) {
            row.fill(ready, end, '━', FRESH);
            row.mark(ready, Some(launched), '▶', FRESH);
        }
        row.note.0 = match ready {
            Some(ready) => format!("Ready {}", duration(ready)),
            None => format!("launched {}", duration(launched)),
        };
        row
    }

    fn pods_row(&self, node: &NodeTimeline, group: &Group<'_>) -> Row {
        let mut row = Row::new(self.scale, label(group, self.layout.label), PLAIN);
        let times = |time: fn(&PodTrack) -> Option<u64>| {
            group.iter().filter_map(move |pod| time(pod)).map(|ms| node.since_notice(ms))
        };
        let terminating = times(|pod| pod.terminating_ms).min();
        let ends = times(|pod| pod.ended_ms).min().zip(times(|pod| pod.ended_ms).max());
        let (first_end, end) = ends.unwrap_or((self.scale.end_ms, self.scale.end_ms));
        let fate = group.first().map_or(Fate::Left, |pod| pod.fate);
        let (style, glyph, word) = look(fate);

        // Waits too short for the eye would only blur the bars.
        let begun = terminating.unwrap_or(end);
        let asked_by = times(|pod| pod.asked_ms).min().unwrap_or(begun);
        if asked_by >= SHORT_MS {
            row.fill(0, asked_by, '·', DIM);
        }
        if begun.saturating_sub(asked_by) >= SHORT_MS {
            row.fill(asked_by, begun, '░', WAITS);
        }
        if let Some(terminating) = terminating {
            row.fill(terminating, end, '▃', style);
            row.fill(terminating, first_end, '▆', style);
        }
        row.mark(end, terminating.filter(|&ms| ms < end), glyph, style);
        let times = ends.map(|(first, last)| span(first, last)).unwrap_or_default();
        row.note = (format!("{word}{times}"), if fate == Fate::Drained { PLAIN } else { style });
        row
    }

    /// The pods that belong to the node, in one line.
    fn staying_row(&self, node: &NodeTimeline) -> Option<Row> {
        let staying = node.pods.iter().filter(|pod| pod.fate == Fate::Stays).count();
        let label = format!("{}, the node's own", paint::count(staying, "pod"));
        let mut row = Row::new(self.scale, label, DIM);
        row.note = ("stay".to_owned(), DIM);
        (staying > 0).then_some(row)
    }
}

/// Colour, end mark and word of a fate.
fn look(fate: Fate) -> (Style, char, &'static str) {
    match fate {
        Fate::Stays => (DIM, ' ', ""),
        Fate::Drained => (GOOD, '✓', ""),
        Fate::Deleted => (FORCED, '✓', "forced "),
        Fate::Left => (BAD, '–', "left"),
        Fate::Killed => (BAD, '✗', "killed "),
    }
}

/// `1.9–6.3 s` where the units are equal, else both in full; one time where they read the same.
fn span(first_ms: u64, last_ms: u64) -> String {
    let (first, last) = (duration(first_ms), duration(last_ms));
    match (first.rsplit_once('\u{a0}'), last.rsplit_once('\u{a0}')) {
        _ if first == last => last,
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number}–{last}"),
        _ => format!("{first}–{last}"),
    }
}

fn node_figure(node: &NodeTimeline) -> (String, Style) {
    let figure = match (node.cordoned_after(), node.empty_ms()) {
        (Some(_), Some(empty)) => format!("empty {}", duration(empty)),
        (Some(cordoned), None) => format!("cordoned {}", duration(cordoned)),
        (None, _) => "not cordoned".to_owned(),
    };
    (figure, PLAIN)
}
