//! What will happen, and when.

use std::collections::BTreeMap;

use crate::facts::PodId;

/// Something that will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Timer {
    /// EC2 issues a notice.
    Notice(usize),
    /// EC2 takes an instance.
    Reclaim(String),
    /// An administrator terminates an instance.
    ShutDown(String),
    /// The node of a taken instance is removed.
    NodeGone(String),
    /// A group acts on a notice by itself.
    Rebalance(String),
    /// An instance freezes.
    Freeze(String),
    /// A new instance's node is Ready.
    Boot(String),
    /// A group sees that a member is gone.
    HealthCheck(String),
    /// No hook holds a terminating member any more.
    HooksOver(String),
    /// A group ends a terminating member.
    GroupEnds(String),
    /// A group lets go of a detached instance.
    Detached(String),
    /// The node controller looks at a cordoned node.
    Taint(usize, String),
    /// The scheduler looks at the pending pods.
    Schedule(usize),
    /// A pod that was assumed on a node is bound to it.
    BindLate(PodId, String),
    /// A pod becomes Ready.
    PodReady(PodId),
    /// A terminating pod ends, by itself or by SIGKILL.
    PodEnd(PodId),
    /// A budget is changed.
    Budget(usize, usize),
    /// The namespace controller deletes the pods of a namespace.
    NamespacePods(usize, String),
    /// Others delete the pods of a workload.
    Deletion(usize, usize),
    /// Connections to the API servers break.
    CutWatches,
}

impl Timer {
    fn is_awaited(&self) -> bool {
        matches!(
            self,
            Self::Notice(_)
                | Self::Rebalance(_)
                | Self::Reclaim(_)
                | Self::ShutDown(_)
                | Self::Freeze(_)
                | Self::Boot(_)
                | Self::HealthCheck(_)
        )
    }
}

/// All timers, each with its time and its place among those that are due at once.
#[derive(Default)]
pub(crate) struct Timers {
    due: BTreeMap<(u64, u64), Timer>,
    set: u64,
    /// Timers that a run waits for: notices, ends of instances, launches.
    awaited: usize,
}

impl Timers {
    /// `timer` goes off at `at_ms`.
    pub(super) fn set(&mut self, at_ms: u64, timer: Timer) {
        self.awaited += usize::from(timer.is_awaited());
        self.set += 1;
        self.due.insert((at_ms, self.set), timer);
    }

    /// When the next timer goes off.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.due.first_key_value().map(|((at_ms, _), _)| *at_ms)
    }

    /// Whether no notice, end of an instance or launch is outstanding.
    pub(crate) fn is_settled(&self) -> bool {
        self.awaited == 0
    }

    /// The next timer that is due by `to_ms`, with its time.
    pub(super) fn pop(&mut self, to_ms: u64) -> Option<(u64, Timer)> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= to_ms)?;
        let ((at_ms, _), timer) = entry.remove_entry();
        self.awaited -= usize::from(timer.is_awaited());
        Some((at_ms, timer))
    }
}
