//! The cordon: one patch on the right node. A refused patch leads to a look at the node, and to the node
//! list if the name was wrong. The cordon is no gate: it is tried again beside the evictions.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use tokio::{sync::watch, time::timeout};

use crate::{
    budget::{Budget, jittered},
    event::Notice,
    locate::Target,
    plan::{
        cordon::{
            Marks, cordon_patch, mark_patch, provider_id, runs_on, smallest_cordon_patch, was_cordoned,
        },
        retry::pause,
    },
    ports::{CallError, Cluster, Patched},
};

const PATCH: &str = "kubernetes:patch nodes";
const GET: &str = "kubernetes:get nodes";
const LIST: &str = "kubernetes:list nodes";

/// How often a refused patch is decided anew without a pause. Each time the node has changed under us, or was
/// read anew.
const DECISIONS: u32 = 5;

/// The identity of the node is proved by a read when the patch has not been answered for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// For so long after the handler's entry a node that is not there is looked for again.
const LOOK_FOR: Duration = Duration::from_mins(1);

/// A node that is known to run on the instance.
#[derive(Debug, Clone)]
pub struct Cordoned {
    /// The node after the cordon (or as it was read, in a dry run).
    pub node: Node,
    /// It was unschedulable before.
    pub already: bool,
}

/// Why there is no cordon.
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

/// What stood in the way of the cordon so far: the last error.
pub type Trouble = watch::Sender<Option<CallError>>;

/// Cordons the node of `target`, however long it takes. What stands in the way meanwhile is sent to `trouble`.
///
/// Label, annotation or the whole change may be refused by a policy or a webhook: after the first refusal only the
/// smallest patch is sent. Evictions do not wait for it ([`prove`]).
pub async fn cordon(
    cluster: &impl Cluster,
    target: &Target,
    notice: &Notice,
    budget: &Budget,
    trouble: &Trouble,
) -> Result<Cordoned, NoCordon> {
    let mut seen: Option<Node> = None;
    let (mut attempt, mut decisions, mut is_smallest) = (0, 0, false);
    loop {
        let known = seen.as_ref().map(|n| (name(n).to_owned(), provider_id(n).to_owned()));
        let named = target.node.clone().map(|node| (node, target.provider_id.clone()));
        let Some((node, provider_id)) = known.or(named) else {
            seen = Some(find(cluster, target, budget).await?);
            continue;
        };
        let patch = if is_smallest {
            smallest_cordon_patch(&provider_id)
        } else {
            cordon_patch(&provider_id, notice, seen.as_ref())
        };
        let error = match budget.call(PATCH, cluster.patch_node(&node, &patch)).await {
            Ok(Patched::Done(node)) => return Ok(Cordoned { already: was_cordoned(&node), node: *node }),
            Ok(Patched::NotFound) => {
                seen = Some(find(cluster, target, budget).await?);
                CallError::NotFound(format!("node {node}"))
            }
            Ok(Patched::Mismatch(what)) => {
                tracing::info!(node, what, "cordon refused, reading the node");
                seen = Some(identify(cluster, target, &node, budget).await?);
                CallError::LostRace(what)
            }
            Err(error) => error,
        };
        tracing::info!(node, %error, "not cordoned yet");
        let at_once = match &error {
            CallError::NotFound(_) | CallError::LostRace(_) => {
                decisions += 1;
                decisions < DECISIONS
            }
            error => is_refusal(error) && !is_smallest,
        };
        is_smallest |= is_refusal(&error) || decisions >= DECISIONS;
        let next = budget.now() + jittered(pause(attempt, error.retry_after()));
        trouble.send_replace(Some(error.clone()));
        if at_once {
            continue;
        }
        if next >= budget.timetable().closing() {
            return Err(error.into());
        }
        budget.wait_until(next).await;
        attempt += 1;
    }
}

/// Whether a policy, a webhook or RBAC has refused the patch: another one may fare better.
fn is_refusal(error: &CallError) -> bool {
    match error {
        CallError::Forbidden(_) | CallError::Refused(_) => true,
        CallError::Transient(what) => what.contains("webhook"),
        _ => false,
    }
}

/// The node of `target`, read once the cordon has met trouble or is slow: what an eviction needs is the proof that
/// the node is the right one, not the cordon.
pub async fn prove(
    cluster: &impl Cluster,
    target: &Target,
    budget: &Budget,
    mut trouble: watch::Receiver<Option<CallError>>,
) -> Result<Node, NoCordon> {
    // An error is the end of the cordon, and then nobody waits here.
    let _ = timeout(PATIENCE, trouble.wait_for(Option::is_some)).await;
    Ok(look(cluster, target, budget).await?.node)
}

/// The node of `target`, read only.
pub async fn look(cluster: &impl Cluster, target: &Target, budget: &Budget) -> Result<Cordoned, NoCordon> {
    let node = match &target.node {
        Some(node) => identify(cluster, target, node, budget).await?,
        None => find(cluster, target, budget).await?,
    };
    Ok(Cordoned { already: was_cordoned(&node), node })
}

/// Reads the node of this name, and the node list if another instance runs under it.
async fn identify(
    cluster: &impl Cluster,
    target: &Target,
    node: &str,
    budget: &Budget,
) -> Result<Node, NoCordon> {
    match budget.retried(GET, || cluster.get_node(node)).await {
        Ok(node) if runs_on(&node, &target.instance_id) => Ok(node),
        Ok(_) | Err(CallError::NotFound(_)) => find(cluster, target, budget).await,
        Err(error) => Err(error.into()),
    }
}

/// Finds the node of the instance by its providerID. The kubelet of a young instance may not have registered
/// it yet, and will put pods on it as soon as it has: it is looked for again for a while.
async fn find(cluster: &impl Cluster, target: &Target, budget: &Budget) -> Result<Node, NoCordon> {
    let mut attempt = 0;
    loop {
        let nodes = budget.retried(LIST, || cluster.list_nodes()).await?;
        if let Some(node) = nodes.into_iter().find(|n| runs_on(n, &target.instance_id)) {
            return Ok(node);
        }
        let next = budget.now() + jittered(pause(attempt, None));
        if next >= LOOK_FOR.min(budget.timetable().closing()) {
            return Err(NoCordon::NoNode);
        }
        budget.wait_until(next).await;
        attempt += 1;
    }
}

/// Adds reason taint and label. Off the critical path: a node that is unschedulable gets no pods anyway.
pub async fn mark(cluster: &impl Cluster, notice: &Notice, mut node: Node, marks: Marks, budget: &Budget) {
    // Those of the node that was cordoned: another one may stand under its name by now.
    let (name, provider_id) = (name(&node).to_owned(), provider_id(&node).to_owned());
    for round in 0..DECISIONS {
        let Some(patch) = mark_patch(&provider_id, notice, &node, marks, round == 0) else { return };
        let call = || cluster.patch_node(&name, &patch);
        let are_two = marks.taint && marks.exclude;
        let answer =
            if are_two { budget.call(PATCH, call()).await } else { budget.retried(PATCH, call).await };
        match answer {
            Ok(Patched::Done(_) | Patched::NotFound) => return,
            Ok(Patched::Mismatch(_)) => {}
            // A policy may refuse the one and take the other.
            Err(error) if are_two => {
                tracing::info!(%error, "taint and label not added together");
                for marks in [Marks { exclude: false, ..marks }, Marks { taint: false, ..marks }] {
                    Box::pin(mark(cluster, notice, node.clone(), marks, budget)).await;
                }
                return;
            }
            Err(error) => {
                tracing::warn!(%error, ?marks, "node not marked");
                return;
            }
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

fn name(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}
