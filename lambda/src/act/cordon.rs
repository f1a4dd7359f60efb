//! The cordon: one patch on the right node. A refused patch leads to a look at the node, and to the node
//! list if the name was wrong.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;

use crate::{
    budget::{Budget, jittered},
    event::Notice,
    locate::Target,
    plan::{
        cordon::{
            append_taint_patch, cordon_patch, is_tainted, provider_id, runs_on, taint_patch, was_cordoned,
        },
        retry::pause,
    },
    ports::{CallError, Cluster, Patched},
};

const PATCH: &str = "kubernetes:patch nodes";
const GET: &str = "kubernetes:get nodes";
const LIST: &str = "kubernetes:list nodes";

/// How often a refused patch is decided anew. Each time the node has changed under us, or was read anew.
const DECISIONS: u32 = 5;

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

/// Cordons the node of `target`.
pub async fn cordon(
    cluster: &impl Cluster,
    target: &Target,
    notice: &Notice,
    budget: &Budget,
) -> Result<Cordoned, NoCordon> {
    let mut seen: Option<Node> = None;
    let mut refusal = String::new();
    for _ in 0..DECISIONS {
        let known = seen.as_ref().map(|n| (name(n).to_owned(), provider_id(n).to_owned()));
        let named = target.node.clone().map(|node| (node, target.provider_id.clone()));
        let Some((node, provider_id)) = known.or(named) else {
            seen = Some(find(cluster, target, budget).await?);
            continue;
        };
        let patch = cordon_patch(&provider_id, notice, seen.as_ref());
        match budget.retried(PATCH, || cluster.patch_node(&node, &patch)).await? {
            Patched::Done(node) => return Ok(Cordoned { already: was_cordoned(&node), node: *node }),
            Patched::NotFound => seen = Some(find(cluster, target, budget).await?),
            Patched::Mismatch(what) => {
                tracing::info!(node, what, "cordon refused, reading the node");
                seen = Some(identify(cluster, target, &node, budget).await?);
                refusal = what;
            }
        }
    }
    Err(NoCordon::Failed(format!("the patch was refused {DECISIONS} times, at last: {refusal}")))
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

/// Adds the reason taint. Off the critical path: a node that is unschedulable gets no pods anyway.
pub async fn taint(cluster: &impl Cluster, notice: &Notice, mut node: Node, budget: &Budget) {
    // Those of the node that was cordoned: another one may stand under its name by now.
    let (name, provider_id) = (name(&node).to_owned(), provider_id(&node).to_owned());
    for _ in 0..DECISIONS {
        if is_tainted(&node) {
            return;
        }
        // Refused where the node had no taints: the node controller has just added its own. Then the
        // second patch needs no reading of them.
        for patch in [taint_patch(&provider_id, notice, &node), append_taint_patch(&provider_id, notice)] {
            match budget.retried(PATCH, || cluster.patch_node(&name, &patch)).await {
                Ok(Patched::Done(_) | Patched::NotFound) => return,
                Ok(Patched::Mismatch(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, "reason taint not added");
                    return;
                }
            }
        }
        match budget.retried(GET, || cluster.get_node(&name)).await {
            Ok(read) => node = read,
            Err(error) => {
                tracing::warn!(%error, "node not read for its reason taint");
                return;
            }
        }
    }
}

fn name(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}
