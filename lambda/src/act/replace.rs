//! The replacement leg: read the group, choose, ask, and look at what comes of it.

use tokio::sync::Notify;

use super::{
    Leg,
    group_watch::{Finding, GROUP, GroupWatch, HOOKS},
};
use crate::{
    plan::{
        group_deadline::Ending,
        replacement::{Choice, Facts, choose, not_run},
    },
    ports::{AutoScaling, CallError, CallResult, Group, Hook},
    report::{self, Method, ReplacementOutcome, ReplacementReport},
};

const MEMBERSHIP: &str = "autoscaling:DescribeAutoScalingInstances";
const DETACH: &str = "autoscaling:DetachInstances";

impl<A: AutoScaling> Leg<'_, A> {
    /// Runs the replacement leg. Until the node is `drained`, a group that ends the instance sets its deadline, which is
    /// returned if it is in force.
    pub(crate) async fn replace(self, drained: &Notify) -> (ReplacementReport, Option<Ending>) {
        let without_action = ReplacementReport::without_action;
        if let Err(reason) = self.course.replace {
            return (without_action(ReplacementOutcome::NotNeeded, Some(reason.to_owned())), None);
        }
        let (facts, doubt) = match self.read().await {
            Ok(read) => read,
            Err(error) => {
                let report = without_action(ReplacementOutcome::Failed, Some(error.to_string()));
                return (ReplacementReport { group: self.target.group.clone(), ..report }, None);
            }
        };
        let (instance, hooks_are_known) = (&self.target.instance_id, doubt.is_none());
        let mut watch = GroupWatch::new(self.api, instance, self.budget, drained, &facts, hooks_are_known);
        watch.look_back(self.entered).await;
        let report = match (choose(&facts, self.policy), &facts.membership) {
            (choice, _) if self.policy.dry_run => without_call(choice),
            (Choice::Detach, Some(member)) => {
                self.detach(&member.group, doubt.or_else(|| not_run(&facts.hooks)), &mut watch).await
            }
            (Choice::Verify(why), _) => self.verify(why, doubt, &mut watch).await,
            (choice, _) => without_call(choice),
        };
        let by_itself = facts.replaces_by_itself();
        let group = facts.membership.map(|member| member.group).or_else(|| self.target.group.clone());
        let report = ReplacementReport { group, after_ms: Some(self.budget.now_ms()), ..report };
        if !self.policy.dry_run && (by_itself || watch.ends_it()) {
            watch.follow().await;
        }
        (report, watch.ending())
    }

    /// Reads what the choice depends on; all at once where the group's name is known from the tags. Beside it,
    /// what is doubtful about it.
    async fn read(&self) -> CallResult<(Facts, Option<String>)> {
        let membership = self.budget.operation(MEMBERSHIP, || self.api.membership(&self.target.instance_id));
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

    async fn about(&self, group: &str) -> CallResult<(Group, CallResult<Vec<Hook>>)> {
        let (found, hooks) = tokio::join!(
            self.budget.operation(GROUP, || self.api.group(group)),
            self.budget.call(HOOKS, self.api.termination_hooks(group)),
        );
        let found = found?.ok_or_else(|| CallError::NotFound(format!("Auto Scaling group {group}")))?;
        Ok((found, hooks))
    }

    /// Detaches the instance, and reads what the group launches instead. The report has `note` in any case.
    async fn detach(
        &self,
        group: &str,
        note: Option<String>,
        watch: &mut GroupWatch<'_, A>,
    ) -> ReplacementReport {
        let call = || self.api.detach(&self.target.instance_id, group);
        let report = outcome_of(self.budget.retry_tracking_ambiguity(DETACH, call).await);
        if report.outcome != ReplacementOutcome::Requested {
            return report;
        }
        let requested_after_ms = Some(self.budget.now_ms());
        let finding = watch.confirm(self.notice.time).await;
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
fn outcome_of((answer, maybe_applied): (CallResult<()>, bool)) -> ReplacementReport {
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

/// The report on a choice that needs no call, or for which none is made because the function runs dry.
fn without_call(choice: Choice) -> ReplacementReport {
    let (outcome, method, reason) = match choice {
        Choice::Detach => {
            (ReplacementOutcome::NotNeeded, Method::Detach, "dry run: to be detached".to_owned())
        }
        Choice::Verify(why) => {
            (ReplacementOutcome::NotNeeded, Method::Verify, format!("dry run: to be watched ({why})"))
        }
        Choice::Already(why) => (ReplacementOutcome::Already, Method::None, why),
        Choice::Refused(why) => (ReplacementOutcome::Refused, Method::None, why.to_owned()),
        Choice::None(why) => (ReplacementOutcome::NotNeeded, Method::None, why.to_owned()),
    };
    ReplacementReport { method, ..ReplacementReport::without_action(outcome, Some(reason)) }
}
