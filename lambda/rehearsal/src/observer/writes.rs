//! Writes to nodes and groups, and calls that are left open.

use super::{
    evidence::{Broken, Evidence},
    invocation::POST_EVENT,
};
use crate::{
    facts::{Call, LaunchedBy, PodId},
    faults::Api,
    law::Law,
};

/// The laws that a patch of a node breaks.
pub(super) fn of_node(
    evidence: &Evidence,
    at_ms: u64,
    env: usize,
    (instance, node, uncordons): (&str, &str, bool),
) -> Vec<Broken> {
    let what = format!("f{env} patch of node {node}");
    let mut broken = of_write(evidence, at_ms, env, instance, &what);
    if uncordons {
        broken.push((Law::Resumption, format!("{what}: uncordons it")));
    }
    broken
}

/// The laws that DetachInstances or TerminateInstanceInAutoScalingGroup breaks.
pub(super) fn of_group(evidence: &Evidence, at_ms: u64, env: usize, instance: &str) -> Vec<Broken> {
    of_write(evidence, at_ms, env, instance, &format!("f{env} call to Auto Scaling"))
}

fn of_write(evidence: &Evidence, at_ms: u64, env: usize, id: &str, what: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    let cluster =
        evidence.record.instances.get(id).map(|known| &evidence.record.clusters[known.about.cluster]);
    if let Some(cluster) = cluster.filter(|cluster| !cluster.registered) {
        let why = format!("{what}: {id} is of cluster {}, not registered", cluster.name);
        broken.push((Law::RightNode, why));
    }
    if evidence.rules.dry_run {
        broken.push((Law::RightNode, format!("{what}: the function runs dry")));
    }
    let Some(case) = evidence.case(env, id) else {
        broken.push((Law::RightNode, format!("{what}: no notice for {id}")));
        return broken;
    };
    broken.extend(case.left_to_others().map(|why| (Law::RightNode, format!("{what}: {why}"))));
    let deadline_ms = case.notice.deadline_ms;
    if at_ms as i64 > deadline_ms {
        broken.push((Law::InTime, format!("{what}: arrives after the deadline {deadline_ms}")));
    }
    broken
}

/// An instance that gets more than one replacement.
pub(super) fn replaced_twice(
    evidence: &Evidence,
    id: &str,
    by: &str,
    launched_by: LaunchedBy,
) -> Option<Broken> {
    let earlier = &evidence.record.instances.get(id)?.replaced_by;
    (launched_by == LaunchedBy::Handler && !earlier.is_empty()).then(|| {
        let what = format!("{id} has more than one replacement: {}, {by}", earlier.join(", "));
        (Law::OneReplacement, what)
    })
}

/// An instance that its group ends because the function asked for it, with pods that could have stayed longer.
pub(super) fn ended_early(
    evidence: &Evidence,
    at_ms: u64,
    (id, env): (&str, usize),
    pods: &[PodId],
) -> Option<Broken> {
    let case = evidence.case(env, id)?;
    let settled_ms = case.notice.deadline_ms - evidence.rules.margin_ms;
    let pods = pods.iter().map(|pod| &evidence.record.pods[*pod]);
    let lost = pods.filter(|pod| !pod.belongs_to_node() && pod.end.is_none()).count();
    (lost > 0 && (at_ms as i64) < settled_ms).then(|| {
        let what = format!("f{env} had {id} terminated: it ends with {lost} pods, before {settled_ms}");
        (Law::NoEarlierEnd, what)
    })
}

/// A call that was open after the deadline. Events are part of the report; the address of the API server belongs to no
/// notice.
pub(super) fn left_open(evidence: &Evidence, at_ms: u64, call: &Call) -> Option<Broken> {
    let invocation = evidence.invocations.get(call.env)?;
    let operation = &call.operation;
    if operation.name == POST_EVENT || operation.api == Api::Eks || invocation.ended_ms.is_some() {
        return None;
    }
    let last_ms = invocation.notices.iter().map(|notice| notice.deadline_ms).max()?;
    // A notice that is taken up after its deadline is looked into.
    let is_late = last_ms >= invocation.began_ms() as i64 && at_ms as i64 > last_ms;
    let what = || format!("f{} {} {}: open after the deadline", call.env, operation.key(), operation.target);
    is_late.then(|| (Law::InTime, what()))
}
