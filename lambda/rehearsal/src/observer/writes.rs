//! Writes to nodes and groups, and calls that are left open.

use super::{
    evidence::{Case, Evidence},
    findings::Findings,
    invocation::POST_EVENT,
};
use crate::{
    facts::{Call, PodId},
    faults::Api,
    law::Law,
};

/// A patch of a node, DetachInstances or TerminateInstanceInAutoScalingGroup.
pub(super) fn judge(evidence: &Evidence, env: usize, id: &str, found: &mut Findings<'_>) {
    if let Some(known) = evidence.record.instances.get(id) {
        let cluster = &evidence.record.clusters[known.about.cluster];
        let what = format_args!("{id} is of cluster {}, not registered", cluster.name);
        found.require(Law::RightNode, cluster.registered, what);
    }
    found.require(Law::RightNode, !evidence.rules.dry_run, "the function runs dry");
    match evidence.case(env, id) {
        Some(case) => {
            case.judge_owner(found);
            case.judge_time(found.at_ms, found);
        }
        None => found.add(Law::RightNode, format_args!("no notice for {id}")),
    }
}

/// A replacement that the handler asked for.
pub(super) fn judge_replacement(evidence: &Evidence, id: &str, by: &str, found: &mut Findings<'_>) {
    if let Some(earlier) = evidence.record.instances.get(id).filter(|it| !it.replaced_by.is_empty()) {
        let earlier = earlier.replaced_by.join(", ");
        let what = format_args!("{id} has more than one replacement: {earlier}, {by}");
        found.add(Law::OneReplacement, what);
    }
}

/// An instance that its group ends because the function asked for it, with pods that could have stayed longer.
pub(super) fn judge_end(case: &Case<'_>, pods: &[PodId], found: &mut Findings<'_>) {
    let settled_ms = case.notice.deadline_ms - case.rules.margin_ms;
    let pods = pods.iter().map(|pod| &case.record.pods[*pod]);
    let lost = pods.filter(|pod| !pod.belongs_to_node() && pod.end.is_none()).count();
    let id = &case.notice.instance;
    let what = format_args!("had {id} terminated: it ends with {lost} pods, before {settled_ms}");
    found.require(Law::NoEarlierEnd, lost == 0 || found.at_ms >= settled_ms, what);
}

/// A call that was open after the deadline. Events are part of the report; the address of the API server belongs to no
/// notice.
pub(super) fn judge_closed(evidence: &Evidence, call: &Call, found: &mut Findings<'_>) {
    let (invocation, operation) = (&evidence.invocations[call.env], &call.operation);
    if operation.name == POST_EVENT || operation.api == Api::Eks || invocation.ended_ms.is_some() {
        return;
    }
    if let Some(last_ms) = invocation.notices.iter().map(|notice| notice.deadline_ms).max() {
        // A notice that is taken up after its deadline is looked into.
        let is_well = found.at_ms <= last_ms || last_ms < invocation.began_ms();
        let what = format_args!("{} {}: open after the deadline", operation.key(), operation.target);
        found.require(Law::InTime, is_well, what);
    }
}
