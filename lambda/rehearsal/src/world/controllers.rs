//! The controllers that own pods: who makes another one, and when.

use fastrand::Rng;

use super::{
    spec::{Deletion, WorkloadKind},
    state::State,
};
use crate::facts::{EndedBy, PodId};

impl State {
    pub(super) fn add_standing_pods(&mut self, cluster: usize, workload: usize) {
        let spec = self.clusters[cluster].spec.workloads[workload].clone();
        for (ordinal, node) in spec.nodes.iter().enumerate() {
            let name = match spec.kind {
                WorkloadKind::Bare if spec.nodes.len() == 1 => spec.name.clone(),
                WorkloadKind::StatefulSet | WorkloadKind::Bare => format!("{}-{ordinal}", spec.name),
                WorkloadKind::Mirror => format!("{}-{node}", spec.name),
                WorkloadKind::Deployment | WorkloadKind::DaemonSet | WorkloadKind::Job => {
                    self.generated_name(cluster, workload)
                }
            };
            let pod = self.add_pod(cluster, workload, name);
            match spec.binds_after_ms {
                Some(at_ms) => {
                    let node = node.clone();
                    self.set(at_ms, move |state| state.bind_late(pod, &node));
                }
                None => self.stand(pod, node, spec.state),
            }
        }
    }

    /// A name as the owners generate it: a ReplicaSet's hash in the middle, five random characters.
    fn generated_name(&mut self, cluster: usize, workload: usize) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let spec = &self.clusters[cluster].spec.workloads[workload];
        let random = |rng: &mut Rng, length| -> String {
            (0..length).map(|_| char::from(ALPHABET[rng.usize(..ALPHABET.len())])).collect()
        };
        let prefix = match spec.kind {
            WorkloadKind::Deployment => {
                let seed = spec.name.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
                format!("{}-{}", spec.name, random(&mut Rng::with_seed(seed), 9))
            }
            _ => spec.name.clone(),
        };
        loop {
            let name = format!("{prefix}-{}", random(&mut self.rng, 5));
            if !self.clusters[cluster].names.contains_key(&(spec.namespace.clone(), name.clone())) {
                return name;
            }
        }
    }

    /// A ReplicaSet does not count terminating pods: it makes another one at once.
    pub(super) fn owner_sees_termination(&mut self, pod: PodId) {
        if self.workload(pod).kind == WorkloadKind::Deployment {
            self.succeed(pod);
        }
    }

    /// The other owners wait until the pod is gone.
    pub(super) fn owner_sees_removal(&mut self, pod: PodId) {
        match self.workload(pod).kind {
            WorkloadKind::Deployment
            | WorkloadKind::StatefulSet
            | WorkloadKind::Job
            | WorkloadKind::DaemonSet => {
                self.succeed(pod);
            }
            WorkloadKind::Bare | WorkloadKind::Mirror => {}
        }
    }

    fn succeed(&mut self, old: PodId) {
        let (cluster, workload) = (self.pods[old].cluster, self.pods[old].workload);
        let (namespace, kind) = (self.workload(old).namespace.clone(), self.workload(old).kind);
        if self.pods[old].succeeded_by_other || self.clusters[cluster].is_terminating(&namespace) {
            return;
        }
        self.pods[old].succeeded_by_other = true;
        let name = match kind {
            WorkloadKind::StatefulSet => self.pods[old].name.clone(),
            _ => self.generated_name(cluster, workload),
        };
        if kind == WorkloadKind::DaemonSet {
            let node = self.pods[old].node.clone().unwrap_or_default();
            if self.clusters[cluster].nodes.get(&node).is_some_and(|node| node.alive) {
                let pod = self.add_pod(cluster, workload, name);
                self.bind(pod, &node);
            }
            return;
        }
        let pod = self.add_pod(cluster, workload, name);
        self.note(&format!("kubernetes pod {} created", self.label(pod)));
        self.clusters[cluster].pending.push(pod);
        self.wake_scheduler(cluster);
    }

    /// One pod of each DaemonSet on a new node.
    pub(super) fn add_daemons(&mut self, cluster: usize, node: &str) {
        for workload in 0..self.clusters[cluster].spec.workloads.len() {
            if self.clusters[cluster].spec.workloads[workload].kind == WorkloadKind::DaemonSet {
                let name = self.generated_name(cluster, workload);
                let pod = self.add_pod(cluster, workload, name);
                self.bind(pod, node);
            }
        }
    }

    pub(super) fn delete_workload_pods(&mut self, cluster: usize, deletion: &Deletion) {
        let of_workload = |pod: &&PodId| self.workload(**pod).name == deletion.workload;
        let standing =
            |pod: &&PodId| self.pods[**pod].node.is_some() && self.pods[**pod].termination.is_none();
        let pods: Vec<PodId> =
            self.clusters[cluster].names.values().filter(of_workload).filter(standing).copied().collect();
        for pod in pods {
            self.terminate(pod, deletion.grace_s, EndedBy::Cluster);
        }
    }

    pub(super) fn delete_namespace_pods(&mut self, cluster: usize, namespace: &str) {
        self.note(&format!("kubernetes namespace {namespace}: its pods are deleted"));
        let pods: Vec<PodId> = self.clusters[cluster]
            .names
            .iter()
            .filter(|((name, _), _)| name == namespace)
            .map(|(_, pod)| *pod)
            .collect();
        for pod in pods {
            self.terminate(pod, None, EndedBy::Cluster);
        }
    }
}
