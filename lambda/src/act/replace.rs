//! The replacement leg: read the group, choose, ask, and look at what comes of it.

use jiff::Timestamp;
use tokio::sync::Notify;

use super::group_watch::{Finding, GROUP, GroupWatch, HOOKS};
use crate::{
    budget::Budget,
    event::Notice,
    locate::Target,
    plan::{
        Policy,
        course::Course,
        group_deadline::Ending,
        replacement::{Choice, Facts, choose, not_run},
    },
    ports::{AutoScaling, CallError, Group, Hook},
    report::{self, Method, ReplacementOutcome, ReplacementReport},
};

const MEMBERSHIP: &str = "autoscaling:DescribeAutoScalingInstances";
const DETACH: &str = "autoscaling:DetachInstances";

/// Outcome of the replacement leg.
#[derive(Debug)]
pub(crate) struct Replaced {
    /// The replacement.
    pub(crate) report: ReplacementReport,
    /// The deadline that the group has set, if it is in force.
    pub(crate) ending: Option<Ending>,
}

impl From<ReplacementReport> for Replaced {
    fn from(report: ReplacementReport) -> Self {
        Self { report, ending: None }
    }
}

/// One replacement leg.
#[derive(Debug)]
pub(crate) struct ReplaceLeg<'a, A> {
    /// EC2 Auto Scaling.
    pub(crate) auto_scaling: &'a A,
    /// The instance.
    pub(crate) target: &'a Target,
    /// The notice.
    pub(crate) notice: &'a Notice,
    /// The course of the notice.
    pub(crate) course: &'a Course,
    /// The operator's choices.
    pub(crate) policy: &'a Policy,
    /// Time and calls.
    pub(crate) budget: &'a Budget,
    /// Wall clock at the handler's entry.
    pub(crate) entered: Timestamp,
    /// Set off when the drain leg is over.
    pub(crate) drained: &'a Notify,
}

impl<A: AutoScaling> ReplaceLeg<'_, A> {
    /// Runs the leg. As long as the drain leg runs, a group that ends the instance sets its deadline.
    pub(crate) async fn run(self) -> Replaced {
        if let Err(reason) = self.course.replace {
            return ReplacementReport::without_action(ReplacementOutcome::NotNeeded, Some(reason.to_owned()))
                .into();
        }
        let (facts, doubt) = match self.read().await {
            Ok(read) => read,
            Err(error) => {
                let report =
                    ReplacementReport::without_action(ReplacementOutcome::Failed, Some(error.to_string()));
                return ReplacementReport { group: self.target.group.clone(), ..report }.into();
            }
        };
        let instance = &self.target.instance_id;
        let mut watch = GroupWatch::new(self.auto_scaling, instance, self.budget, &facts, doubt.is_none());
        watch.look_back(self.entered).await;
        let choice = choose(&facts, self.policy);
        let report = if self.policy.dry_run {
            dry(&choice)
        } else {
            self.follow(&choice, &facts, doubt, &mut watch).await
        };
        let by_itself = facts.replaces_by_itself();
        let group = facts.membership.map(|member| member.group).or_else(|| self.target.group.clone());
        let report = ReplacementReport { group, after_ms: Some(self.budget.now_ms()), ..report };
        if !self.policy.dry_run && (by_itself || watch.ends_it()) {
            watch.follow(self.drained).await;
        }
        Replaced { report, ending: watch.ending() }
    }

    /// Reads what the choice depends on; all at once where the group's name is known from the tags. Beside it,
    /// what is doubtful about it.
    async fn read(&self) -> Result<(Facts, Option<String>), CallError> {
        let membership =
            self.budget.operation(MEMBERSHIP, || self.auto_scaling.membership(&self.target.instance_id));
        let (membership, group, hooks) = match &self.target.group {
            Some(name) => {
                let (membership, about) = tokio::join!(membership, self.about(name));
                let (group, hooks) = about?;
                (membership?, group, hooks)
            }
            None => match membership.await? {
                Some(membership) => {
                    let (group, hooks) = self.about(&membership.group).await?;
                    (Some(membership), group, hooks)
                }
                None => return Ok((Facts::default(), None)),
            },
        };
        // Not knowing the hooks does not hold the replacement up.
        let (hooks, doubt) = match hooks {
            Ok(hooks) => (hooks, None),
            Err(error) => (Vec::new(), Some(format!("lifecycle hooks not read: {error}"))),
        };
        Ok((Facts { membership, group, hooks, managed: self.target.managed }, doubt))
    }

    async fn about(&self, group: &str) -> Result<(Group, Result<Vec<Hook>, CallError>), CallError> {
        let (found, hooks) = tokio::join!(
            self.budget.operation(GROUP, || self.auto_scaling.group(group)),
            self.budget.call(HOOKS, self.auto_scaling.termination_hooks(group)),
        );
        let found = found?.ok_or_else(|| CallError::NotFound(format!("Auto Scaling group {group}")))?;
        Ok((found, hooks))
    }

    async fn follow(
        &self,
        choice: &Choice,
        facts: &Facts,
        doubt: Option<String>,
        watch: &mut GroupWatch<'_, A>,
    ) -> ReplacementReport {
        match (choice, &facts.membership) {
            (Choice::Detach, Some(member)) => {
                self.detach(&member.group, doubt.or_else(|| not_run(&facts.hooks)), watch).await
            }
            (Choice::Verify(why), _) => self.verify(why, doubt, watch).await,
            _ => without_call(choice),
        }
    }

    /// Detaches the instance, and reads what the group launches instead. The report has `note` in any case.
    async fn detach(
        &self,
        group: &str,
        note: Option<String>,
        watch: &mut GroupWatch<'_, A>,
    ) -> ReplacementReport {
        let call = || self.auto_scaling.detach(&self.target.instance_id, group);
        let report = outcome_of(self.budget.retry_tracking_ambiguity(DETACH, call).await);
        if report.outcome != ReplacementOutcome::Requested {
            return report;
        }
        let requested_after_ms = Some(self.budget.now_ms());
        let finding = watch.confirm(self.notice.time, self.drained).await;
        let (outcome, instance_id, found) = found(finding, ReplacementOutcome::Requested);
        let reason = report::reason([found, report.reason, note]);
        ReplacementReport { outcome, instance_id, requested_after_ms, reason, ..report }
    }

    /// Only reads: the group replaces the instance by itself, or nothing does.
    async fn verify(
        &self,
        why: &str,
        doubt: Option<String>,
        watch: &mut GroupWatch<'_, A>,
    ) -> ReplacementReport {
        let (outcome, instance_id, found) =
            found(watch.verify(self.notice.time).await, ReplacementOutcome::Failed);
        let found = match (outcome, found) {
            (ReplacementOutcome::Failed, error) => {
                let error = error.map(|error| format!(" ({error})")).unwrap_or_default();
                Some(format!("the group has not begun to replace it{error}"))
            }
            (_, found) => found,
        };
        let reason = found.map_or_else(|| why.to_owned(), |found| format!("{why}: {found}"));
        let reason = report::reason([Some(reason), doubt]);
        let report = ReplacementReport::without_action(outcome, reason);
        ReplacementReport { method: Method::Verify, instance_id, ..report }
    }
}

/// Outcome, new instance and words of a finding; `otherwise` is the outcome where it shows nothing.
fn found(
    finding: Finding,
    otherwise: ReplacementOutcome,
) -> (ReplacementOutcome, Option<String>, Option<String>) {
    match finding {
        Finding::Replaced(instance_id) => (ReplacementOutcome::Confirmed, instance_id, None),
        Finding::NoCapacity(words) => (ReplacementOutcome::NoCapacity, None, Some(words)),
        Finding::Nothing(error) => {
            (otherwise, None, error.map(|error| format!("scaling activities not read: {error}")))
        }
    }
}

/// The outcome of a detach. An attempt that is `maybe_applied` is why the instance has left its group by the
/// next one: it has left because of us.
fn outcome_of((answer, maybe_applied): (Result<(), CallError>, bool)) -> ReplacementReport {
    let (outcome, reason) = match answer {
        Ok(()) => (ReplacementOutcome::Requested, None),
        Err(error @ CallError::LostRace(_)) if maybe_applied => {
            (ReplacementOutcome::Requested, Some(format!("an attempt had no answer; after it: {error}")))
        }
        Err(error @ CallError::LostRace(_)) => (ReplacementOutcome::Already, Some(error.to_string())),
        Err(error) => (ReplacementOutcome::Failed, Some(error.to_string())),
    };
    ReplacementReport { method: Method::Detach, ..ReplacementReport::without_action(outcome, reason) }
}

/// The report on a choice that needs no call.
fn without_call(choice: &Choice) -> ReplacementReport {
    let (outcome, reason) = match choice {
        Choice::Detach | Choice::Verify(_) => (ReplacementOutcome::NotNeeded, None),
        Choice::Already(why) => (ReplacementOutcome::Already, Some(why.clone())),
        Choice::Refused(why) => (ReplacementOutcome::Refused, Some((*why).to_owned())),
        Choice::None(why) => (ReplacementOutcome::NotNeeded, Some((*why).to_owned())),
    };
    ReplacementReport::without_action(outcome, reason)
}

/// The report on a choice in a dry run.
fn dry(choice: &Choice) -> ReplacementReport {
    let (method, reason) = match choice {
        Choice::Detach => (Method::Detach, "dry run: to be detached".to_owned()),
        Choice::Verify(why) => (Method::Verify, format!("dry run: to be watched ({why})")),
        Choice::Already(_) | Choice::Refused(_) | Choice::None(_) => return without_call(choice),
    };
    let report = ReplacementReport::without_action(ReplacementOutcome::NotNeeded, Some(reason));
    ReplacementReport { method, ..report }
}
