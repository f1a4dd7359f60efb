//! The seats of an API server's calls (API priority and fairness).

use super::spec::Seats;

/// The seats of one cluster's API server.
pub(crate) struct Level {
    pub(crate) seats: Seats,
    /// When each seat is free.
    free_ms: Vec<u64>,
    /// When the calls that wait get their seats.
    begins_ms: Vec<u64>,
}

impl Level {
    pub(super) fn new(seats: Seats) -> Self {
        Self { seats, free_ms: vec![0; seats.concurrent.max(1) as usize], begins_ms: Vec::new() }
    }

    /// When a call that arrives now gets its seat; `None`: it is turned away.
    pub(crate) fn take(&mut self, now_ms: u64) -> Option<u64> {
        self.begins_ms.retain(|begins_ms| *begins_ms > now_ms);
        let waiting = self.begins_ms.len();
        let first_free = self.free_ms.iter_mut().min()?;
        let begins_ms = now_ms.max(*first_free);
        if begins_ms > now_ms {
            if waiting >= self.seats.queue as usize {
                return None;
            }
            self.begins_ms.push(begins_ms);
        }
        *first_free = begins_ms + self.seats.service_ms;
        Some(begins_ms)
    }
}
