//! The section of one interrupted node: deliveries, node, replacement, pods, and the reasons.

use std::collections::BTreeMap;

use crate::outcome::{Delivery, Fate, NodeTimeline, Outcome, PodTrack};

use super::chart::{Cells, Layout, Row, Scale};
use super::fold::{Group, fold, label};
use super::paint::{self, BAD, BOLD, DIM, FORCED, FRESH, GOOD, NODE, PLAIN, WAITS, duration};
use super::reports::{self, Reports, Said};

/// Shorter waits of a pod are not drawn.
const SHORT_MS: u64 = 1_000;

/// Reasons below a chart beyond this number are only counted.
const REASONS_SHOWN: usize = 4;

/// Draws nodes of one run.
pub(super) struct Painter<'a> {
    /// Columns.
    pub(super) layout: Layout,
    /// Time axis.
    pub(super) scale: Scale,
    /// What the handler said.
    pub(super) reports: &'a Reports<'a>,
    /// What the world saw.
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
        let column = |pod: &PodTrack| {
            self.scale.column(pod.ended_ms.unwrap_or(u64::MAX).saturating_sub(node.notice_ms))
        };
        for group in fold(&node.pods, rows, column) {
            lines.push(self.pods_row(node, &group).render(self.layout));
        }
        lines.extend(self.staying_row(node).map(|row| row.render(self.layout)));
        lines.extend(self.refused_cordon(node));
        lines.extend(self.launcher(node));
        lines.extend(self.reasons(node));
        lines
    }

    /// The node in one line, for a list of many.
    pub(super) fn line(&self, node: &NodeTimeline) -> String {
        let tally = Tally::of(&node.pods);
        let figure = match (tally.bad(), empty_ms(node)) {
            (0, Some(empty)) => format!("✓ {} {}", tally.total(), duration(empty)),
            (0, None) => "no pods".to_owned(),
            (bad, _) => format!("✗ {bad} of {}", tally.total()),
        };
        let mut row = self.node_row(node, &node.node, figure);
        row.note_style = if tally.bad() > 0 { BAD } else { GOOD };
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
            let from = delivery.at_ms.saturating_sub(node.notice_ms);
            let answered = delivery.answered_ms.map(|ms| ms.saturating_sub(node.notice_ms));
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
        let end = node.reclaimed_ms.map_or(self.scale.end_ms(), |ms| ms.saturating_sub(node.notice_ms));
        row.cells.fill(0, end, '━', NODE);
        if let Some(empty) = empty_ms(node) {
            row.cells.fill(empty, end.max(empty), '─', DIM);
        }
        row.cells.mark(0, None, '◆', BAD);
        if let Some(cordoned) = node.cordoned_ms {
            row.cells.mark(cordoned.saturating_sub(node.notice_ms), Some(0), '▲', NODE);
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
        let launched = track.launched_ms.saturating_sub(node.notice_ms);
        let ready = track.ready_ms.map(|ms| ms.saturating_sub(node.notice_ms));
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
        let since = |ms: Option<u64>| ms.map(|ms| ms.saturating_sub(node.notice_ms));
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

    /// Why the node was not cordoned, where the handler tried.
    fn refused_cordon(&self, node: &NodeTimeline) -> Vec<String> {
        let cordon = self.reports.of(&node.instance).map(|report| &report["cordon"]);
        let failed = cordon.filter(|cordon| cordon["outcome"] == "failed");
        let Some(reason) = failed.and_then(|cordon| cordon["reason"].as_str()) else { return Vec::new() };
        let lines = paint::wrap(&format!("↳ cordon: {reason}"), self.layout.width(), 2);
        lines.into_iter().map(|line| paint::with(BAD, &line)).collect()
    }

    /// What the handler said of a replacement that it did not bring about, and who did.
    fn launcher(&self, node: &NodeTimeline) -> Vec<String> {
        let said = self.reports.replacement_of(&node.instance);
        let late = by_health_check(node);
        let failed = self.reports.replacement_failed(&node.instance);
        if !late && !failed {
            return Vec::new();
        }
        let then = match &node.replacement {
            None => "",
            Some(_) if late => "; the group's health check replaced it after the instance was gone",
            Some(_) => "; launched before the instance was gone all the same",
        };
        let text = format!("↳ replacement: {}{then}", said.unwrap_or("no report"));
        let style = if failed { BAD } else { WAITS };
        let lines = paint::wrap(&text, self.layout.width(), 2);
        lines.into_iter().map(|line| paint::with(style, &line)).collect()
    }

    /// What the handler said of forced, left and killed pods: each reason once.
    fn reasons(&self, node: &NodeTimeline) -> Vec<String> {
        let mut by_reason: BTreeMap<&str, Vec<&PodTrack>> = BTreeMap::new();
        for pod in node.pods.iter().filter(|pod| !matches!(pod.fate, Fate::Drained | Fate::Stays)) {
            if let Some(Said { reason: Some(reason), .. }) = self.reports.pod(&pod.uid) {
                by_reason.entry(reason).or_default().push(pod);
            }
        }
        let more = by_reason.len().saturating_sub(REASONS_SHOWN);
        let lines = by_reason.into_iter().take(REASONS_SHOWN).flat_map(|(reason, pods)| {
            let bad = pods.iter().any(|pod| pod.fate != Fate::Deleted);
            let who = match *pods {
                [one] => format!("{}/{}", one.namespace, one.name),
                _ => label(&pods, self.layout.label),
            };
            let text = format!("↳ {who}: {reason}");
            let style = if bad { BAD } else { FORCED };
            paint::wrap(&text, self.layout.width(), 2).into_iter().map(move |line| paint::with(style, &line))
        });
        let mut lines: Vec<String> = lines.collect();
        if more > 0 {
            let text = format!("↳ and {} (--json has all)", paint::count(more, "more reason"));
            lines.push(paint::with(DIM, &text));
        }
        lines
    }
}

/// Draws the deadline into a row that ended before it.
fn deadline(node: &NodeTimeline, row: &mut Row) {
    if let Some(reclaimed) = node.reclaimed_ms {
        row.cells.underlay(reclaimed.saturating_sub(node.notice_ms), '│', DIM);
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
    match (node.cordoned_ms, empty_ms(node)) {
        (Some(_), Some(empty)) => format!("empty {}", duration(empty)),
        (Some(cordoned), None) => format!("cordoned {}", duration(cordoned.saturating_sub(node.notice_ms))),
        (None, _) => "not cordoned".to_owned(),
    }
}

/// Whether nobody but the group itself replaced the instance, when it found it gone: the handler asks for
/// nothing after the deadline.
pub(super) fn by_health_check(node: &NodeTimeline) -> bool {
    let (Some(track), Some(gone_ms)) = (&node.replacement, node.reclaimed_ms) else { return false };
    track.launched_ms >= gone_ms
}

/// When the last pod that was to leave was gone, from the notice on; `None` if one was not gone by
/// itself, or if there was none.
pub(super) fn empty_ms(node: &NodeTimeline) -> Option<u64> {
    if Tally::of(&node.pods).bad() > 0 {
        return None;
    }
    let leaving = node.pods.iter().filter(|pod| pod.fate != Fate::Stays);
    leaving.filter_map(|pod| pod.ended_ms).max().map(|ms| ms.saturating_sub(node.notice_ms))
}

/// Pods that were to leave, by fate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    good: usize,
    left: usize,
    killed: usize,
}

impl Tally {
    /// Counts `pods`.
    pub(super) fn of(pods: &[PodTrack]) -> Self {
        let mut tally = Self::default();
        for pod in pods {
            match pod.fate {
                Fate::Stays => {}
                Fate::Drained | Fate::Deleted => tally.good += 1,
                Fate::Left => tally.left += 1,
                Fate::Killed => tally.killed += 1,
            }
        }
        tally
    }

    /// All that were to leave.
    pub(super) fn total(self) -> usize {
        self.good + self.bad()
    }

    /// Killed or left.
    pub(super) fn bad(self) -> usize {
        self.left + self.killed
    }
}
