//! Workloads of a scenario's namespace: pods and their owners.

use serde_json::{Map, Value, json};

/// The owner of the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A Deployment: replaced elsewhere.
    Deployment,
    /// A StatefulSet: replaced under the same name, after the old pod has ended.
    StatefulSet,
    /// A DaemonSet: one on each node of the scenario.
    DaemonSet,
    /// No owner: bare pods.
    Bare,
    /// The kubelet's own manifest: a mirror pod.
    Kubelet,
    /// No owner; bound to the victim by hand, past the scheduler.
    Bound,
}

/// Pods of one kind. KWOK plays their processes: by default they are Ready at once and end when their grace
/// period is over.
#[derive(Debug, Clone)]
pub struct Workload {
    pub(crate) name: String,
    pub(crate) owner: Owner,
    pub(crate) replicas: u32,
    grace: u32,
    annotations: Map<String, Value>,
    finalizers: Vec<String>,
    priority_class: Option<String>,
    volumes: Vec<Value>,
    tolerations: Vec<Value>,
    prefers: Option<String>,
    restart_policy: &'static str,
}

impl Workload {
    /// `replicas` pods of an owner.
    #[must_use]
    pub fn of(owner: Owner, name: &str, replicas: u32) -> Self {
        Self {
            name: name.to_owned(),
            owner,
            replicas,
            grace: 30,
            annotations: Map::new(),
            finalizers: Vec::new(),
            priority_class: None,
            volumes: Vec::new(),
            tolerations: Vec::new(),
            prefers: None,
            restart_policy: "Always",
        }
        .exits_after("300ms")
    }

    /// A Deployment.
    #[must_use]
    pub fn deployment(name: &str, replicas: u32) -> Self {
        Self::of(Owner::Deployment, name, replicas)
    }

    /// terminationGracePeriodSeconds.
    #[must_use]
    pub fn grace(mut self, seconds: u32) -> Self {
        self.grace = seconds;
        self
    }

    /// Time from SIGTERM to the end of the process, in Go's notation of durations (`2s`).
    #[must_use]
    pub fn exits_after(self, time: &str) -> Self {
        self.annotated("pod-delete.stage.kwok.x-k8s.io/delay", time)
    }

    /// Time until a pod becomes Ready.
    #[must_use]
    pub fn ready_after(self, time: &str) -> Self {
        self.annotated("pod-ready.stage.kwok.x-k8s.io/delay", time)
    }

    /// Runs, but is never Ready.
    #[must_use]
    pub fn never_ready(self) -> Self {
        self.annotated("cast-spot.test/unready", "true")
    }

    /// Any annotation.
    #[must_use]
    pub fn annotated(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.into());
        self
    }

    /// A finalizer that is never removed.
    #[must_use]
    pub fn finalizer(mut self, name: &str) -> Self {
        self.finalizers.push(name.to_owned());
        self
    }

    /// priorityClassName.
    #[must_use]
    pub fn priority(mut self, class: &str) -> Self {
        self.priority_class = Some(class.to_owned());
        self
    }

    /// With an emptyDir volume.
    #[must_use]
    pub fn empty_dir(mut self) -> Self {
        self.volumes.push(json!({ "name": "scratch", "emptyDir": {} }));
        self
    }

    /// Tolerates every taint, the cordon's among them.
    #[must_use]
    pub fn tolerates_everything(mut self) -> Self {
        self.tolerations.push(json!({ "operator": "Exists" }));
        self
    }

    /// Prefers this node.
    #[must_use]
    pub fn prefers(mut self, node: &str) -> Self {
        self.prefers = Some(node.to_owned());
        self
    }

    /// restartPolicy Never, as for pods that finish.
    #[must_use]
    pub fn runs_once(mut self) -> Self {
        self.restart_policy = "Never";
        self
    }

    /// The labels of its pods.
    #[must_use]
    pub fn labels(&self) -> Value {
        json!({ "app": self.name })
    }

    /// metadata and spec of its pods, limited to the nodes of `lab`.
    pub(crate) fn template(&self, lab: &str) -> Value {
        let mut annotations = self.annotations.clone();
        if self.owner == Owner::Kubelet {
            annotations.insert("kubernetes.io/config.mirror".to_owned(), "of-a-manifest".into());
        }
        let preferred = self.prefers.iter().map(|node| {
            let on = json!({ "key": "kubernetes.io/hostname", "operator": "In", "values": [node] });
            json!({ "weight": 100, "preference": { "matchExpressions": [on] } })
        });
        let preferred: Vec<_> = preferred.collect();
        json!({
            "metadata": {
                "labels": self.labels(), "annotations": annotations, "finalizers": self.finalizers,
            },
            "spec": {
                "terminationGracePeriodSeconds": self.grace,
                "restartPolicy": self.restart_policy,
                "nodeSelector": { crate::cloud::LAB: lab },
                "priorityClassName": self.priority_class,
                "volumes": self.volumes,
                "tolerations": self.tolerations,
                "affinity": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": preferred } },
                "containers": [{ "name": "main", "image": "registry.k8s.io/pause:3.10" }],
            },
        })
    }
}
