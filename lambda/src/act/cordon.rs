//! The cordon: one patch on the right node. A refused patch leads to a read of the node, and to the node
//! list if the name was wrong. Once the node is known to run on the instance, the drain goes on with or
//! without the cordon, which is tried again beside it. The marks follow: the reason taint and the label that takes the
//! node out of load balancers.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    Leg,
    find_node::{GET, NotProven},
};
use crate::{
    budget::{Budget, jittered},
    plan::{
        claim::{Claim, Mark},
        cordon::{Marking, cordon_patch, lacking, mark_patch, unschedulable_patch},
        node::was_cordoned,
        retry::pause,
    },
    ports::{CallError, CallResult, Cluster, Node, Patched},
    report::{CordonOutcome, CordonReport},
};

const PATCH: &str = "kubernetes:patch nodes";

/// How often a refused patch is decided again. Each time the node is read first.
const MAX_PATCH_ATTEMPTS: u32 = 4;

/// A patch without an answer for this long no longer holds up the evictions.
const SLOW: Duration = Duration::from_secs(2);

/// The cordon as far as it is known: its report, or the refusal of the first try.
pub(super) type Cordon = CallResult<CordonReport>;

/// A node that is known to run on the instance.
#[derive(Debug, Clone)]
pub(super) struct Proven {
    /// The node after the cordon, or as it was read.
    pub(super) node: Node,
    /// The cordon.
    pub(super) cordon: Cordon,
}

impl<C: Cluster> Leg<'_, C> {
    /// Cordons the node, or proves at least which one it is.
    pub(super) async fn cordon(&self, claim: &Claim) -> Result<Proven, NotProven> {
        let Self { api: cluster, target, budget, .. } = *self;
        let mut seen: Option<Node> = None;
        let mut refused: Option<CallError> = None;
        let mut attempt = 0;
        loop {
            let known = seen.as_ref().map(|node| (node.metadata.name.clone(), node.spec.provider_id.clone()));
            let named = target.node.clone().map(|node| (node, target.provider_id.clone()));
            let Some((node, provider_id)) = known.or(named) else {
                seen = Some(self.find().await?);
                continue;
            };
            let patch = cordon_patch(&provider_id, claim, seen.as_ref());
            let patched = budget.call(PATCH, cluster.patch_node(&node, &patch));
            let read = async {
                sleep(SLOW).await;
                self.identify(&node).await
            };
            tokio::pin!(patched);
            let answer = tokio::select! {
                biased;
                answer = &mut patched => answer,
                Ok(node) = read => return Ok(Proven { node, cordon: Err(CallError::TimedOut(SLOW)) }),
            };
            let refusal = match answer {
                Ok(Patched::Done(node)) => {
                    return Ok(Proven { cordon: Ok(cordoned(&node, None, budget)), node: *node });
                }
                Ok(Patched::NotFound) if seen.is_none() => {
                    seen = Some(self.find().await?);
                    continue;
                }
                // It was read a moment ago.
                Ok(Patched::NotFound) => CallError::NotFound(node.clone()),
                Ok(Patched::Mismatch(what)) => CallError::Refused(what),
                Err(error) => error,
            };
            // Silence was met by a GET already.
            if !matches!(refusal, CallError::TimedOut(_)) {
                tracing::info!(node, %refusal, "cordon refused, reading the node");
                match self.identify(&node).await {
                    // A patch of unknown parents or of a wrong name is decided again from what was read; whatever
                    // else stands in the way no longer holds up the evictions.
                    Ok(read) if seen.is_none() && explains(&read, &node, &provider_id) => {
                        seen = Some(read);
                        continue;
                    }
                    Ok(node) => return Ok(Proven { node, cordon: Err(refusal) }),
                    Err(NotProven::NoNode) => return Err(NotProven::NoNode),
                    Err(NotProven::Failed(error)) => tracing::info!(node, error, "node not read"),
                }
            }
            let next = budget.now() + jittered(pause(attempt, refusal.retry_after()));
            // A call that the report deadline has cut off shows less than an answer before it.
            if !matches!(refusal, CallError::TimedOut(_)) || refused.is_none() {
                refused = Some(refusal);
            }
            if next >= budget.timetable().report_deadline() {
                let (seconds, times) = (budget.now().as_secs(), attempt + 1);
                let refusal = refused.map(|refusal| refusal.to_string()).unwrap_or_default();
                return Err(NotProven::Failed(format!("{refusal} ({times} attempts in {seconds} s)")));
            }
            budget.wait_until(next).await;
            attempt += 1;
        }
    }

    /// Cordons a proven node whose first cordon failed with `refusal`, for as long as there is time. Every other
    /// try is `spec.unschedulable` alone: what a policy refuses are annotations, as a rule.
    pub(super) async fn insist(&self, claim: &Claim, mut node: Node, mut refusal: CallError) -> CordonReport {
        let Self { api: cluster, budget, .. } = *self;
        let mut alone = matches!(refusal, CallError::Refused(_) | CallError::Forbidden(_));
        let mut attempt = 0;
        // The node has just been read: the API server answers. Evictions go out now, and what replaces the pods must
        // not come back here.
        let mut next = budget.now() + refusal.retry_after().map(jittered).unwrap_or_default();
        while next < budget.timetable().report_deadline() {
            budget.wait_until(next).await;
            let (name, provider_id) = (&node.metadata.name, &node.spec.provider_id);
            let patch = if alone {
                unschedulable_patch(provider_id)
            } else {
                cordon_patch(provider_id, claim, Some(&node))
            };
            match budget.call(PATCH, cluster.patch_node(name, &patch)).await {
                Ok(Patched::Done(done)) => {
                    let reason = alone.then(|| format!("without its claim: {refusal}"));
                    return cordoned(&done, reason, budget);
                }
                Ok(Patched::NotFound) => break,
                Ok(Patched::Mismatch(what)) => {
                    refusal = CallError::Refused(what);
                    if let Ok(read) = budget.call(GET, cluster.get_node(name)).await
                        && read.spec.provider_id == *provider_id
                    {
                        node = read;
                    }
                }
                Err(error) => refusal = error,
            }
            alone = !alone;
            next = budget.now() + jittered(pause(attempt, refusal.retry_after()));
            attempt += 1;
        }
        CordonReport::failed(refusal.to_string())
    }

    /// Sets marks on the cordoned `node`. Off the critical path: a node that is unschedulable gets no pods
    /// anyway. A label that a policy refuses does not keep the taint away.
    pub(super) async fn mark(&self, mut node: Node, mut marking: Marking) {
        let Self { api: cluster, budget, .. } = *self;
        // Those of the node that was cordoned: another one may have its name by now.
        let (name, provider_id) = (node.metadata.name.clone(), node.spec.provider_id.clone());
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
            let denied =
                |error: &CallError| matches!(error, CallError::Forbidden(_) | CallError::Transient(_, None));
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
}

/// Whether the node as it was read explains why a blind patch did not apply: it has another name or providerID,
/// or no annotations to add to.
fn explains(read: &Node, name: &str, provider_id: &str) -> bool {
    read.metadata.name != name || read.spec.provider_id != provider_id || read.metadata.annotations.is_empty()
}

/// The report on a cordon that was answered with this node just now.
fn cordoned(node: &Node, reason: Option<String>, budget: &Budget) -> CordonReport {
    let outcome = if was_cordoned(node) { CordonOutcome::Already } else { CordonOutcome::Done };
    CordonReport { outcome, after_ms: Some(budget.now_ms()), reason }
}
