//! Deadline arithmetic. All times are offsets from the handler's entry.

use std::time::Duration;

/// A pod that its PodDisruptionBudget protects is given at most this much of its grace at the last
/// moment: Kubernetes' default grace period.
const LAST_MOMENT_GRACE: Duration = Duration::from_secs(30);

/// Enough for the last Events and the report.
const REPORTING: Duration = Duration::from_secs(3);

/// Time kept free in an invocation for its answer.
const ANSWER: Duration = Duration::from_secs(1);

/// Share of the usable time that is kept for system-critical pods.
const CRITICAL_SHARE: u32 = 3;

/// The times of one drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timetable {
    /// The end of the instance.
    pub(crate) deadline: Duration,
    /// Time before the deadline by which pods have to be gone.
    pub(crate) margin: Duration,
    invocation: Duration,
}

impl Timetable {
    /// A timetable for an instance that ends `deadline` after the handler's entry and whose pods are to
    /// be gone `margin` before, handled by an invocation that ends `invocation` after its entry.
    pub(crate) fn new(deadline: Duration, margin: Duration, invocation: Duration) -> Self {
        Self { deadline, margin, invocation }
    }

    /// The same, for an instance that ends `deadline` after the handler's entry, if that is earlier.
    pub(crate) fn ending_by(self, deadline: Duration) -> Self {
        Self { deadline: self.deadline.min(deadline), ..self }
    }

    /// The time from which nothing is written.
    pub(crate) fn end(self) -> Duration {
        self.deadline.min(self.invocation.saturating_sub(ANSWER))
    }

    /// The time by which pods have to be gone.
    pub(crate) fn drain_deadline(self) -> Duration {
        self.deadline.saturating_sub(self.margin)
    }

    /// The time at which the handler stops waiting: what is left of the margin is for the last Events and the report.
    pub(crate) fn report_deadline(self) -> Duration {
        self.end().saturating_sub((self.margin / 2).min(REPORTING))
    }

    /// A call that begins at `begun` is cut off here if nothing else cuts it off before: at the closing, so that
    /// an API that hangs does not hold up the report. The last Events, which begin later, get half of what is
    /// left then.
    pub(crate) fn cut_off(self, begun: Duration) -> Duration {
        let report = self.report_deadline();
        if begun < report { report } else { report + self.end().saturating_sub(report) / 2 }
    }

    /// The grace to send at `now` for a pod whose own is `own`: `None` if its own ends in time, else
    /// what is left, in whole seconds, at least 1 (0 would skip SIGTERM).
    pub(crate) fn cut_grace(self, own: Duration, now: Duration) -> Option<i64> {
        let left = self.drain_deadline().saturating_sub(now);
        (own > left).then(|| i64::try_from(left.as_secs()).unwrap_or(i64::MAX).max(1))
    }

    /// The last moment for a pod with this grace: from here on its PodDisruptionBudget no longer
    /// protects it, because EC2 is about to kill it anyway. It follows from the instance's end alone: an
    /// invocation that ends before does not bring it forward.
    pub(crate) fn last_moment(self, own_grace: Duration) -> Duration {
        self.drain_deadline().saturating_sub(own_grace.min(LAST_MOMENT_GRACE))
    }

    /// The last moment of the pods that have the most of it: the node is looked at once more here.
    pub(crate) fn last_look(self) -> Duration {
        self.last_moment(LAST_MOMENT_GRACE)
    }

    /// When the critical wave starts even if the one before it is not gone: early enough for the longest
    /// of its graces, and with a third of the time at least.
    pub(crate) fn critical_wave_start(self, longest_grace: Duration) -> Duration {
        let end = self.drain_deadline().min(self.end());
        end.saturating_sub(longest_grace.min(end / 2).max(end / CRITICAL_SHARE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn grace_is_sent_only_when_the_pods_own_would_end_too_late() {
        let table = Timetable::new(s(120), s(5), s(150));
        for (case, own, now, expected) in [
            ("in time", s(30), s(0), None),
            ("just in time", s(30), s(85), None),
            ("cut", s(30), s(86), Some(29)),
            ("long", s(600), s(0), Some(115)),
            ("fractions are cut off", s(600), Duration::from_millis(500), Some(114)),
            ("at least one second", s(30), s(115), Some(1)),
            ("after the deadline", s(30), s(300), Some(1)),
            ("none asked", s(0), s(114), None),
        ] {
            assert_eq!(table.cut_grace(own, now), expected, "{case}");
        }
    }

    #[test]
    fn a_call_is_cut_off_early_enough_for_the_report() {
        let table = Timetable::new(s(120), s(4), s(150));
        assert_eq!((table.report_deadline(), table.end()), (s(118), s(120)));
        for (case, begun, expected) in
            [("at work", s(0), s(118)), ("just in time", s(117), s(118)), ("a last Event", s(118), s(119))]
        {
            assert_eq!(table.cut_off(begun), expected, "{case}");
        }
    }

    #[test]
    fn the_last_moment_leaves_thirty_seconds_of_grace_at_most() {
        let table = Timetable::new(s(120), s(5), s(150));
        for (own, expected) in [(s(30), s(85)), (s(5), s(110)), (s(600), s(85)), (s(0), s(115))] {
            assert_eq!(table.last_moment(own), expected);
        }
        assert_eq!(Timetable::new(s(3), s(5), s(150)).last_moment(s(30)), s(0));
    }

    #[test]
    fn the_critical_wave_gets_its_grace_or_a_third_of_the_time() {
        let table = Timetable::new(s(125), s(5), s(150));
        for (grace, expected) in [(s(10), s(80)), (s(50), s(70)), (s(600), s(60))] {
            assert_eq!(table.critical_wave_start(grace), expected);
        }
        assert_eq!(Timetable::new(s(2), s(5), s(150)).critical_wave_start(s(30)), s(0));
    }

    #[test]
    fn a_short_invocation_brings_no_last_moment_forward() {
        let table = Timetable::new(s(120), s(4), s(30));
        assert_eq!(table.end(), s(29));
        assert_eq!(table.report_deadline(), s(27));
        assert!(table.critical_wave_start(s(5)) < table.report_deadline());
        assert_eq!(table.last_moment(s(30)), s(86));
        assert_eq!(table.cut_grace(s(60), s(0)), None);
    }
}
