//! One row of the chart: a line of cells over the time axis, and the columns beside it.

use anstyle::Style;

use super::paint;

/// How the width of the terminal is shared out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Columns for the name of a row.
    pub(super) label: usize,
    /// Columns of the time axis, without the one of the deadline.
    pub(super) chart: usize,
    /// Columns for the figure behind the chart.
    pub(super) note: usize,
}

impl Layout {
    /// Shares out `width` columns (held between 40 and 150, outside of which a chart reads badly).
    pub(super) fn new(width: usize) -> Self {
        let width = width.clamp(40, 150);
        let label = (width * 3 / 10).clamp(12, 36);
        let note = (width / 5).clamp(16, 26);
        // Three: the column of the deadline and a space on both sides of the chart.
        Self { label, chart: width - label - note - 3, note }
    }

    /// All columns of a row.
    pub(super) fn width(self) -> usize {
        self.label + self.chart + self.note + 3
    }
}

/// The time axis of a chart: from a notice to the last deadline.
///
/// It is stretched at its beginning (columns grow with the square root of the time), because nearly
/// all of a good drain happens in the first ten of the hundred and twenty seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Columns between the ends of the axis.
    columns: usize,
    /// Time at the right end, in milliseconds.
    end_ms: u64,
}

impl Scale {
    /// An axis of `columns` columns from 0 to `end_ms`.
    pub(super) fn new(columns: usize, end_ms: u64) -> Self {
        Self { columns, end_ms: end_ms.max(1) }
    }

    /// Time at the right end, in milliseconds.
    pub(super) fn end_ms(self) -> u64 {
        self.end_ms
    }

    /// Column of a time; later than the end is at the end.
    pub(super) fn column(self, ms: u64) -> usize {
        let columns = self.columns as u128;
        let column = (u128::from(ms) * columns * columns / u128::from(self.end_ms)).isqrt();
        usize::try_from(column).unwrap_or(usize::MAX).min(self.columns)
    }

    /// The axis: seconds above, ticks below.
    pub(super) fn axis(self) -> [String; 2] {
        const SECONDS: [u64; 10] = [1, 2, 5, 10, 20, 30, 60, 90, 120, 300];
        let mut numbers = "0 s".to_owned();
        let mut ticks: Vec<char> = vec!['─'; self.columns + 1];
        let end = self.end_ms / 1000;
        for second in SECONDS.into_iter().filter(|&second| second < end).chain([end]) {
            let column = self.column(second * 1000);
            let number = second.to_string();
            // A number ends above its tick; one that has no room goes without.
            let start = (column + 1).saturating_sub(number.len());
            let used = numbers.chars().count();
            let crowds_the_end = second < end && column + 5 > self.columns;
            if start <= used || crowds_the_end {
                continue;
            }
            numbers.push_str(&paint::pad("", start - used));
            numbers.push_str(&number);
            if let Some(tick) = ticks.get_mut(column) {
                *tick = '┴';
            }
        }
        ticks[0] = '└';
        ticks[self.columns] = '┘';
        [numbers, ticks.into_iter().collect()]
    }
}

/// The cells of one row.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    scale: Scale,
    cells: Vec<Option<(char, Style)>>,
}

impl Cells {
    /// An empty row.
    pub(super) fn new(scale: Scale) -> Self {
        Self { scale, cells: vec![None; scale.columns + 1] }
    }

    /// Fills the time from `from_ms` up to `to_ms`, at least one cell.
    pub(super) fn fill(&mut self, from_ms: u64, to_ms: u64, glyph: char, style: Style) {
        let from = self.scale.column(from_ms);
        let to = self.scale.column(to_ms).max(from + 1);
        for cell in self.cells.iter_mut().take(to).skip(from) {
            *cell = Some((glyph, style));
        }
    }

    /// Marks a point in time. A mark never hides the beginning of what it ends: it moves one cell on.
    pub(super) fn mark(&mut self, ms: u64, after_ms: Option<u64>, glyph: char, style: Style) {
        let least = after_ms.map_or(0, |before| self.scale.column(before) + 1);
        let column = self.scale.column(ms).max(least).min(self.scale.columns);
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = Some((glyph, style));
        }
    }

    /// A thin line where the cell is still empty: the deadline on rows that end before it.
    pub(super) fn underlay(&mut self, ms: u64, glyph: char, style: Style) {
        let column = self.scale.column(ms);
        if let Some(cell) = self.cells.get_mut(column) {
            cell.get_or_insert((glyph, style));
        }
    }

    /// The row as text, neighbours of one style painted together.
    fn paint(&self) -> String {
        let mut text = String::new();
        let mut run = String::new();
        let mut style = paint::PLAIN;
        for cell in &self.cells {
            let (glyph, next) = cell.unwrap_or((' ', paint::PLAIN));
            if next != style {
                text.push_str(&paint::with(style, &run));
                run.clear();
                style = next;
            }
            run.push(glyph);
        }
        text.push_str(&paint::with(style, &run));
        text
    }
}

/// A whole row: name, cells, figure.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Name at the left.
    pub(super) label: String,
    /// Style of the name.
    pub(super) label_style: Style,
    /// What happened when.
    pub(super) cells: Cells,
    /// Figure at the right.
    pub(super) note: String,
    /// Style of the figure.
    pub(super) note_style: Style,
}

impl Row {
    /// The row as one line of text.
    pub(super) fn render(&self, layout: Layout) -> String {
        let label = paint::pad(&paint::shorten(&self.label, layout.label), layout.label);
        let note = paint::shorten(&self.note, layout.note);
        let line = format!(
            "{} {} {}",
            paint::with(self.label_style, &label),
            self.cells.paint(),
            paint::with(self.note_style, &note)
        );
        line.trim_end().to_owned()
    }
}
