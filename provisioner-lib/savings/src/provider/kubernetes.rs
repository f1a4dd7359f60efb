//! The objects of a cluster, page by page.

use std::fmt::Debug;

use cast_spot_cloud::{Error, ErrorKind, from_kube};
use kube::{Api, Client, Resource, api::ListParams};
use serde::de::DeserializeOwned;

use super::note;
use crate::{
    report::Missing,
    snapshot::{NODES_UNREAD, PODS_UNREAD, Snapshot},
};

/// Objects of one answer, as `kubectl get --chunk-size` has it.
const PAGE: u32 = 500;

/// Reads all kinds side by side. What may not be read is noted; without nodes and pods there is nothing to say.
pub(super) async fn read(client: &Client) -> Result<Snapshot, Vec<Error>> {
    let (nodes, pods, workloads, rest) = tokio::join!(
        Box::pin(list(client, "nodes")),
        Box::pin(list(client, "pods")),
        Box::pin(workloads(client)),
        Box::pin(rest(client)),
    );
    if let (Err(nodes), Err(pods)) = (&nodes, &pods) {
        let errors = if nodes.reason == pods.reason { vec![nodes] } else { vec![nodes, pods] };
        return Err(errors.into_iter().cloned().collect());
    }
    let mut snapshot = Snapshot::default();
    let mut keeper = Keeper { missing: Vec::new() };
    snapshot.nodes = keeper.keep(nodes, &format!("{NODES_UNREAD}, so today's cost is not known"))?;
    snapshot.pods = keeper.keep(pods, &format!("{PODS_UNREAD}, so nothing can be proposed"))?;
    let (deployments, replica_sets, stateful_sets, daemon_sets, jobs, budgets) = workloads;
    snapshot.deployments =
        keeper.keep(deployments, "Deployments could not be read: replicas are counted by pods")?;
    snapshot.replica_sets =
        keeper.keep(replica_sets, "ReplicaSets could not be read: Deployments are guessed by name")?;
    snapshot.stateful_sets =
        keeper.keep(stateful_sets, "StatefulSets could not be read: replicas are counted by pods")?;
    snapshot.daemon_sets = keeper.keep(
        daemon_sets,
        "DaemonSets could not be read: they are taken to run on all nodes where they could",
    )?;
    snapshot.jobs = keeper.keep(jobs, "Jobs could not be read: Jobs of a CronJob count one by one")?;
    snapshot.pod_disruption_budgets =
        keeper.keep(budgets, "PodDisruptionBudgets could not be read: verdicts may be too favourable")?;
    let (namespaces, volumes, claims, classes, csi_nodes) = rest;
    snapshot.namespaces = keeper
        .keep(namespaces, "namespaces could not be read: affinities to namespaces by label match nothing")?;
    snapshot.persistent_volumes =
        keeper.keep(volumes, "PersistentVolumes could not be read: pods with volumes have no place")?;
    snapshot.persistent_volume_claims =
        keeper.keep(claims, "PersistentVolumeClaims could not be read: pods with volumes have no place")?;
    snapshot.storage_classes =
        keeper.keep(classes, "StorageClasses could not be read: pods with unbound claims have no place")?;
    snapshot.csi_nodes =
        keeper.keep(csi_nodes, "CSINodes could not be read: the number of volumes per node is estimated")?;
    snapshot.missing = keeper.missing;
    Ok(snapshot)
}

/// What must be read, and the note if it may not be.
struct Keeper {
    missing: Vec<Missing>,
}

impl Keeper {
    /// A refusal is noted; anything else, such as no answer, would leave a report that is wrong without a word.
    fn keep<T>(&mut self, found: Result<Vec<T>, Error>, without: &str) -> Result<Vec<T>, Vec<Error>> {
        match found {
            Ok(objects) => Ok(objects),
            Err(error) if matches!(error.reason, ErrorKind::Denied { .. }) => {
                self.missing.push(note(without, &error));
                Ok(Vec::new())
            }
            Err(error) => Err(vec![error]),
        }
    }
}

type Listed<T> = Result<Vec<T>, Error>;

async fn workloads(
    client: &Client,
) -> (
    Listed<k8s_openapi::api::apps::v1::Deployment>,
    Listed<k8s_openapi::api::apps::v1::ReplicaSet>,
    Listed<k8s_openapi::api::apps::v1::StatefulSet>,
    Listed<k8s_openapi::api::apps::v1::DaemonSet>,
    Listed<k8s_openapi::api::batch::v1::Job>,
    Listed<k8s_openapi::api::policy::v1::PodDisruptionBudget>,
) {
    tokio::join!(
        list(client, "deployments.apps"),
        list(client, "replicasets.apps"),
        list(client, "statefulsets.apps"),
        list(client, "daemonsets.apps"),
        list(client, "jobs.batch"),
        list(client, "poddisruptionbudgets.policy"),
    )
}

async fn rest(
    client: &Client,
) -> (
    Listed<k8s_openapi::api::core::v1::Namespace>,
    Listed<k8s_openapi::api::core::v1::PersistentVolume>,
    Listed<k8s_openapi::api::core::v1::PersistentVolumeClaim>,
    Listed<k8s_openapi::api::storage::v1::StorageClass>,
    Listed<k8s_openapi::api::storage::v1::CSINode>,
) {
    tokio::join!(
        list(client, "namespaces"),
        list(client, "persistentvolumes"),
        list(client, "persistentvolumeclaims"),
        list(client, "storageclasses.storage.k8s.io"),
        list(client, "csinodes.storage.k8s.io"),
    )
}

async fn list<T>(client: &Client, what: &str) -> Listed<T>
where
    T: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api: Api<T> = Api::all(client.clone());
    let mut objects = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let call = format!("list {what}");
        let page = api.list(&params).await.map_err(|error| allowed_by(from_kube(&call)(error)))?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

/// To read takes less than the rights that other commands ask for.
fn allowed_by(error: Error) -> Error {
    match error.reason {
        ErrorKind::Denied { .. } => error.hint("the ClusterRole of infra/kubernetes/savings.yaml allows it"),
        _ => error,
    }
}
