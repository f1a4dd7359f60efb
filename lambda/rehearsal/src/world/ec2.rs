//! EC2: notices, and what EC2 does when the time is up.

use super::{
    instances::{Instance, InstanceState, Lifecycle},
    nodes::Node,
    spec::{Action, NodeSpec, Notice},
    state::State,
};
use crate::facts::{Fact, InstanceAbout, InstanceFact, PodId};

/// From the end of an instance to the removal of its Node object (the cloud node controller's period).
const NODE_REMOVAL_MS: u64 = 5_000;

/// From the begin of a shut-down to the end of the processes.
const SHUT_DOWN_MS: u64 = 30_000;

/// The handler takes an instance that shuts down for ending so much later.
const SHOWN_END_MS: u64 = 20_000;

impl State {
    pub(super) fn add_standing_node(&mut self, cluster: usize, spec: NodeSpec) {
        let id = spec.instance.clone();
        if let Some(at_ms) = spec.shuts_down_ms {
            let id = id.clone();
            self.set_awaited(at_ms, move |state| state.shut_down(&id));
        }
        if let Some(at_ms) = spec.recommended_ms {
            self.set_awaited(at_ms, move |state| state.rebalance(&id));
        }
        let group = spec.group.as_ref().and_then(|group| self.groups.get_mut(group));
        if let Some(group) = group.filter(|_| !spec.standby) {
            group.desired += 1;
        }
        let lifecycle = if spec.standby { Lifecycle::Standby } else { Lifecycle::InService };
        let mut instance = Instance::new(spec, cluster, lifecycle, 0);
        let spec = &instance.spec;
        let node = spec.joined.then(|| (spec.name.clone(), Node::new(spec, &spec.name, self.bump())));
        instance.ready_ms = Some(0);
        instance.node = node.as_ref().map(|(name, _)| name.clone());
        instance.cordoned_ms = node.as_ref().filter(|(_, node)| node.is_unschedulable()).map(|_| 0);
        self.add_instance(instance);
        if let Some((name, node)) = node {
            self.add_node(cluster, &name, node);
        }
    }

    pub(super) fn add_instance(&mut self, instance: Instance) {
        let NodeSpec { instance: id, group, standby, purchase, zone, .. } = &instance.spec;
        let about = InstanceAbout {
            cluster: instance.cluster,
            group: group.clone().filter(|_| !standby),
            is_owned: purchase.is_owned(),
            is_on_demand: purchase.is_on_demand(),
            zone: zone.clone(),
        };
        self.emit(Fact::Instance(id.clone(), InstanceFact::Made(about)));
        self.instances.insert(id.clone(), instance);
    }

    /// The node of an instance joins its cluster.
    pub(super) fn add_node(&mut self, cluster: usize, name: &str, node: Node) {
        let (id, is_cordoned) = (node.instance.clone(), node.is_unschedulable());
        self.clusters[cluster].nodes.insert(name.to_owned(), node);
        self.emit(Fact::Instance(id.clone(), InstanceFact::Joined(name.to_owned())));
        if is_cordoned {
            self.emit(Fact::Instance(id, InstanceFact::Cordoned));
        }
    }

    fn pods_on(&self, instance: &str) -> Vec<PodId> {
        self.node_of(instance).map(|node| node.pods.iter().copied().collect()).unwrap_or_default()
    }

    /// The node that runs on an instance.
    pub(crate) fn node_of(&self, instance: &str) -> Option<&Node> {
        let instance = self.instances.get(instance)?;
        self.clusters[instance.cluster].nodes.get(instance.node.as_ref()?)
    }

    pub(super) fn issue_notice(&mut self, notice: &Notice) {
        self.note(&format!("ec2 notice {} {}", notice.instance, notice.action.as_str()));
        let pods = self.pods_on(&notice.instance);
        self.emit(Fact::Instance(notice.instance.clone(), InstanceFact::Announced(pods.clone())));
        self.concerned.entry(notice.instance.clone()).or_insert(pods);
        // An instance that stops or hibernates is in no group: Auto Scaling refuses such a configuration.
        if notice.action == Action::Terminate {
            self.group_sees_notice(&notice.instance);
        }
    }

    /// An administrator has terminated the instance.
    pub(super) fn shut_down(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id).filter(|i| i.is_running()) else { return };
        instance.state = InstanceState::ShuttingDown;
        self.emit(Fact::Instance(id.to_owned(), InstanceFact::EndShown(self.now_ms + SHOWN_END_MS)));
        self.note(&format!("ec2 shuts {id} down"));
        let id = id.to_owned();
        self.set_awaited(self.now_ms + SHUT_DOWN_MS, move |state| state.reclaim(&id));
    }

    /// EC2 takes the instance: its processes are killed.
    pub(super) fn reclaim(&mut self, id: &str) {
        let shuts_down = self.instances.get(id).is_some_and(|i| i.state == InstanceState::ShuttingDown);
        let stops =
            !shuts_down && self.spec.notices.iter().any(|n| n.instance == id && n.action == Action::Stop);
        self.end_instance(id, stops);
    }

    /// Its group ends the instance.
    pub(super) fn group_ends(&mut self, id: &str) {
        let env = self.instances.get(id).filter(|i| i.is_running()).and_then(|i| i.terminated_by);
        if let Some(env) = env {
            let pods = self.pods_on(id);
            self.emit(Fact::Instance(id.to_owned(), InstanceFact::EndedForFunction { env, pods }));
        }
        self.end_instance(id, false);
    }

    fn end_instance(&mut self, id: &str, stops: bool) {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id).filter(|i| i.is_running()) else { return };
        instance.ended_ms = Some(now_ms);
        instance.state = if stops { InstanceState::Stopped } else { InstanceState::Terminated };
        let is_member = instance.member.is_some();
        self.emit(Fact::Instance(id.to_owned(), InstanceFact::Ended));
        self.note(&format!("ec2 {} {id}", if stops { "stops" } else { "terminates" }));
        self.halt(id, true);
        if !stops {
            let id = id.to_owned();
            self.set_in(NODE_REMOVAL_MS, move |state| state.remove_node(&id));
        }
        if is_member {
            let (at_ms, id) = (self.now_ms + self.spec.pace.health_check_ms, id.to_owned());
            self.set_awaited(at_ms, move |state| state.health_check(&id));
        }
    }

    /// The machine freezes with all that runs on it.
    pub(super) fn freeze(&mut self, id: &str) {
        self.note(&format!("ec2 hibernates {id}"));
        self.halt(id, false);
    }

    /// Nothing on the node moves any more.
    fn halt(&mut self, id: &str, kill: bool) {
        let revision = self.bump();
        let pods = self.pods_on(id);
        if let Some(Instance { cluster, node: Some(name), .. }) = self.instances.get(id)
            && let Some(node) = self.clusters[*cluster].nodes.get_mut(name)
        {
            node.halt(revision);
        }
        for pod in pods {
            self.halt_pod(pod, kill);
        }
    }

    /// The Node object of a terminated instance goes, and its pods' objects with it.
    pub(super) fn remove_node(&mut self, id: &str) {
        let Some(Instance { cluster, node: Some(name), .. }) = self.instances.get(id) else { return };
        let (cluster, name) = (*cluster, name.clone());
        for pod in self.pods_on(id) {
            self.remove_pod(pod);
        }
        if self.clusters[cluster].nodes.remove(&name).is_some() {
            self.bump();
            self.note(&format!("kubernetes node {name} removed"));
        }
    }
}
