//! The marks beside the cordon: the reason taint and the label that takes the node out of load balancers.

use k8s_openapi::api::core::v1::Node;

use super::{cordon::PATCH, find_node::GET};
use crate::{
    budget::Budget,
    plan::{
        claim::Mark,
        cordon::{Marking, lacking, mark_patch},
        node::{name, provider_id},
    },
    ports::{CallError, Cluster, Patched},
};

/// How often a refused patch is decided again. Each time the node is read first.
const MAX_PATCH_ATTEMPTS: u32 = 4;

/// Sets marks on the cordoned `node`. Off the critical path: a node that is unschedulable gets no pods
/// anyway. A label that a policy refuses does not keep the taint away.
pub(super) async fn mark(cluster: &impl Cluster, mut node: Node, mut marking: Marking, budget: &Budget) {
    // Those of the node that was cordoned: another one may have its name by now.
    let (name, provider_id) = (name(&node).to_owned(), provider_id(&node).to_owned());
    for attempt in 0..MAX_PATCH_ATTEMPTS {
        marking.marks = lacking(&marking.marks, &node);
        if marking.marks.is_empty() {
            return;
        }
        // Refused where the node had no taints: the node controller has just added its own. Then the
        // second patch needs no reading of them.
        let mut refused = None;
        for append in [false, true] {
            let patch = mark_patch(&provider_id, &node, &marking, append);
            // What is sent after the report deadline may arrive after the deadline.
            if budget.now() >= budget.timetable().report_deadline() {
                return;
            }
            match budget.retried(PATCH, || cluster.patch_node(&name, &patch)).await {
                Ok(Patched::Done(_) | Patched::NotFound) => return,
                Ok(Patched::Mismatch(what)) => refused = Some(CallError::Refused(what)),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let denied = |error: &CallError| matches!(error, CallError::Forbidden(_) | CallError::Transient(_));
        // A patch that follows a fresh read is refused by a policy, as a rule.
        if let Some(error) = refused.filter(|error| attempt > 0 || denied(error)) {
            tracing::warn!(%error, marks = ?marking.marks, "node not marked");
            marking.marks.retain(|mark| *mark != Mark::Label);
        }
        match budget.retried(GET, || cluster.get_node(&name)).await {
            Ok(read) => node = read,
            Err(error) => {
                tracing::warn!(%error, "node not read for its marks");
                return;
            }
        }
    }
}
