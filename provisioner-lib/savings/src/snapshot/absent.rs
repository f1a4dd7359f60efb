//! Kinds of objects that a file does not have although the cluster does.

use k8s_openapi::api::core::v1::Pod;

use super::{Missing, Snapshot, kinds::KINDS};
use crate::{
    demand,
    objects::{controller, labels},
};

impl Snapshot {
    /// Forgets notes about kinds that are there. Unless the snapshot names itself what it lacks, notes kinds that are
    /// absent and that other objects show to exist. Nothing shows PodDisruptionBudgets: they are noted unless
    /// `has_no_budgets`.
    pub(super) fn note_absent(&mut self, names_it_itself: bool, has_no_budgets: bool) {
        let absent: Vec<_> = KINDS.iter().filter(|kind| (kind.count)(self) == 0).collect();
        self.missing.retain(|missing| {
            let of = KINDS.iter().find(|kind| missing.what.starts_with(kind.without));
            of.is_none_or(|kind| absent.iter().any(|absent| absent.name == kind.name))
        });
        if names_it_itself {
            return;
        }
        let is_said = |without: &str| self.missing.iter().any(|missing| missing.what.starts_with(without));
        let is_shown = |kind: &str| match kind {
            // Every cluster has namespaces, and the documented list of kinds ends with them.
            "PodDisruptionBudget" => !has_no_budgets && !self.pods.is_empty() && self.namespaces.is_empty(),
            kind => self.shows(kind),
        };
        let needed = absent.into_iter().filter(|kind| !is_said(kind.without) && is_shown(kind.name));
        let notes: Vec<Missing> = needed
            .map(|kind| Missing {
                what: format!("{} (the file has none)", kind.without),
                hint: format!(
                    "`kubectl get {} -A -o json` prints them; --snapshot takes several files",
                    kind.resource
                ),
            })
            .collect();
        self.missing.extend(notes);
    }

    /// Whether other objects show that there are objects of the kind.
    fn shows(&self, kind: &str) -> bool {
        let owns = |kind: &str| {
            let owners = self.pods.iter().filter_map(|pod| controller(&pod.metadata));
            owners.into_iter().any(|owner| owner.kind == kind && !owner.api_version.contains('.'))
        };
        let pods = |is: fn(&Pod) -> bool| self.pods.iter().any(is);
        let claims = |bound: bool| {
            let specs = self.persistent_volume_claims.iter().filter_map(|claim| claim.spec.as_ref());
            specs.into_iter().any(|spec| spec.volume_name.is_some() == bound)
        };
        match kind {
            "Node" => !self.pods.is_empty(),
            "Pod" => !self.nodes.is_empty(),
            "Deployment" => pods(|pod| labels(&pod.metadata).contains_key("pod-template-hash")),
            "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => owns(kind),
            "Namespace" => pods(selects_namespaces),
            "PersistentVolumeClaim" | "CSINode" => pods(has_claim),
            "PersistentVolume" => claims(true),
            "StorageClass" => claims(false),
            _ => false,
        }
    }
}

fn has_claim(pod: &Pod) -> bool {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.into_iter().any(|volume| volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some())
}

/// Whether an affinity names namespaces by their labels.
fn selects_namespaces(pod: &Pod) -> bool {
    let pod = pod.spec.as_ref().map(demand::Pod::of_spec).unwrap_or_default();
    pod.affinity.iter().chain(&pod.anti_affinity).any(|term| term.namespace_selector.is_some())
}
