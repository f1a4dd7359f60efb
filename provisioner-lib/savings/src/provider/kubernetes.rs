//! The objects of a cluster, page by page.

use std::fmt::Debug;

use cast_spot_cloud::{Error, ErrorKind, from_kube};
use futures_util::{FutureExt, future::join_all};
use kube::{Api, Client, Resource, api::ListParams};
use serde::de::DeserializeOwned;

use super::note;
use crate::snapshot::{NODES_UNREAD, PODS_UNREAD, Snapshot};

/// Objects of one answer, as `kubectl get --chunk-size` has it.
const PAGE: u32 = 500;

/// The effect if workloads and what else pods depend on may not be read, in the order of the reads.
const WITHOUT: [&str; 11] = [
    "Deployments could not be read: replicas are counted by pods",
    "ReplicaSets could not be read: Deployments are guessed by name",
    "StatefulSets could not be read: replicas are counted by pods",
    "DaemonSets could not be read: they are taken to run on all nodes where they could",
    "Jobs could not be read: Jobs of a CronJob count one by one",
    "PodDisruptionBudgets could not be read: verdicts may be too favourable",
    "namespaces could not be read: affinities to namespaces by label match nothing",
    "PersistentVolumes could not be read: pods with volumes have no place",
    "PersistentVolumeClaims could not be read: pods with volumes have no place",
    "StorageClasses could not be read: pods with unbound claims have no place",
    "CSINodes could not be read: the number of volumes per node is estimated",
];

/// Reads all kinds side by side. A refusal is noted; anything else, such as no answer, would leave a report that is
/// wrong without a word. Without nodes and pods there is no report.
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
    let reads = join_all(reads).await;
    if let [Err(nodes), Err(pods), ..] = &reads[..] {
        let errors = if nodes.reason == pods.reason { vec![nodes] } else { vec![nodes, pods] };
        return Err(errors.into_iter().cloned().collect());
    }
    let without_nodes = format!("{NODES_UNREAD}, so today's cost is not known");
    let without_pods = format!("{PODS_UNREAD}, so nothing can be proposed");
    let without = [without_nodes.as_str(), &without_pods].into_iter().chain(WITHOUT);
    for (read, without) in reads.into_iter().zip(without) {
        match read {
            Err(error) if matches!(error.reason, ErrorKind::Denied { .. }) => {
                snapshot.missing.push(note(without, &error));
            }
            read => read.map_err(|error| vec![error])?,
        }
    }
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
