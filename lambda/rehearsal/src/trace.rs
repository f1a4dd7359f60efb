//! The run as lines of text: one for each call and each state change, virtual milliseconds first.

/// Lines in the order in which things happened.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: Vec<String>,
}

impl Trace {
    /// Adds a line at `at_ms`.
    pub(crate) fn line(&mut self, at_ms: u64, what: &str) {
        self.lines.push(format!("{at_ms:>7} {what}"));
    }

    /// All lines so far.
    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}
