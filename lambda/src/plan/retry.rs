//! The one schedule of repeated calls.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// The pause after the `attempt`-th failure (0 for the first): doubling up to five seconds, and never
/// shorter than the API asked for.
pub(crate) fn pause(attempt: u32, retry_after: Option<Duration>) -> Duration {
    let own = FIRST.saturating_mul(1 << attempt.min(8)).min(LONGEST);
    own.max(retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_seconds() {
        let pauses: Vec<_> = (0..7).map(|n| pause(n, None).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(pause(u32::MAX, None), LONGEST);
    }

    #[test]
    fn a_retry_after_is_never_undercut() {
        let asked = Duration::from_secs(10);
        assert_eq!(pause(0, Some(asked)), asked);
        assert_eq!(pause(5, Some(Duration::from_secs(1))), LONGEST);
    }
}
