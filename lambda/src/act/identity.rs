//! Whether the node of a drain leg still runs on its instance: where that has ended early, another one may have got its
//! address, and with it the node's name.

use std::time::Duration;

use tokio::sync::Mutex;

use super::cordon::GET;
use crate::{
    budget::Budget,
    plan::cordon::runs_on,
    ports::{CallError, Cluster},
};

/// A new instance takes longer than this to join the cluster under the name of one that has ended.
const HOLDS_FOR: Duration = Duration::from_secs(10);

/// The identity of the node, proven at the begin.
#[derive(Debug)]
pub(super) struct Identity<'a, C> {
    cluster: &'a C,
    node: &'a str,
    instance: &'a str,
    budget: &'a Budget,
    /// When it was proven last; `None` once another instance bears the name.
    proven: Mutex<Option<Duration>>,
}

impl<'a, C: Cluster> Identity<'a, C> {
    /// The identity of a node that was proven a moment ago.
    pub(super) fn new(cluster: &'a C, node: &'a str, instance: &'a str, budget: &'a Budget) -> Self {
        Self { cluster, node, instance, budget, proven: Mutex::new(Some(budget.now())) }
    }

    /// Whether the name still stands for the instance. At most one GET in ten seconds; a node that cannot be read is
    /// taken for the same.
    pub(super) async fn holds(&self) -> bool {
        let mut proven = self.proven.lock().await;
        if proven.is_some_and(|at| self.budget.now() >= at + HOLDS_FOR) {
            let read = self.budget.retried(GET, || self.cluster.get_node(self.node)).await;
            let holds = match read {
                Ok(node) => runs_on(&node, self.instance),
                Err(error) => !matches!(error, CallError::NotFound(_)),
            };
            if !holds {
                tracing::info!(node = self.node, "another instance has taken over the node's name");
            }
            *proven = holds.then(|| self.budget.now());
        }
        proven.is_some()
    }
}
