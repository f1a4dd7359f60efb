//! The one clock of the world: tokio's clock, seen as milliseconds and as wall time. It is paused in a
//! rehearsal, and runs in the live world.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Functions warm up so long before 0 ms.
const WARM_UP: Duration = Duration::from_secs(10);

/// Virtual time. 0 ms lies [`WARM_UP`] after the clock's making; before it, time stands at 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    zero: Instant,
    start: Timestamp,
}

impl Clock {
    /// A clock that shows `start` at 0 ms.
    pub(crate) fn new(start: Timestamp) -> Self {
        Self { zero: Instant::now() + WARM_UP, start }
    }

    /// A clock that shows `start` at 0 ms, which is now.
    pub(crate) fn running(start: Timestamp) -> Self {
        Self { zero: Instant::now(), start }
    }

    /// Milliseconds since the start of the rehearsal.
    pub(crate) fn now_ms(self) -> u64 {
        Instant::now().saturating_duration_since(self.zero).as_millis() as u64
    }

    /// `false` while functions warm up.
    pub(crate) fn has_begun(self) -> bool {
        Instant::now() >= self.zero
    }

    /// The instant of a millisecond.
    pub(crate) fn instant(self, at_ms: u64) -> Instant {
        self.zero + Duration::from_millis(at_ms)
    }

    /// Wall time now, before 0 ms too.
    pub(crate) fn wall(self) -> Timestamp {
        let now = Instant::now();
        let after = SignedDuration::from_millis(now.saturating_duration_since(self.zero).as_millis() as i64);
        let before = SignedDuration::from_millis(self.zero.saturating_duration_since(now).as_millis() as i64);
        self.start + after - before
    }

    /// Wall time of a millisecond.
    pub(crate) fn wall_at(self, at_ms: u64) -> Timestamp {
        self.start + SignedDuration::from_millis(at_ms as i64)
    }

    /// Millisecond of a wall time; negative before the start.
    pub(crate) fn ms_of(self, wall: Timestamp) -> i64 {
        wall.duration_since(self.start).as_millis() as i64
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        let since_epoch = self.wall().as_millisecond();
        UNIX_EPOCH + Duration::from_millis(since_epoch.max(0) as u64)
    }
}
