//! The limit of a search, counted in pods that it places, so that the same input has the same result on every machine.

/// Pods that a search may place, for each pod of the cluster.
const FOR_EACH_POD: u64 = 60;

/// What a search has done and may do.
pub(super) struct Effort {
    /// Pods that were placed.
    pub(super) done: u64,
    limit: u64,
}

impl Effort {
    pub(super) fn new(pods: usize) -> Self {
        Self { done: 0, limit: (pods as u64 * FOR_EACH_POD).max(100_000) }
    }

    pub(super) fn add(&mut self, pods: usize) {
        self.done += pods as u64;
    }

    /// Whether the search may go on.
    pub(super) fn more(&self) -> bool {
        self.done < self.limit
    }
}
