//! What will happen, and when.

use std::collections::BTreeMap;

/// All that will happen, each event with its time and its place among those that are due at once.
pub(crate) struct Timers<Event> {
    due: BTreeMap<(u64, u64), (Event, bool)>,
    set: u64,
    /// Events that a run waits for: notices, ends of instances, launches.
    awaited: usize,
}

impl<Event> Timers<Event> {
    pub(super) fn new() -> Self {
        Self { due: BTreeMap::new(), set: 0, awaited: 0 }
    }

    /// `event` happens at `at_ms`.
    pub(super) fn set(&mut self, at_ms: u64, event: Event, is_awaited: bool) {
        self.awaited += usize::from(is_awaited);
        self.set += 1;
        self.due.insert((at_ms, self.set), (event, is_awaited));
    }

    /// When the next event is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.due.first_key_value().map(|((at_ms, _), _)| *at_ms)
    }

    /// Whether no notice, end of an instance or launch is outstanding.
    pub(crate) fn is_settled(&self) -> bool {
        self.awaited == 0
    }

    /// The next event that is due by `to_ms`, with its time.
    pub(super) fn pop(&mut self, to_ms: u64) -> Option<(u64, Event)> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= to_ms)?;
        let ((at_ms, _), (event, is_awaited)) = entry.remove_entry();
        self.awaited -= usize::from(is_awaited);
        Some((at_ms, event))
    }
}
