//! After the run: a leg whose own APIs were well began in time, whatever became of the other.

use super::evidence::Case;
use crate::{
    facts::{Action, PodClass},
    faults::Api,
    law::Law,
};

/// A leg is not held up by the other for longer than this.
const PROMPT_MS: u64 = 5_000;

/// The legs that began too late.
pub(super) fn violations_of(case: &Case<'_>) -> Vec<(Law, i64, String)> {
    let (invocation, notice) = (case.invocation, case.notice);
    let due_ms = invocation.entered_ms + PROMPT_MS + 5 * case.rules.round_trip_ms;
    let is_well = |api: &Api| invocation.struck.get(api).is_none_or(|at_ms| *at_ms > due_ms);
    let is_late = |first_ms: Option<u64>| first_ms.is_none_or(|at_ms| at_ms > due_ms);
    let Some(instance) = case.instance else { return Vec::new() };
    let is_exempt = !case.is_up_to_it()
        || invocation.ended_ms.is_none_or(|at_ms| at_ms <= due_ms && !invocation.answered)
        || notice.deadline_ms < due_ms as i64 + 2 * PROMPT_MS as i64
        || instance.ended_ms.is_some_and(|at_ms| at_ms <= due_ms);
    if is_exempt || !is_well(&Api::Ec2) || !is_well(&Api::Eks) {
        return Vec::new();
    }
    let mut late = Vec::new();
    let at_ms = (invocation.entered_ms + PROMPT_MS) as i64;
    if notice.action == Action::Terminate
        && case.rules.replaces
        && is_well(&Api::AutoScaling)
        && leaves_replacement_to_others(case)
        && is_late(invocation.first_group_write_ms)
    {
        let what = format!("replacement leg: no call for {} by {due_ms} ms", notice.instance);
        late.push((Law::IndependentLegs, at_ms, what));
    }
    if notice.action != Action::Hibernate
        && is_well(&Api::Kubernetes)
        && has_evictable(case, due_ms)
        && is_late(invocation.first_removal_ms)
    {
        let what = format!("drain leg: no eviction on {} by {due_ms} ms", notice.instance);
        late.push((Law::IndependentLegs, at_ms, what));
    }
    late
}

/// Whether the instance was in service in a group that leaves its replacement to others.
fn leaves_replacement_to_others(case: &Case<'_>) -> bool {
    let group = case.instance.and_then(|instance| instance.about.group.as_ref());
    let group = group.and_then(|name| case.record.groups.get(name));
    group.is_some_and(|group| !group.about.is_left_alone && !group.about.is_suspended)
}

/// Whether an ordinary pod stood on the node when the function was entered, and no one else began to terminate it by
/// `due_ms`.
fn has_evictable(case: &Case<'_>, due_ms: u64) -> bool {
    let at_ms = case.invocation.entered_ms;
    let concerned = case.instance.and_then(|instance| instance.concerned.as_ref());
    concerned.into_iter().flatten().map(|pod| &case.record.pods[*pod]).any(|pod| {
        pod.about.class == PodClass::Ordinary
            && pod.bound_ms <= at_ms
            && pod.termination.is_none_or(|t| t.is_by(case.env) || t.since_ms > due_ms)
            && !pod.has_ended_by(at_ms as i64)
    })
}
