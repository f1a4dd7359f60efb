//! Whether the node of a drain leg still runs on its instance: where that has ended early, another one may have got its
//! address, and with it the node's name.

use std::time::Duration;

use tokio::sync::Mutex;

use super::{Leg, find_node::GET};
use crate::{budget::Budget, plan::node::runs_on, ports::Cluster};

/// A new instance takes longer than this to join the cluster under the name of one that has ended.
const HOLDS_FOR: Duration = Duration::from_secs(10);

/// The last proof is renewed within this time, or not at all: a pod waits for it.
const LIMIT: Duration = Duration::from_secs(2);

/// The identity of the node, proven at the start.
#[derive(Debug)]
pub(super) struct Identity<'a, C> {
    cluster: &'a C,
    node: &'a str,
    instance: &'a str,
    budget: &'a Budget,
    proof: Mutex<Proof>,
}

#[derive(Debug, Clone, Copy)]
struct Proof {
    /// When the node was last known to run on the instance.
    at: Duration,
    /// When a read of the node last failed: nothing speaks against the pods that were seen by then.
    tried: Duration,
    /// Whether another instance has the name since.
    lost: bool,
}

impl Proof {
    fn covers(self, seen: Duration) -> bool {
        seen < self.at + HOLDS_FOR || (seen <= self.tried && !self.lost)
    }
}

impl<'a, C: Cluster> Identity<'a, C> {
    /// The identity of a node that was proven at `at`.
    pub(super) fn new(leg: &Leg<'a, C>, node: &'a str, at: Duration) -> Self {
        let Leg { api: cluster, target, budget, .. } = *leg;
        let proof = Mutex::new(Proof { at, tried: at, lost: false });
        Self { cluster, node, instance: &target.instance_id, budget, proof }
    }

    /// The name of the node.
    pub(super) fn node(&self) -> &'a str {
        self.node
    }

    /// Whether a pod that was first seen at `seen` stands on the instance. Where the last proof is too old for that, the
    /// node is read again; if it cannot be read, nothing speaks against it.
    pub(super) async fn covers(&self, seen: Duration) -> bool {
        let mut proof = self.proof.lock().await;
        let now = self.budget.now();
        if !proof.lost && !proof.covers(seen) && now < self.budget.timetable().report_deadline() {
            match self.budget.call_until(GET, now + LIMIT, self.cluster.get_node(self.node)).await {
                Ok(node) if runs_on(&node, self.instance) => proof.at = now,
                Ok(_) => {
                    tracing::info!(node = self.node, "another instance has taken over the node's name");
                    proof.lost = true;
                }
                Err(_) => proof.tried = now,
            }
        }
        !proof.lost || proof.covers(seen)
    }

    /// Pods that were first seen from this time on stand on another instance. The last one was seen at `last`.
    pub(super) async fn end(&self, last: Duration) -> Duration {
        self.covers(last).await;
        let proof = *self.proof.lock().await;
        if proof.lost { proof.at + HOLDS_FOR } else { Duration::MAX }
    }
}
