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

#[derive(Debug)]
pub(super) struct Group {
    pub(super) about: GroupAbout,
    pub(super) lacks_capacity: bool,
}

#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) about: InstanceAbout,
    pub(super) node: Option<String>,
    pub(super) cordoned_ms: Option<u64>,
    /// The earliest end that a read has shown.
    pub(super) shown_end_ms: Option<u64>,
    pub(super) ended_ms: Option<u64>,
    /// Instances that were launched in its stead, in order.
    pub(super) replaced_by: Vec<String>,
    /// Pods that stood on it at its notice, and those bound to it since; `None`: EC2 has not announced anything.
    pub(super) concerned: Option<Vec<PodId>>,
}

impl Instance {
    /// Whether the handler leaves it alone: another handler owns its node, or EC2 does not interrupt it.
    pub(super) fn is_of_others(&self, synthetic: bool) -> bool {
        self.about.is_owned || (self.about.is_on_demand && !synthetic)
    }

    /// Whether the pod has stood on it since its notice. Without a notice of EC2 it is not known.
    pub(super) fn has_carried(&self, pod: PodId) -> bool {
        self.concerned.as_ref().is_none_or(|pods| pods.contains(&pod))
    }
}

#[derive(Debug, Default)]
pub(super) struct Pod {
    pub(super) about: PodAbout,
    pub(super) node: Option<String>,
    pub(super) bound_ms: u64,
    pub(super) termination: Option<Termination>,
    pub(super) end: Option<End>,
    pub(super) exists: bool,
}

/// How a pod's processes ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) at_ms: u64,
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

    /// Whether it had ended by `at_ms`.
    pub(super) fn has_ended_by(&self, at_ms: i64) -> bool {
        self.end.is_some_and(|end| end.at_ms as i64 <= at_ms)
    }
}

impl Record {
    pub(super) fn learn(&mut self, at_ms: u64, fact: Fact) {
        match fact {
            Fact::Cluster { name, registered } => self.clusters.push(Cluster { name, registered, nodes: 0 }),
            Fact::Group(name, GroupFact::Made(about)) => {
                self.groups.insert(name, Group { about, lacks_capacity: false });
            }
            Fact::Group(name, GroupFact::LacksCapacity) => {
                if let Some(group) = self.groups.get_mut(&name) {
                    group.lacks_capacity = true;
                }
            }
            Fact::Instance(id, InstanceFact::Made(about)) => {
                self.instances.insert(id, Instance { about, ..Instance::default() });
            }
            Fact::Instance(id, fact) => self.learn_instance(at_ms, &id, fact),
            Fact::Pod(_, PodFact::Made(about)) => {
                self.pods.push(Pod { about, exists: true, ..Pod::default() });
            }
            Fact::Pod(id, PodFact::Bound { node, instance }) => {
                (self.pods[id].node, self.pods[id].bound_ms) = (Some(node), at_ms);
                if let Some(concerned) = self.instances.get_mut(&instance).and_then(|i| i.concerned.as_mut())
                {
                    concerned.push(id);
                }
            }
            Fact::Pod(id, fact) => self.pods[id].learn(at_ms, &fact),
            Fact::Call(..) | Fact::Function(..) | Fact::Panicked(_) | Fact::Closed => {}
        }
    }

    fn learn_instance(&mut self, at_ms: u64, id: &str, fact: InstanceFact) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        match fact {
            InstanceFact::Made(_) | InstanceFact::EndedForFunction { .. } => {}
            InstanceFact::Joined(node) => {
                instance.node = Some(node);
                self.clusters[instance.about.cluster].nodes += 1;
            }
            InstanceFact::Cordoned => instance.cordoned_ms = instance.cordoned_ms.or(Some(at_ms)),
            InstanceFact::Announced(pods) => {
                instance.concerned.get_or_insert(pods);
            }
            InstanceFact::EndShown(ends_ms) => {
                instance.shown_end_ms = Some(instance.shown_end_ms.unwrap_or(u64::MAX).min(ends_ms));
            }
            InstanceFact::Replaced { by, .. } => instance.replaced_by.push(by),
            InstanceFact::Ended => instance.ended_ms = Some(at_ms),
        }
    }
}

impl Pod {
    fn learn(&mut self, at_ms: u64, fact: &PodFact) {
        match *fact {
            PodFact::Finished => self.about.class = PodClass::OfNode,
            PodFact::Terminates(termination) => self.termination = Some(termination),
            PodFact::Ended { is_killed, is_shown_late } => {
                self.end = Some(End { at_ms, is_killed, is_shown_late });
            }
            PodFact::Removed => self.exists = false,
            PodFact::Made(_) | PodFact::Bound { .. } => {}
        }
    }
}
