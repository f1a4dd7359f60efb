//! Reads of the group of one instance: whether it is replaced, and when the group ends the instance.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{
    budget::{Budget, jittered},
    plan::{
        capacity::{is_replaced, newcomer},
        group_deadline::{Ending, Phase, ending, phase},
        replacement::Facts,
    },
    ports::{AutoScaling, CallError, Group, Hook},
};

pub(super) const GROUP: &str = "autoscaling:DescribeAutoScalingGroups";
pub(super) const HOOKS: &str = "autoscaling:DescribeLifecycleHooks";
const ACTIVITIES: &str = "autoscaling:DescribeScalingActivities";

/// Reads after a detach, counted from its answer. A group launches within seconds, or finds no capacity within some
/// more.
const AFTER_DETACH: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(40)];

/// First pause between two reads of a group that replaces by itself; it grows by half each time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Longest pause between two reads.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The replacement, as far as the reads show it.
#[derive(Debug)]
pub(super) enum Finding {
    /// The group has replaced the instance; the new one's id, if it is certain.
    Replaced(Option<String>),
    /// A launch has failed, in Auto Scaling's words.
    NoCapacity(String),
    /// Neither; why the failed launches are not known, if they are not.
    Nothing(Option<CallError>),
}

/// The reads of the group of one instance.
#[derive(Debug)]
pub(super) struct GroupWatch<'a, A> {
    auto_scaling: &'a A,
    instance: &'a str,
    budget: &'a Budget,
    /// Set off when the drain leg is over.
    drained: &'a Notify,
    /// The group as it was read first.
    before: Group,
    /// `None`: not read yet.
    hooks: Option<Vec<Hook>>,
    /// The phase of its termination, and since when.
    phase: Option<(Phase, Duration)>,
    /// How long its hooks had held it at the first read.
    held_before: Duration,
    /// The deadline that the group has set.
    ending: Option<Ending>,
}

impl<'a, A: AutoScaling> GroupWatch<'a, A> {
    /// A watch that begins with what was read of the group.
    pub(super) fn new(
        auto_scaling: &'a A,
        instance: &'a str,
        budget: &'a Budget,
        drained: &'a Notify,
        facts: &Facts,
        hooks_are_known: bool,
    ) -> Self {
        let hooks = hooks_are_known.then(|| facts.hooks.clone());
        let (before, phase, held_before, ending) = (facts.group.clone(), None, Duration::ZERO, None);
        let mut watch =
            Self { auto_scaling, instance, budget, drained, before, hooks, phase, held_before, ending };
        watch.observe(facts.membership.as_ref().map(|member| member.lifecycle_state.as_str()));
        watch
    }

    /// The hooks of an instance that its group was terminating before the handler's entry have less time left.
    pub(super) async fn look_back(&mut self, entered: Timestamp) {
        if !matches!(self.phase, Some((Phase::Held, _))) {
            return;
        }
        let activities = self.auto_scaling.activities(&self.before.name);
        match self.budget.call(ACTIVITIES, activities).await {
            Ok(activities) => {
                let began = activities.terminations.get(self.instance).copied().unwrap_or(entered);
                self.held_before = Duration::try_from(entered.duration_since(began)).unwrap_or_default();
                self.put_in_force();
            }
            Err(error) => tracing::info!(%error, "begin of the termination not read"),
        }
    }

    /// The deadline that the group has set, if it is in force.
    pub(super) fn ending(self) -> Option<Ending> {
        self.ending
    }

    /// Whether the group ends the instance.
    pub(super) fn ends_it(&self) -> bool {
        self.phase.is_some()
    }

    /// The instance is in this state of its group, or in none: puts the deadline that follows in force.
    fn observe(&mut self, state: Option<&str>) {
        // A member that its group terminates cannot be detached: it leaves the group when it is terminated.
        if state.is_none() && self.ends_it() {
            return;
        }
        let now = self.budget.now();
        let hooks = self.hooks.as_deref();
        // Without the hooks, nothing is known of an instance that is not let go yet.
        let phase = state.and_then(|state| match (phase(state, hooks.unwrap_or_default()), hooks) {
            (Some(Phase::Ending), None) if state == "Terminating" => Some(Phase::Held),
            (phase, _) => phase,
        });
        self.phase = phase.map(|phase| match self.phase.take() {
            Some((known, since)) if known == phase => (phase, since),
            _ => (phase, now),
        });
        self.put_in_force();
    }

    /// Puts the deadline that follows from the phase in force.
    fn put_in_force(&mut self) {
        let (hooks, now) = (self.hooks.as_deref().unwrap_or_default(), self.budget.now());
        let noticed = self.budget.noticed();
        self.ending = self
            .phase
            .as_ref()
            .and_then(|(phase, since)| ending(phase, hooks, (*since, self.held_before), now, noticed));
        self.budget.set_deadline(self.ending.as_ref().map_or(noticed.deadline, |ending| ending.at));
    }

    /// One read. A read that fails shows nothing, and the next one may show all.
    async fn read(&mut self) -> Option<Group> {
        if self.hooks.is_none() && self.ends_it() {
            let hooks = self.auto_scaling.termination_hooks(&self.before.name);
            self.hooks = self.budget.call(HOOKS, hooks).await.ok();
        }
        match self.budget.call(GROUP, self.auto_scaling.group(&self.before.name)).await {
            Ok(group) => {
                let group = group?;
                self.observe(group.instances.get(self.instance).map(|member| member.state.as_str()));
                Some(group)
            }
            Err(error) => {
                tracing::info!(%error, "group not read");
                None
            }
        }
    }

    fn shows(&self, now: &Group) -> Option<Finding> {
        let replaced = is_replaced(&self.before, now, self.instance);
        replaced.then(|| Finding::Replaced(newcomer(&self.before, now).map(str::to_owned)))
    }

    /// The reads after a detach. A group that finds no capacity at first may find it in another pool: the reads go on
    /// until the node is drained.
    pub(super) async fn confirm(&mut self, noticed: Timestamp) -> Finding {
        let detached = self.budget.now();
        let mut has_read = false;
        for after in AFTER_DETACH {
            let next = detached + jittered(after);
            if next >= self.end() {
                break;
            }
            self.budget.wait_until(next).await;
            has_read = true;
            if let Some(shown) = self.read().await.and_then(|now| self.shows(&now)) {
                return shown;
            }
        }
        if !has_read {
            return Finding::Nothing(None);
        }
        while let Some(now) = self.next_read().await {
            if let Some(shown) = now.and_then(|now| self.shows(&now)) {
                return shown;
            }
        }
        self.failed_launch(noticed).await
    }

    /// Reads until the group is seen to replace the instance, or time is up.
    pub(super) async fn verify(&mut self, noticed: Timestamp) -> Finding {
        let mut pause = FIRST_PAUSE;
        loop {
            let next = self.budget.now() + pause;
            if next >= self.end() {
                return self.failed_launch(noticed).await;
            }
            self.budget.wait_until(next).await;
            pause = (pause + pause / 2).min(LONGEST_PAUSE);
            if let Some(shown) = self.read().await.and_then(|now| self.shows(&now)) {
                return shown;
            }
        }
    }

    /// Follows the deadline that the group sets until the node is drained or time is up.
    pub(super) async fn follow(&mut self) {
        while self.next_read().await.is_some() {}
    }

    /// One read after the longest pause; `None` when the node is drained or time is up.
    async fn next_read(&mut self) -> Option<Option<Group>> {
        let next = self.budget.now() + LONGEST_PAUSE;
        if next >= self.end() {
            return None;
        }
        tokio::select! {
            biased;
            () = self.drained.notified() => {
                // The next caller ends, too.
                self.drained.notify_one();
                return None;
            }
            () = self.budget.wait_until(next) => {}
        }
        Some(self.read().await)
    }

    /// The reads end here: at the deadline that the group has set, none would come after it.
    fn end(&self) -> Duration {
        let table = self.budget.timetable();
        if self.ending.is_some() {
            table.report_deadline()
        } else {
            table.drain_deadline().min(table.report_deadline())
        }
    }

    /// The words of the latest launch that has failed since the notice.
    async fn failed_launch(&self, noticed: Timestamp) -> Finding {
        let activities = self.auto_scaling.activities(&self.before.name);
        match self.budget.call(ACTIVITIES, activities).await {
            Ok(activities) => {
                let since = activities.failed_launches.into_iter().filter(|launch| launch.began >= noticed);
                let latest = since.max_by_key(|launch| launch.began);
                latest.map_or(Finding::Nothing(None), |launch| Finding::NoCapacity(launch.message))
            }
            Err(error) => Finding::Nothing(Some(error)),
        }
    }
}
