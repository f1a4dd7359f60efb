//! What the facts show of the world so far.

use std::collections::BTreeMap;

use crate::facts::{
    Fact, GroupAbout, GroupFact, InstanceAbout, InstanceFact, PodAbout, PodClass, PodFact, PodId, Termination,
};

/// The world, as far as the laws need it.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) clusters: Vec<Cluster>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) pods: Vec<Pod>,
}

#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) registered: bool,
    /// Nodes that it has had.
    pub(super) nodes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) about: GroupAbout,
    pub(super) lacks_capacity: bool,
}

#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) about: InstanceAbout,
    pub(super) node: Option<String>,
    pub(super) cordoned_ms: Option<i64>,
    /// The earliest end that a read has shown.
    pub(super) shown_end_ms: Option<i64>,
    pub(super) ended_ms: Option<i64>,
    /// Instances that were launched in its stead, in order.
    pub(super) replaced_by: Vec<String>,
    /// Pods that stood on it at its notice, and those bound to it since; `None`: EC2 has not announced anything.
    pub(super) concerned: Option<Vec<PodId>>,
}

impl Instance {
    /// Whether the pod has stood on it since its notice. Without a notice of EC2 it is not known.
    pub(super) fn has_carried(&self, pod: PodId) -> bool {
        self.concerned.as_ref().is_none_or(|pods| pods.contains(&pod))
    }
}

#[derive(Debug, Default)]
pub(super) struct Pod {
    pub(super) about: PodAbout,
    pub(super) node: Option<String>,
    pub(super) bound_ms: i64,
    pub(super) termination: Option<Termination>,
    pub(super) end: Option<End>,
    pub(super) is_removed: bool,
}

/// How a pod's processes ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) at_ms: i64,
    pub(super) is_killed: bool,
    pub(super) is_shown_late: bool,
}

impl Pod {
    pub(super) fn belongs_to_node(&self) -> bool {
        self.about.class == PodClass::OfNode
    }

    pub(super) fn is_critical(&self) -> bool {
        self.about.class == PodClass::Critical
    }

    pub(super) fn has_ended_by(&self, due_ms: i64) -> bool {
        by(self.end.map(|end| end.at_ms), due_ms)
    }
}

/// Whether it happened, at `due_ms` at the latest.
pub(super) fn by(at_ms: Option<i64>, due_ms: i64) -> bool {
    at_ms.is_some_and(|at_ms| at_ms <= due_ms)
}

impl Record {
    pub(super) fn learn(&mut self, at_ms: i64, fact: Fact) {
        match fact {
            Fact::Cluster { name, registered } => self.clusters.push(Cluster { name, registered, nodes: 0 }),
            Fact::Group(name, fact) => {
                let group = self.groups.entry(name).or_default();
                match fact {
                    GroupFact::Made(about) => group.about = about,
                    GroupFact::LacksCapacity => group.lacks_capacity = true,
                }
            }
            Fact::Instance(id, fact) => self.learn_instance(at_ms, id, fact),
            Fact::Pod(_, PodFact::Made(about)) => self.pods.push(Pod { about, ..Pod::default() }),
            Fact::Pod(id, fact) => self.learn_pod(at_ms, id, fact),
            Fact::Call(..) | Fact::Function(..) | Fact::Panicked(_) | Fact::Closed => {}
        }
    }

    fn learn_instance(&mut self, at_ms: i64, id: String, fact: InstanceFact) {
        let instance = self.instances.entry(id).or_default();
        match fact {
            InstanceFact::Made(about) => instance.about = about,
            InstanceFact::Joined(node) => {
                instance.node = Some(node);
                self.clusters[instance.about.cluster].nodes += 1;
            }
            InstanceFact::Cordoned => instance.cordoned_ms = instance.cordoned_ms.or(Some(at_ms)),
            InstanceFact::Announced(pods) => instance.concerned = instance.concerned.take().or(Some(pods)),
            InstanceFact::EndShown(ends_ms) => {
                let ends_ms = ends_ms as i64;
                instance.shown_end_ms = Some(instance.shown_end_ms.map_or(ends_ms, |ms| ms.min(ends_ms)));
            }
            InstanceFact::Replaced { by, .. } => instance.replaced_by.push(by),
            InstanceFact::EndedForFunction { .. } => {}
            InstanceFact::Ended => instance.ended_ms = Some(at_ms),
        }
    }

    fn learn_pod(&mut self, at_ms: i64, id: PodId, fact: PodFact) {
        let pod = &mut self.pods[id];
        match fact {
            PodFact::Made(about) => pod.about = about,
            PodFact::Finished => pod.about.class = PodClass::OfNode,
            PodFact::Bound { node, instance } => {
                (pod.node, pod.bound_ms) = (Some(node), at_ms);
                if let Some(pods) = &mut self.instances.entry(instance).or_default().concerned {
                    pods.push(id);
                }
            }
            PodFact::Terminates(termination) => pod.termination = Some(termination),
            PodFact::Ended { is_killed, is_shown_late } => {
                pod.end = Some(End { at_ms, is_killed, is_shown_late });
            }
            PodFact::Removed => pod.is_removed = true,
        }
    }
}
