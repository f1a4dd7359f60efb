//! One row of the chart: a line of cells over the time axis, and the columns beside it.

use anstyle::Style;

use super::paint::{self, DIM, PLAIN};

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
    pub(super) columns: usize,
    /// Time at the right end, in milliseconds; not 0.
    pub(super) end_ms: u64,
}

impl Scale {
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
            let crowds_the_end = second < end && column + 5 > self.columns;
            if start > numbers.len() && !crowds_the_end {
                numbers = format!("{numbers:start$}{number}");
                ticks[column] = '┴';
            }
        }
        ticks[0] = '└';
        ticks[self.columns] = '┘';
        [numbers, ticks.into_iter().collect()]
    }
}

/// A row of the chart: its name, what happened when, and a figure.
#[derive(Debug, Clone)]
pub(super) struct Row {
    scale: Scale,
    label: String,
    style: Style,
    cells: Vec<(char, Style)>,
    /// Figure at the right, and its style.
    pub(super) note: (String, Style),
}

impl Row {
    /// An empty row of this name.
    pub(super) fn new(scale: Scale, label: impl Into<String>, style: Style) -> Self {
        let cells = vec![(' ', PLAIN); scale.columns + 1];
        Self { scale, label: label.into(), style, cells, note: (String::new(), PLAIN) }
    }

    /// Fills the time from `from_ms` up to `to_ms`, at least one cell.
    pub(super) fn fill(&mut self, from_ms: u64, to_ms: u64, glyph: char, style: Style) {
        let from = self.scale.column(from_ms);
        let to = self.scale.column(to_ms).max(from + 1);
        self.cells[from..to].fill((glyph, style));
    }

    /// Marks a point in time. A mark never hides the beginning of what it ends: it moves one cell on.
    pub(super) fn mark(&mut self, ms: u64, after_ms: Option<u64>, glyph: char, style: Style) {
        let least = after_ms.map_or(0, |before| self.scale.column(before) + 1);
        let column = self.scale.column(ms).max(least).min(self.scale.columns);
        self.cells[column] = (glyph, style);
    }

    /// Draws a thin line for the deadline, where the row ended before it.
    pub(super) fn draw_deadline(&mut self, ms: u64) {
        let cell = &mut self.cells[self.scale.column(ms)];
        if cell.0 == ' ' {
            *cell = ('│', DIM);
        }
    }

    /// The row as one line of text, neighbours of one style painted together.
    pub(super) fn render(&self, layout: Layout) -> String {
        let label = format!("{:1$}", paint::shorten(&self.label, layout.label), layout.label);
        let note = paint::shorten(&self.note.0, layout.note);
        let runs = self.cells.chunk_by(|one, next| one.1 == next.1);
        let cells = runs.map(|run| paint::with(run[0].1, &run.iter().map(|cell| cell.0).collect::<String>()));
        let (label, cells) = (paint::with(self.style, &label), cells.collect::<String>());
        format!("{label} {cells} {}", paint::with(self.note.1, &note)).trim_end().to_owned()
    }
}
