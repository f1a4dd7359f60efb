//! Objects of a snapshot on the control plane.

use std::{collections::BTreeMap, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use cast_spot_real::{
    clock::eventually,
    control_plane::ControlPlane,
    karpenter::{Mode, apply},
    tools::Tools,
};
use cast_spot_savings::{apply::Patch, catalog::Market, snapshot::Snapshot, verdict::Kind};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, Client, api::ListParams};
use serde::Serialize;
use serde_json::{Value, json, to_value};

use crate::proposal::Proposal;

/// Karpenter launches nodes for a batch of pods after some seconds, and then for those that did not fit after all.
const PATIENCE: Duration = Duration::from_mins(10);
/// Label of zones on volumes, which KWOK's nodes lack.
const OF_EBS: &str = "topology.ebs.csi.aws.com/zone";

pub(crate) struct Cluster {
    client: Client,
}

impl Cluster {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    async fn add(&self, kind: &str, object: &impl Serialize) -> Result<()> {
        let mut object = to_value(object)?;
        object["kind"] = kind.into();
        for field in ["uid", "resourceVersion", "creationTimestamp", "ownerReferences", "generation"] {
            object["metadata"].as_object_mut().context("metadata")?.remove(field);
        }
        object.as_object_mut().context("an object")?.remove("status");
        let text = object.to_string().replace(OF_EBS, "topology.kubernetes.io/zone");
        apply(&self.client, &serde_json::from_str(&text)?, Mode::Real).await
    }

    /// All namespaces, once pods may be created in them.
    pub(crate) async fn add_namespaces(&self, snapshot: &Snapshot) -> Result<()> {
        for namespace in &snapshot.namespaces {
            let name = namespace.metadata.name.as_deref().unwrap();
            self.add("Namespace", &json!({ "apiVersion": "v1", "metadata": { "name": name } })).await?;
            let accounts =
                Api::<k8s_openapi::api::core::v1::ServiceAccount>::namespaced(self.client.clone(), name);
            eventually("a service account", PATIENCE, async || Ok(accounts.get_opt("default").await?))
                .await?;
        }
        Ok(())
    }

    /// What patches are for; no pod of it runs.
    pub(crate) async fn add_workloads(&self, snapshot: &Snapshot) -> Result<()> {
        for found in &snapshot.deployments {
            self.add("Deployment", found).await?;
        }
        for found in &snapshot.stateful_sets {
            self.add("StatefulSet", found).await?;
        }
        for found in &snapshot.daemon_sets {
            self.add("DaemonSet", found).await?;
        }
        Ok(())
    }

    /// Bound volumes.
    pub(crate) async fn add_volumes(&self, snapshot: &Snapshot) -> Result<()> {
        for found in &snapshot.storage_classes {
            self.add("StorageClass", found).await?;
        }
        for found in &snapshot.persistent_volumes {
            let mut found = found.clone();
            // It names the claim by the uid that it had.
            let claim = found.spec.as_mut().and_then(|spec| spec.claim_ref.as_mut());
            claim.context("a bound volume")?.uid = None;
            self.add("PersistentVolume", &found).await?;
        }
        for found in &snapshot.persistent_volume_claims {
            self.add("PersistentVolumeClaim", found).await?;
        }
        Ok(())
    }

    /// DaemonSets, patched: their pods take room on each new node.
    pub(crate) async fn add_daemon_sets(&self, proposal: &Proposal) -> Result<()> {
        for found in &proposal.snapshot.daemon_sets {
            let mut object = to_value(found)?;
            let is_it = |name: &str, namespace: &str| {
                object["metadata"]["name"] == name && object["metadata"]["namespace"] == namespace
            };
            let mut judged = proposal.judged().iter();
            let judged = judged.find(|judged| {
                judged.owned.kind == Kind::DaemonSet && is_it(&judged.owned.name, &judged.owned.namespace)
            });
            if let Some(judged) = judged {
                proposal.patch(judged, &mut object["spec"]["template"]["spec"]);
            }
            self.add("DaemonSet", &object).await?;
        }
        Ok(())
    }

    pub(crate) async fn add_pods(&self, pods: &[(Value, Market)]) -> Result<()> {
        for (pod, _) in pods {
            self.add("Pod", pod).await?;
        }
        Ok(())
    }

    /// Labels of Karpenter's nodes by name, once each pod is on one.
    pub(crate) async fn nodes_once_all_are_bound(
        &self,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
        let pods = Api::<Pod>::all(self.client.clone());
        eventually("a node for each pod", PATIENCE, async || {
            let pods = pods.list(&ListParams::default()).await?;
            let is_bound = |pod: &Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
            Ok(pods.iter().all(is_bound).then_some(()))
        })
        .await?;
        let nodes = Api::<Node>::all(self.client.clone()).list(&ListParams::default()).await?;
        let labels = |node: Node| (node.metadata.name.unwrap(), node.metadata.labels.unwrap_or_default());
        Ok(nodes.into_iter().map(labels).collect())
    }

    /// The node of each pod, by [`name`].
    pub(crate) async fn placed(&self) -> Result<BTreeMap<String, String>> {
        let pods = Api::<Pod>::all(self.client.clone()).list(&ListParams::default()).await?;
        let placed = pods.iter().filter_map(|pod| Some((name(pod), pod.spec.as_ref()?.node_name.clone()?)));
        Ok(placed.collect())
    }

    /// Runs the printed commands in a shell, with the real kubectl, and checks that the pod templates have changed.
    pub(crate) fn run_patches(proposal: &Proposal, control_plane: &ControlPlane) -> Result<()> {
        let folder = Tools::from_environment()?.control_plane;
        let commands: Vec<String> = proposal.manifests.patches.iter().filter_map(Patch::command).collect();
        ensure!(!commands.is_empty(), "nothing is patched");
        for command in commands {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-euc").arg(&command).env_clear();
            let kubeconfig = control_plane.kubeconfig();
            // kubectl keeps a cache in the home folder.
            shell.env("PATH", &folder).env("HOME", kubeconfig.with_file_name("home"));
            shell.env("KUBECONFIG", kubeconfig);
            let ran = shell.output()?;
            let output =
                [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
            ensure!(ran.status.success(), "{command}: {output}");
            ensure!(output.contains("patched") && !output.contains("no change"), "{command}: {output}");
        }
        Ok(())
    }
}

/// `NAMESPACE/NAME`.
pub(crate) fn name(pod: &impl Serialize) -> String {
    let pod = to_value(pod).unwrap_or_default();
    let of = |field: &str| pod["metadata"][field].as_str().unwrap_or("default").to_owned();
    format!("{}/{}", of("namespace"), of("name"))
}
