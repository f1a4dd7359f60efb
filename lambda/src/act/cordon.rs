//! The cordon: one patch on the right node. A refused patch leads to a look at the node, and to the node
//! list if the name was wrong. Once the node is known to run on the instance, the drain goes on with or
//! without the cordon, which is tried again beside it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use tokio::time::sleep;

use crate::{
    budget::{Budget, CALL_LIMIT, jittered},
    locate::{LIST_LIMIT, Target},
    plan::{
        claim::{Claim, Mark},
        cordon::{Marking, append_mark_patch, cordon_patch, lacking, mark_patch, unschedulable_patch},
        node::{name, names_instance, provider_id, runs_on, was_cordoned},
        retry::pause,
    },
    ports::{CallError, Cluster, Patched},
    report::{CordonOutcome, CordonReport},
};

const PATCH: &str = "kubernetes:patch nodes";
pub(super) const GET: &str = "kubernetes:get nodes";
const LIST: &str = "kubernetes:list nodes";

/// A patch without an answer for this long no longer holds up the evictions.
const SLOW: Duration = Duration::from_secs(2);

/// How often a refused mark is decided again. Each time the node was read again.
const DECISIONS: u32 = 4;

/// For so long after the handler's entry a node that is not there is looked for again.
const LOOK_FOR: Duration = Duration::from_mins(1);

/// A node that is known to run on the instance.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The node after the cordon, or as it was read.
    pub node: Node,
    /// Whether the node was unschedulable before the cordon; what kept the cordon from happening.
    pub cordon: Result<bool, CallError>,
}

/// Why no node is known to run on the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoCordon {
    /// No node of the cluster runs on the instance.
    NoNode,
    /// The API server refused or could not be reached.
    Failed(String),
}

impl From<CallError> for NoCordon {
    fn from(error: CallError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Cordons the node of `target`, or proves at least which one it is.
pub async fn cordon(
    cluster: &impl Cluster,
    target: &Target,
    claim: &Claim,
    budget: &Budget,
) -> Result<Proven, NoCordon> {
    let mut seen: Option<Node> = None;
    let mut refused: Option<CallError> = None;
    let mut attempt = 0;
    loop {
        let known = seen.as_ref().map(|n| (name(n).to_owned(), provider_id(n).to_owned()));
        let named = target.node.clone().map(|node| (node, target.provider_id.clone()));
        let Some((node, provider_id)) = known.or(named) else {
            seen = Some(find(cluster, target, budget).await?);
            continue;
        };
        let patch = cordon_patch(&provider_id, claim, seen.as_ref());
        let patched = budget.call(PATCH, cluster.patch_node(&node, &patch));
        let read = async {
            sleep(SLOW).await;
            identify(cluster, target, &node, budget).await
        };
        tokio::pin!(patched);
        let answer = tokio::select! {
            biased;
            answer = &mut patched => answer,
            Ok(node) = read => return Ok(Proven { node, cordon: Err(CallError::TimedOut(SLOW)) }),
        };
        let refusal = match answer {
            Ok(Patched::Done(node)) => return Ok(Proven { cordon: Ok(was_cordoned(&node)), node: *node }),
            Ok(Patched::NotFound) if seen.is_none() => {
                seen = Some(find(cluster, target, budget).await?);
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
            match identify(cluster, target, &node, budget).await {
                // A patch of unknown parents or of a wrong name is decided again from what was read; whatever
                // else stands in the way no longer holds up the evictions.
                Ok(read) if seen.is_none() && explains(&read, &node, &provider_id) => {
                    seen = Some(read);
                    continue;
                }
                Ok(node) => return Ok(Proven { node, cordon: Err(refusal) }),
                Err(NoCordon::NoNode) => return Err(NoCordon::NoNode),
                Err(NoCordon::Failed(error)) => tracing::info!(node, error, "node not read"),
            }
        }
        let next = budget.now() + jittered(pause(attempt, refusal.retry_after()));
        // A call that the closing has cut off shows less than an answer before it.
        if !matches!(refusal, CallError::TimedOut(_)) || refused.is_none() {
            refused = Some(refusal);
        }
        if next >= budget.timetable().closing() {
            let (seconds, times) = (budget.now().as_secs(), attempt + 1);
            let refusal = refused.map(|refusal| refusal.to_string()).unwrap_or_default();
            return Err(NoCordon::Failed(format!("{refusal} ({times} attempts in {seconds} s)")));
        }
        budget.wait_until(next).await;
        attempt += 1;
    }
}

/// Whether the node as it was read explains why a blind patch did not apply: it has another name or providerID,
/// or no annotations to add to.
fn explains(read: &Node, name: &str, provider_id: &str) -> bool {
    self::name(read) != name || self::provider_id(read) != provider_id || read.metadata.annotations.is_none()
}

/// Cordons a proven node whose first cordon failed with `refusal`, for as long as there is time. Every other
/// try is `spec.unschedulable` alone: what a policy refuses are annotations, as a rule.
pub async fn insist(
    cluster: &impl Cluster,
    claim: &Claim,
    mut node: Node,
    mut refusal: CallError,
    budget: &Budget,
) -> CordonReport {
    let mut alone = matches!(refusal, CallError::Refused(_) | CallError::Forbidden(_));
    let mut attempt = 0;
    // The node has just been read: the API server answers. Evictions go out now, and what replaces the pods must
    // not come back here.
    let mut next = budget.now() + refusal.retry_after().map(jittered).unwrap_or_default();
    while next < budget.timetable().closing() {
        budget.wait_until(next).await;
        let provider_id = provider_id(&node).to_owned();
        let patch = if alone {
            unschedulable_patch(&provider_id)
        } else {
            cordon_patch(&provider_id, claim, Some(&node))
        };
        match budget.call(PATCH, cluster.patch_node(name(&node), &patch)).await {
            Ok(Patched::Done(done)) => {
                let outcome = if was_cordoned(&done) { CordonOutcome::Already } else { CordonOutcome::Done };
                let reason = alone.then(|| format!("without its claim: {refusal}"));
                return CordonReport { outcome, after_ms: Some(budget.now_ms()), reason };
            }
            Ok(Patched::NotFound) => break,
            Ok(Patched::Mismatch(what)) => {
                refusal = CallError::Refused(what);
                if let Ok(read) = budget.call(GET, cluster.get_node(name(&node))).await
                    && self::provider_id(&read) == provider_id
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
    failed(&refusal)
}

/// The report on a cordon that did not come about.
#[must_use]
pub fn failed(refusal: &CallError) -> CordonReport {
    CordonReport { outcome: CordonOutcome::Failed, after_ms: None, reason: Some(refusal.to_string()) }
}

/// The node of `target`, read only.
pub async fn look(cluster: &impl Cluster, target: &Target, budget: &Budget) -> Result<Proven, NoCordon> {
    let node = match &target.node {
        Some(node) => match budget.retried(GET, || cluster.get_node(node)).await {
            Ok(node) if runs_on(&node, &target.instance_id) => node,
            Ok(_) | Err(CallError::NotFound(_)) => find(cluster, target, budget).await?,
            Err(error) => return Err(error.into()),
        },
        None => find(cluster, target, budget).await?,
    };
    Ok(Proven { cordon: Ok(was_cordoned(&node)), node })
}

/// Reads the node of this name once, and the node list if another instance runs under it.
async fn identify(
    cluster: &impl Cluster,
    target: &Target,
    node: &str,
    budget: &Budget,
) -> Result<Node, NoCordon> {
    match budget.call(GET, cluster.get_node(node)).await {
        Ok(node) if runs_on(&node, &target.instance_id) => Ok(node),
        Ok(_) => search(cluster, target, None, budget).await,
        Err(CallError::NotFound(_)) => find(cluster, target, budget).await,
        Err(error) => Err(error.into()),
    }
}

/// Finds the node of an instance under whose name there is none. It may be named after the instance, as nodes of
/// EKS Auto Mode are.
async fn find(cluster: &impl Cluster, target: &Target, budget: &Budget) -> Result<Node, NoCordon> {
    search(cluster, target, Some(&target.instance_id), budget).await
}

/// Finds the node of the instance: under the name of this `guess`, or by its providerID in the node list. The kubelet
/// of a young instance may not have registered it yet, and will put pods on it as soon as it has: it is looked for
/// by its name for a while, and in a second list at the end.
async fn search(
    cluster: &impl Cluster,
    target: &Target,
    guess: Option<&str>,
    budget: &Budget,
) -> Result<Node, NoCordon> {
    let name = target.node.as_deref().unwrap_or(&target.instance_id);
    let (mut guess, mut attempt) = (guess, 0);
    loop {
        if let Some(guess) = guess
            && let Some(node) = named(cluster, target, guess, budget).await?
        {
            return Ok(node);
        }
        let next = budget.now() + jittered(pause(attempt, None));
        let is_last = next >= LOOK_FOR.min(budget.timetable().closing());
        if attempt == 0 || is_last {
            // The cluster is known to be the instance's: nothing goes on without its node.
            let nodes = match budget.insisted(LIST, LIST_LIMIT, || cluster.list_nodes()).await {
                Ok(nodes) => nodes,
                Err(error) if attempt == 0 => return Err(error.into()),
                // An earlier list was without it.
                Err(_) => return Err(NoCordon::NoNode),
            };
            let listed = nodes.iter().find(|n| names_instance(&n.provider_id, &target.instance_id));
            if let Some(listed) = listed
                && let Some(node) = named(cluster, target, &listed.name, budget).await?
            {
                return Ok(node);
            }
        }
        if is_last {
            return Err(NoCordon::NoNode);
        }
        budget.wait_until(next).await;
        (guess, attempt) = (Some(name), attempt + 1);
    }
}

/// The node of this name, if it runs on the instance.
async fn named(
    cluster: &impl Cluster,
    target: &Target,
    name: &str,
    budget: &Budget,
) -> Result<Option<Node>, NoCordon> {
    let read = async || match cluster.get_node(name).await {
        Ok(node) => Ok(Some(node)),
        Err(CallError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let read = budget.insisted(GET, CALL_LIMIT, read).await?;
    Ok(read.filter(|node| runs_on(node, &target.instance_id)))
}

/// Sets marks on the cordoned `node`. Off the critical path: a node that is unschedulable gets no pods
/// anyway. A label that a policy refuses does not keep the taint away.
pub async fn mark(cluster: &impl Cluster, mut node: Node, mut marking: Marking, budget: &Budget) {
    // Those of the node that was cordoned: another one may stand under its name by now.
    let (name, provider_id) = (name(&node).to_owned(), provider_id(&node).to_owned());
    for decision in 0..DECISIONS {
        marking.marks = lacking(&marking.marks, &node);
        if marking.marks.is_empty() {
            return;
        }
        // Refused where the node had no taints: the node controller has just added its own. Then the
        // second patch needs no reading of them.
        let mut refused = None;
        for patch in
            [mark_patch(&provider_id, &node, &marking), append_mark_patch(&provider_id, &node, &marking)]
        {
            // What is sent after the closing may arrive after the deadline.
            if budget.now() >= budget.timetable().closing() {
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
        // Decided from the node as it has just been read, it is refused by a policy, as a rule.
        if let Some(error) = refused.filter(|error| decision > 0 || denied(error)) {
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
