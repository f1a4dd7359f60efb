//! Which node runs on the instance: by its name, by the instance's, or by the providerIDs in the node list.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;

use crate::{
    budget::{Budget, CALL_LIMIT, jittered},
    locate::{LIST_LIMIT, Target},
    plan::{
        node::{names_instance, runs_on},
        retry::pause,
    },
    ports::{CallError, Cluster},
};

pub(super) const GET: &str = "kubernetes:get nodes";
const LIST: &str = "kubernetes:list nodes";

/// How long a node that has not registered yet is looked for, from the handler's entry.
const REGISTRATION: Duration = Duration::from_mins(1);

/// Why no node is known to run on the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotProven {
    /// No node of the cluster runs on the instance.
    NoNode,
    /// The API server refused or could not be reached.
    Failed(String),
}

impl From<CallError> for NotProven {
    fn from(error: CallError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Reads the node of `target`.
pub(super) async fn find_node(
    cluster: &impl Cluster,
    target: &Target,
    budget: &Budget,
) -> Result<Node, NotProven> {
    Ok(match &target.node {
        Some(node) => match budget.retried(GET, || cluster.get_node(node)).await {
            Ok(node) if runs_on(&node, &target.instance_id) => node,
            Ok(_) | Err(CallError::NotFound(_)) => find(cluster, target, budget).await?,
            Err(error) => return Err(error.into()),
        },
        None => find(cluster, target, budget).await?,
    })
}

/// Reads the node of this name once, and the node list if another instance runs under it.
pub(super) async fn identify(
    cluster: &impl Cluster,
    target: &Target,
    node: &str,
    budget: &Budget,
) -> Result<Node, NotProven> {
    match budget.call(GET, cluster.get_node(node)).await {
        Ok(node) if runs_on(&node, &target.instance_id) => Ok(node),
        Ok(_) => search(cluster, target, None, budget).await,
        Err(CallError::NotFound(_)) => find(cluster, target, budget).await,
        Err(error) => Err(error.into()),
    }
}

/// Finds the node of an instance whose name no node has. It may be named after the instance, as nodes of EKS Auto Mode
/// are.
pub(super) async fn find(
    cluster: &impl Cluster,
    target: &Target,
    budget: &Budget,
) -> Result<Node, NotProven> {
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
) -> Result<Node, NotProven> {
    let name = target.node.as_deref().unwrap_or(&target.instance_id);
    let (mut guess, mut attempt) = (guess, 0);
    loop {
        if let Some(guess) = guess
            && let Some(node) = named(cluster, target, guess, budget).await?
        {
            return Ok(node);
        }
        let next = budget.now() + jittered(pause(attempt, None));
        let is_last = next >= REGISTRATION.min(budget.timetable().report_deadline());
        if attempt == 0 || is_last {
            // The cluster is known to be the instance's: nothing goes on without its node.
            let nodes = match budget.insisted(LIST, LIST_LIMIT, || cluster.list_nodes()).await {
                Ok(nodes) => nodes,
                Err(error) if attempt == 0 => return Err(error.into()),
                // An earlier list was without it.
                Err(_) => return Err(NotProven::NoNode),
            };
            let listed = nodes.iter().find(|n| names_instance(&n.provider_id, &target.instance_id));
            if let Some(listed) = listed
                && let Some(node) = named(cluster, target, &listed.name, budget).await?
            {
                return Ok(node);
            }
        }
        if is_last {
            return Err(NotProven::NoNode);
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
) -> Result<Option<Node>, NotProven> {
    let read = async || match cluster.get_node(name).await {
        Ok(node) => Ok(Some(node)),
        Err(CallError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let read = budget.insisted(GET, CALL_LIMIT, read).await?;
    Ok(read.filter(|node| runs_on(node, &target.instance_id)))
}
