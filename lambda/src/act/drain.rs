//! The drain leg: prove which node is the instance's, cordon it, list its pods, drain them.

use std::time::Duration;

use super::{
    Leg, cordon::Proven, find_node::NotProven, identity::Identity, pdb_lists::PdbLists, tracked::Pods,
    watch::LIST,
};
use crate::{
    budget::CALL_LIMIT,
    ports::{self, CallError, CallResult, Cluster, Freshness},
    report::{CordonReport, Drained},
};

impl<C: Cluster> Leg<'_, C> {
    /// Runs the drain leg.
    pub(crate) async fn drain(self) -> Drained {
        let proven = async {
            let answer = if self.policy.dry_run {
                let cordon = Ok(CordonReport::skipped("dry run".to_owned()));
                self.find_node().await.map(|node| Proven { node, cordon })
            } else {
                self.cordon(&self.course.claim(self.notice)).await
            };
            (answer, self.budget.now_ms())
        };
        // The pods are listed beside the cordon, under the name that EC2 gives; nothing is done to them
        // before the cordon has proved the name.
        let listed = async {
            match &self.target.node {
                Some(node) => Some((node.clone(), self.list(node, Freshness::Cached).await)),
                None => None,
            }
        };
        let ((proven, proven_ms), listed) = tokio::join!(proven, listed);
        let Proven { node, cordon } = match proven {
            Ok(proven) => proven,
            Err(NotProven::NoNode) => return self.nothing_to_drain(),
            Err(NotProven::Failed(reason)) => return self.not_proven(listed, reason, proven_ms),
        };
        let name = node.metadata.name.clone();
        if self.target.node.as_deref() != Some(name.as_str()) {
            tracing::Span::current().record("node", name.as_str());
        }
        let failed = |refusal: CallError| CordonReport::failed(refusal.to_string());
        let listed = match listed {
            Some((listed_name, Ok(listed))) if listed_name == name => Ok(listed),
            // The node is known, and only its pods are lacking.
            _ => {
                let list = || self.api.list_pods(&name, Freshness::Cached);
                self.budget.insisted(LIST, CALL_LIMIT, list).await
            }
        };
        let list = match listed {
            Ok(list) => list,
            Err(error) => {
                let reason = Some(format!("pods not listed: {error}"));
                let cordon = cordon.unwrap_or_else(failed);
                return Drained { node: Some(name), cordon, pods: Vec::new(), reason };
            }
        };
        let mut pods = Pods::new(self.entered, cordon.is_ok());
        list.items.into_iter().for_each(|pod| pods.observe(pod, self.budget.now()));
        let (pods, cordon) = if self.policy.dry_run {
            let report = pods.report(&PdbLists::default(), "dry run: to be evicted");
            (report, cordon.unwrap_or_else(failed))
        } else {
            let identity = Identity::new(&self, &name, Duration::from_millis(proven_ms));
            self.drain_pods(&node, &identity, list.resource_version, pods, cordon).await
        };
        Drained { node: Some(name), cordon, pods, reason: None }
    }

    pub(super) async fn list(&self, node: &str, freshness: Freshness) -> CallResult<ports::Pods> {
        self.budget.retried(LIST, || self.api.list_pods(node, freshness)).await
    }

    fn nothing_to_drain(self) -> Drained {
        let reason =
            format!("no node of cluster {} runs on {}", self.target.cluster, self.target.instance_id);
        let cordon = CordonReport::skipped(reason.clone());
        Drained { node: None, cordon, pods: Vec::new(), reason: Some(reason) }
    }

    fn not_proven(
        self,
        listed: Option<(String, CallResult<ports::Pods>)>,
        reason: String,
        after_ms: u64,
    ) -> Drained {
        // Nothing proves that the pods are on this instance: they are named, not touched.
        let mut pods = Pods::new(self.entered, false);
        let listed = listed.into_iter().filter_map(|(_, list)| list.ok()).flat_map(|list| list.items);
        listed.for_each(|pod| pods.observe(pod, self.budget.now()));
        Drained {
            node: self.target.node.clone(),
            pods: pods.report(&PdbLists::default(), "the node was not cordoned"),
            reason: Some(format!("cordon: {reason}")),
            cordon: CordonReport { after_ms: Some(after_ms), ..CordonReport::failed(reason) },
        }
    }
}
