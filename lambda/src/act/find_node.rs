//! Which node runs on the instance: by its name, by the instance's, or by the providerIDs in the node list.

use std::time::Duration;

use super::Leg;
use crate::{
    budget::{CALL_LIMIT, jittered},
    locate::LIST_LIMIT,
    plan::{
        node::{names_instance, runs_on},
        retry::pause,
    },
    ports::{CallError, Cluster, Node},
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

impl<C: Cluster> Leg<'_, C> {
    /// Reads the node.
    pub(super) async fn find_node(&self) -> Result<Node, NotProven> {
        Ok(match &self.target.node {
            Some(node) => match self.budget.retried(GET, || self.api.get_node(node)).await {
                Ok(node) if runs_on(&node, &self.target.instance_id) => node,
                Ok(_) | Err(CallError::NotFound(_)) => self.find().await?,
                Err(error) => return Err(error.into()),
            },
            None => self.find().await?,
        })
    }

    /// Reads the node of this name once, and the node list if another instance runs under it.
    pub(super) async fn identify(&self, node: &str) -> Result<Node, NotProven> {
        match self.budget.call(GET, self.api.get_node(node)).await {
            Ok(node) if runs_on(&node, &self.target.instance_id) => Ok(node),
            Ok(_) => self.search(None).await,
            Err(CallError::NotFound(_)) => self.find().await,
            Err(error) => Err(error.into()),
        }
    }

    /// Finds the node of an instance whose name no node has. It may be named after the instance, as nodes of EKS Auto Mode
    /// are.
    pub(super) async fn find(&self) -> Result<Node, NotProven> {
        self.search(Some(&self.target.instance_id)).await
    }

    /// Finds the node of the instance: under the name of this `guess`, or by its providerID in the node list. The kubelet
    /// of a young instance may not have registered it yet, and will put pods on it as soon as it has: it is looked for
    /// by its name for a while, and in a second list at the end.
    async fn search(&self, guess: Option<&str>) -> Result<Node, NotProven> {
        let name = self.target.node.as_deref().unwrap_or(&self.target.instance_id);
        let (mut guess, mut attempt) = (guess, 0);
        loop {
            if let Some(guess) = guess
                && let Some(node) = self.named(guess).await?
            {
                return Ok(node);
            }
            let next = self.budget.now() + jittered(pause(attempt, None));
            let is_last = next >= REGISTRATION.min(self.budget.timetable().report_deadline());
            if attempt == 0 || is_last {
                // The cluster is known to be the instance's: nothing goes on without its node.
                let nodes = match self.budget.insisted(LIST, LIST_LIMIT, || self.api.list_nodes()).await {
                    Ok(nodes) => nodes,
                    Err(error) if attempt == 0 => return Err(error.into()),
                    // An earlier list was without it.
                    Err(_) => return Err(NotProven::NoNode),
                };
                let listed = nodes.iter().find(|n| names_instance(&n.provider_id, &self.target.instance_id));
                if let Some(listed) = listed
                    && let Some(node) = self.named(&listed.name).await?
                {
                    return Ok(node);
                }
            }
            if is_last {
                return Err(NotProven::NoNode);
            }
            self.budget.wait_until(next).await;
            (guess, attempt) = (Some(name), attempt + 1);
        }
    }

    /// The node of this name, if it runs on the instance.
    async fn named(&self, name: &str) -> Result<Option<Node>, NotProven> {
        let read = async || match self.api.get_node(name).await {
            Ok(node) => Ok(Some(node)),
            Err(CallError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        };
        let read = self.budget.insisted(GET, CALL_LIMIT, read).await?;
        Ok(read.filter(|node| runs_on(node, &self.target.instance_id)))
    }
}
