//! The objects of a cluster, page by page.

use std::fmt::Debug;

use cast_spot_cloud::{Error, ErrorKind, from_kube};
use futures_util::{
    FutureExt,
    future::{join, join_all},
};
use kube::{Api, Client, Resource, api::ListParams};
use serde::de::DeserializeOwned;

use super::note;
use crate::snapshot::{KINDS, Missing, Snapshot};

/// Objects of one answer, as `kubectl get --chunk-size` has it.
const PAGE: u32 = 500;

/// Reads all kinds side by side. A refusal is noted; anything else, such as no answer, would leave a report that is
/// wrong without a word. Without nodes and pods there is no report. Usage is no part of any other figure: any fault of
/// the metrics API only leaves it unknown.
pub(super) async fn read(client: &Client) -> Result<Snapshot, Vec<Error>> {
    let mut snapshot = Snapshot::default();
    let reads = [
        list(client, "nodes", &mut snapshot.nodes).boxed(),
        list(client, "pods", &mut snapshot.pods).boxed(),
        list(client, "deployments.apps", &mut snapshot.deployments).boxed(),
        list(client, "replicasets.apps", &mut snapshot.replica_sets).boxed(),
        list(client, "statefulsets.apps", &mut snapshot.stateful_sets).boxed(),
        list(client, "daemonsets.apps", &mut snapshot.daemon_sets).boxed(),
        list(client, "jobs.batch", &mut snapshot.jobs).boxed(),
        list(client, "poddisruptionbudgets.policy", &mut snapshot.pod_disruption_budgets).boxed(),
        list(client, "namespaces", &mut snapshot.namespaces).boxed(),
        list(client, "persistentvolumes", &mut snapshot.persistent_volumes).boxed(),
        list(client, "persistentvolumeclaims", &mut snapshot.persistent_volume_claims).boxed(),
        list(client, "storageclasses.storage.k8s.io", &mut snapshot.storage_classes).boxed(),
        list(client, "csinodes.storage.k8s.io", &mut snapshot.csi_nodes).boxed(),
    ];
    let metrics = list(client, "pods.metrics.k8s.io", &mut snapshot.pod_metrics);
    let (reads, metrics) = join(join_all(reads), metrics).await;
    if let [Err(nodes), Err(pods), ..] = &reads[..] {
        let errors = if nodes.reason == pods.reason { vec![nodes] } else { vec![nodes, pods] };
        return Err(errors.into_iter().cloned().collect());
    }
    for (read, kind) in reads.into_iter().zip(&KINDS) {
        match read {
            Err(error) if matches!(error.reason, ErrorKind::Denied { .. }) => {
                snapshot.missing.push(note(kind.without, &error));
            }
            read => read.map_err(|error| vec![error])?,
        }
    }
    snapshot.usage_unread = metrics.err().map(|error| {
        let Missing { what, hint } = note("the metrics API could not be read", &error);
        if hint.is_empty() { what } else { format!("{what}; {hint}") }
    });
    Ok(snapshot)
}

async fn list<T>(client: &Client, what: &str, objects: &mut Vec<T>) -> Result<(), Error>
where
    T: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api: Api<T> = Api::all(client.clone());
    let mut params = ListParams::default().limit(PAGE);
    // Assigned when all pages are read: a part of the nodes would look like a small cluster.
    let mut read = Vec::new();
    loop {
        let call = format!("list {what}");
        let page = api.list(&params).await.map_err(|error| match from_kube(&call)(error) {
            // To read takes less than the rights that other commands ask for.
            error @ Error { reason: ErrorKind::Denied { .. }, .. } => {
                error.hint("the ClusterRole of infra/kubernetes/savings.yaml allows it")
            }
            error => error,
        })?;
        read.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    *objects = read;
    Ok(())
}
