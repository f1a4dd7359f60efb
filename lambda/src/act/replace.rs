//! The replacement leg: read the group, choose, ask; or watch the group do it by itself.

use std::time::Duration;

use crate::{
    budget::Budget,
    event::Notice,
    locate::Target,
    plan::{
        Policy,
        replacement::{Choice, Facts, choose, client_token, is_replaced, newcomer, not_wanted},
    },
    ports::{AutoScaling, CallError, Group, Membership},
    report::{Method, ReplacementOutcome, ReplacementReport},
};

const MEMBERSHIP: &str = "autoscaling:DescribeAutoScalingInstances";
const GROUP: &str = "autoscaling:DescribeAutoScalingGroups";
const HOOKS: &str = "autoscaling:DescribeLifecycleHooks";
const DETACH: &str = "autoscaling:DetachInstances";
const TERMINATE: &str = "autoscaling:TerminateInstanceInAutoScalingGroup";
const LAUNCH: &str = "autoscaling:LaunchInstances";

/// First pause between two looks at a group that replaces by itself; it grows by half each time.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// One replacement leg.
#[derive(Debug)]
pub struct ReplaceLeg<'a, A> {
    /// EC2 Auto Scaling.
    pub auto_scaling: &'a A,
    /// The instance.
    pub target: &'a Target,
    /// The notice.
    pub notice: &'a Notice,
    /// The operator's choices.
    pub policy: &'a Policy,
    /// Time and calls.
    pub budget: &'a Budget,
}

impl<A: AutoScaling> ReplaceLeg<'_, A> {
    /// Runs the leg.
    pub async fn run(self) -> ReplacementReport {
        if let Some(reason) = not_wanted(self.notice.action, self.policy) {
            return ReplacementReport::undone(ReplacementOutcome::NotNeeded, Some(reason.to_owned()));
        }
        let (facts, doubt) = match self.read().await {
            Ok(read) => read,
            Err(error) => {
                let report = ReplacementReport::undone(ReplacementOutcome::Failed, Some(error.to_string()));
                return ReplacementReport { group: self.target.group.clone(), ..report };
            }
        };
        let choice = choose(&facts, self.policy);
        let report = if self.policy.dry_run { dry(&choice) } else { self.follow(&choice, &facts).await };
        let group = facts.membership.map(|m| m.group).or_else(|| self.target.group.clone());
        let reason = report.reason.or(doubt);
        ReplacementReport { group, reason, after_ms: Some(self.budget.now_ms()), ..report }
    }

    /// Reads what the choice depends on; all at once where the group's name is known from the tags. Beside it,
    /// what is doubtful about it.
    async fn read(&self) -> Result<(Facts, Option<String>), CallError> {
        let membership =
            self.budget.operation(MEMBERSHIP, || self.auto_scaling.membership(&self.target.instance_id));
        let (membership, group, hook) = match &self.target.group {
            Some(name) => {
                let (membership, about) = tokio::join!(membership, self.about(name));
                let (group, hook) = about?;
                (membership?, group, hook)
            }
            None => match membership.await? {
                Some(membership) => {
                    let (group, hook) = self.about(&membership.group).await?;
                    (Some(membership), group, hook)
                }
                None => return Ok((Facts::default(), None)),
            },
        };
        // Hooks only choose between two ways: not knowing them does not hold the replacement up.
        let (termination_hook, doubt) = match hook {
            Ok(hook) => (hook, None),
            Err(error) => (false, Some(format!("lifecycle hooks not read, taken for none: {error}"))),
        };
        Ok((Facts { membership, group, termination_hook, managed: self.target.managed }, doubt))
    }

    async fn about(&self, group: &str) -> Result<(Group, Result<bool, CallError>), CallError> {
        let (found, hook) = tokio::join!(
            self.budget.operation(GROUP, || self.auto_scaling.group(group)),
            self.budget.call(HOOKS, self.auto_scaling.has_termination_hook(group)),
        );
        let found = found?.ok_or_else(|| CallError::NotFound(format!("Auto Scaling group {group}")))?;
        Ok((found, hook))
    }

    async fn follow(&self, choice: &Choice, facts: &Facts) -> ReplacementReport {
        let instance = self.target.instance_id.as_str();
        match (choice, &facts.membership) {
            (Choice::Detach, Some(member)) => asked(Method::Detach, self.detach(&member.group, false).await),
            (Choice::Terminate, _) => {
                let call = || self.auto_scaling.terminate(instance);
                asked(Method::Terminate, self.budget.retried_or_heard(TERMINATE, call).await)
            }
            (Choice::Launch, Some(member)) => self.launch(member).await,
            (Choice::Verify(why), _) => self.verify(why, &facts.group).await,
            (Choice::Already(why), _) => {
                ReplacementReport::undone(ReplacementOutcome::Already, Some(why.clone()))
            }
            (Choice::None(why), _) => {
                ReplacementReport::undone(ReplacementOutcome::NotNeeded, Some((*why).to_owned()))
            }
            (Choice::Detach | Choice::Launch, None) => {
                ReplacementReport::undone(ReplacementOutcome::NotNeeded, None)
            }
        }
    }

    /// Launches one instance in the same zone, so that zonal volumes can follow, and takes the old one
    /// out with decrement: the group keeps its size. Without capacity there, the group itself goes on
    /// looking in all its zones.
    async fn launch(&self, member: &Membership) -> ReplacementReport {
        let group = member.group.as_str();
        let token = client_token(&self.target.instance_id);
        let launch = || self.auto_scaling.launch(group, &member.zone, &token);
        let launched = match self.budget.operation(LAUNCH, launch).await {
            Ok(launched) => launched,
            // Nothing was launched, for sure: the group itself goes on looking.
            Err(error @ (CallError::Refused(_) | CallError::Forbidden(_) | CallError::NotFound(_))) => {
                let report = asked(Method::Detach, self.detach(group, false).await);
                let why = report.reason.map(|reason| format!("; {reason}")).unwrap_or_default();
                return ReplacementReport { reason: Some(format!("launch: {error}{why}")), ..report };
            }
            // Something may have been launched: another way of asking could make it two.
            Err(error) => {
                let reason = Some(format!("launch not confirmed: {error}"));
                let report = ReplacementReport::undone(ReplacementOutcome::Failed, reason);
                return ReplacementReport { method: Method::Launch, ..report };
            }
        };
        let reason = match self.detach(group, true).await {
            (Ok(()), _) | (Err(CallError::LostRace(_)), true) => None,
            (Err(error), _) => {
                Some(format!("launched, but not detached, so the group may have one more: {error}"))
            }
        };
        ReplacementReport {
            outcome: ReplacementOutcome::Confirmed,
            method: Method::Launch,
            group: None,
            instance_id: Some(launched),
            after_ms: None,
            reason,
        }
    }

    async fn detach(&self, group: &str, decrement: bool) -> (Result<(), CallError>, bool) {
        let call = || self.auto_scaling.detach(&self.target.instance_id, group, decrement);
        self.budget.retried_or_heard(DETACH, call).await
    }

    /// Looks until the group is seen to replace the instance, or time is up.
    async fn verify(&self, why: &str, before: &Group) -> ReplacementReport {
        let instance = self.target.instance_id.as_str();
        let report = |outcome, instance_id: Option<&str>, reason: String| ReplacementReport {
            outcome,
            method: Method::Verify,
            group: None,
            instance_id: instance_id.map(str::to_owned),
            after_ms: None,
            reason: Some(reason),
        };
        let mut pause = FIRST_LOOK;
        loop {
            let next = self.budget.now() + pause;
            let table = self.budget.timetable();
            if next >= table.settled().min(table.closing()) {
                let reason = format!("{why}: the group has not begun to replace it");
                return report(ReplacementOutcome::Failed, None, reason);
            }
            self.budget.wait_until(next).await;
            pause += pause / 2;
            match self.budget.operation(GROUP, || self.auto_scaling.group(&before.name)).await {
                Ok(Some(now)) if is_replaced(&now, instance) => {
                    let new = newcomer(before, &now);
                    return report(ReplacementOutcome::Confirmed, new, why.to_owned());
                }
                Ok(_) => {}
                Err(error) => return report(ReplacementOutcome::Failed, None, format!("{why}: {error}")),
            }
        }
    }
}

/// What came of the asking. An attempt that may have been `heard` is why the instance has left its group by the
/// next one: it has left because of us.
fn asked(method: Method, (answer, heard): (Result<(), CallError>, bool)) -> ReplacementReport {
    let (outcome, reason) = match answer {
        Ok(()) => (ReplacementOutcome::Requested, None),
        Err(error @ CallError::LostRace(_)) if heard => {
            (ReplacementOutcome::Requested, Some(format!("an attempt had no answer; after it: {error}")))
        }
        Err(error @ CallError::LostRace(_)) => (ReplacementOutcome::Already, Some(error.to_string())),
        Err(error) => (ReplacementOutcome::Failed, Some(error.to_string())),
    };
    ReplacementReport { method, ..ReplacementReport::undone(outcome, reason) }
}

fn dry(choice: &Choice) -> ReplacementReport {
    let (method, reason) = match choice {
        Choice::Detach => (Method::Detach, "dry run: to be detached".to_owned()),
        Choice::Terminate => (Method::Terminate, "dry run: to be terminated in its group".to_owned()),
        Choice::Launch => (Method::Launch, "dry run: to be launched".to_owned()),
        Choice::Verify(why) => (Method::Verify, format!("dry run: to be watched ({why})")),
        Choice::Already(why) => {
            return ReplacementReport::undone(ReplacementOutcome::Already, Some(why.clone()));
        }
        Choice::None(why) => (Method::None, (*why).to_owned()),
    };
    ReplacementReport { method, ..ReplacementReport::undone(ReplacementOutcome::NotNeeded, Some(reason)) }
}
