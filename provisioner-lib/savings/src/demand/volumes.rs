//! Constraints of a pod's volumes, and the volumes that it attaches.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    core::v1::{
        NodeSelectorRequirement, NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, PodSpec, Volume,
    },
    storage::v1::StorageClass,
};

use super::Pod;
use crate::{
    catalog::{ZONE, ZONE_LABELS},
    objects::{labels, name, namespace},
    snapshot::Snapshot,
};

/// Drivers of EBS volumes: the CSI driver, the one in EKS Auto Mode ("Create a storage class" in the EKS user guide), and
/// the one in Kubernetes that preceded them.
pub(crate) const EBS: [&str; 3] = ["ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs"];

pub(super) struct Volumes<'s> {
    claims: BTreeMap<(&'s str, &'s str), &'s PersistentVolumeClaim>,
    bound: BTreeMap<&'s str, &'s PersistentVolume>,
    classes: BTreeMap<&'s str, &'s StorageClass>,
}

impl<'s> Volumes<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let claims = snapshot
            .persistent_volume_claims
            .iter()
            .map(|claim| ((namespace(&claim.metadata), name(&claim.metadata)), claim));
        let volumes = snapshot.persistent_volumes.iter();
        let volumes = volumes.map(|volume| (name(&volume.metadata), volume));
        let classes = snapshot.storage_classes.iter();
        let classes = classes.map(|class| (name(&class.metadata), class));
        Self { claims: claims.collect(), bound: volumes.collect(), classes: classes.collect() }
    }

    pub(super) fn add_to(&self, pod: &mut Pod, spec: &PodSpec) {
        for volume in spec.volumes.iter().flatten() {
            if let Some(block_store) = &volume.aws_elastic_block_store {
                pod.volumes.insert(block_store.volume_id.clone());
            }
            let Some(claim) = claim_name(&pod.name, volume) else { continue };
            if let Err(obstacle) = self.add_claim(pod, &claim) {
                pod.obstacle.get_or_insert(obstacle);
            }
        }
    }

    fn add_claim(&self, pod: &mut Pod, name: &str) -> Result<(), String> {
        let Some(claim) = self.claims.get(&(pod.namespace.as_str(), name)) else {
            return Err(format!("its claim {name} does not exist"));
        };
        let spec = claim.spec.as_ref();
        match spec.and_then(|spec| spec.volume_name.as_deref()).filter(|bound| !bound.is_empty()) {
            Some(bound) => match self.bound.get(bound) {
                Some(volume) => add_volume(pod, bound, volume),
                None => return Err(format!("the volume {bound} of its claim {name} does not exist")),
            },
            None => self.add_unbound(pod, name, spec.and_then(|spec| spec.storage_class_name.as_deref()))?,
        }
        Ok(())
    }

    /// A volume that is created where the pod runs, in the zones that its class allows.
    fn add_unbound(&self, pod: &mut Pod, claim: &str, class: Option<&str>) -> Result<(), String> {
        let Some(class) = class.and_then(|class| self.classes.get(class)) else {
            return Err(format!("its claim {claim} is not bound and has no known storage class"));
        };
        if class.volume_binding_mode.as_deref() != Some("WaitForFirstConsumer") {
            return Err(format!("its claim {claim} is not bound"));
        }
        let topologies = class.allowed_topologies.iter().flatten();
        let terms: Vec<_> = topologies
            .map(|topology| {
                let expressions = topology.match_label_expressions.iter().flatten();
                let expressions = expressions.map(|found| is_in(&found.key, found.values.clone()));
                NodeSelectorTerm { match_expressions: Some(expressions.collect()), match_fields: None }
            })
            .collect();
        if !terms.is_empty() {
            pod.volume_affinity.push(terms);
        }
        if EBS.contains(&class.provisioner.as_str()) {
            pod.volumes.insert(format!("{}/{claim}", pod.namespace));
        }
        Ok(())
    }
}

/// Names of pods whose volumes other pods attach, too.
pub(super) fn shared(pods: &[Pod]) -> Vec<String> {
    let mut users: BTreeMap<&str, usize> = BTreeMap::new();
    for volume in pods.iter().flat_map(|pod| &pod.volumes) {
        *users.entry(volume).or_default() += 1;
    }
    let shares = |pod: &&Pod| pod.volumes.iter().any(|volume| users[volume.as_str()] > 1);
    pods.iter().filter(shares).map(Pod::full_name).collect()
}

fn claim_name(pod: &str, volume: &Volume) -> Option<String> {
    let claim = volume.persistent_volume_claim.as_ref().map(|claim| claim.claim_name.clone());
    claim.or_else(|| volume.ephemeral.as_ref().map(|_| format!("{pod}-{}", volume.name)))
}

fn add_volume(pod: &mut Pod, name: &str, volume: &PersistentVolume) {
    let spec = volume.spec.clone().unwrap_or_default();
    if let Some(terms) = spec.node_affinity.and_then(|affinity| affinity.required) {
        pod.volume_affinity.push(terms.node_selector_terms);
    }
    for key in ZONE_LABELS {
        if let Some(zones) = labels(&volume.metadata).get(key) {
            let requirement = is_in(ZONE, zones.split("__").map(str::to_owned).collect());
            let term = NodeSelectorTerm { match_expressions: Some(vec![requirement]), match_fields: None };
            pod.volume_affinity.push(vec![term]);
        }
    }
    let is_ebs = spec.csi.is_some_and(|csi| EBS.contains(&csi.driver.as_str()))
        || spec.aws_elastic_block_store.is_some();
    if is_ebs {
        pod.volumes.insert(name.to_owned());
    }
}

fn is_in(key: &str, values: Vec<String>) -> NodeSelectorRequirement {
    NodeSelectorRequirement { key: key.to_owned(), operator: "In".to_owned(), values: Some(values) }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn volumes_of_all_drivers_of_ebs_count() {
        for (driver, counts) in [
            ("ebs.csi.aws.com", true),
            ("kubernetes.io/aws-ebs", true),
            ("ebs.csi.eks.amazonaws.com", true),
            ("efs.csi.aws.com", false),
        ] {
            let volume = json!({ "metadata": { "name": "v" }, "spec": { "csi": { "driver": driver, "volumeHandle": "h" } } });
            let class = json!({ "metadata": { "name": "s" }, "provisioner": driver, "volumeBindingMode": "WaitForFirstConsumer" });
            let claim =
                |name: &str, spec| json!({ "metadata": { "name": name, "namespace": "shop" }, "spec": spec });
            let claims = [
                claim("bound", json!({ "volumeName": "v" })),
                claim("unbound", json!({ "storageClassName": "s" })),
            ];
            let snapshot: Snapshot = from_value(json!({
                "persistentVolumes": [volume], "storageClasses": [class], "persistentVolumeClaims": claims,
            }))
            .unwrap();
            let mut pod = Pod { namespace: "shop".to_owned(), ..Pod::default() };
            let of = |name: &str| json!({ "name": name, "persistentVolumeClaim": { "claimName": name } });
            let spec =
                from_value(json!({ "containers": [], "volumes": [of("bound"), of("unbound")] })).unwrap();
            Volumes::new(&snapshot).add_to(&mut pod, &spec);
            assert_eq!(pod.volumes.len(), if counts { 2 } else { 0 }, "{driver}: {:?}", pod.obstacle);
        }
    }
}
