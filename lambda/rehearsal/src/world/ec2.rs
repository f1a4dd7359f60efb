//! EC2: notices, and what EC2 does when the time is up.

use super::{
    instances::{Instance, InstanceState, Lifecycle, Member},
    nodes::Node,
    spec::{Action, NodeSpec},
    state::State,
    timers::Timer,
};
use crate::facts::{Fact, InstanceAbout, InstanceFact, PodId};

/// From the end of an instance to the removal of its Node object (the cloud node controller's period).
const NODE_REMOVAL_MS: u64 = 5_000;

/// From the begin of a shut-down to the end of the processes.
const SHUT_DOWN_MS: u64 = 30_000;

/// The handler takes an instance that shuts down for ending so much later.
const SHOWN_END_MS: u64 = 20_000;

impl State {
    pub(super) fn add_standing_node(&mut self, cluster: usize, spec: &NodeSpec) {
        let lifecycle = if spec.standby { Lifecycle::Standby } else { Lifecycle::InService };
        let managed = spec.group.as_ref().and_then(|name| self.groups.get(name));
        let instance = Instance {
            id: spec.instance.clone(),
            cluster,
            node: spec.joined.then(|| spec.name.clone()),
            private_dns_name: spec.private_dns_name.clone(),
            hostname_type: spec.hostname_type.clone(),
            zone: spec.zone.clone(),
            state: InstanceState::Running,
            managed: managed.and_then(|group| group.spec.managed_node_group.clone()),
            first_group: spec.group.clone().filter(|_| !spec.standby),
            member: spec.group.clone().map(|group| Member { group, lifecycle }),
            purchase: spec.purchase.clone(),
            capacity: spec.capacity,
            launched_ms: 0,
            ready_ms: Some(0),
            cordoned_ms: (spec.joined && spec.unschedulable).then_some(0),
            ended_ms: None,
            replaced_by: Vec::new(),
            terminated_by: None,
        };
        if let Some(member) = instance.member.as_ref().filter(|_| !spec.standby)
            && let Some(group) = self.groups.get_mut(&member.group)
        {
            group.desired += 1;
        }
        let node =
            spec.joined.then(|| (spec.name.as_str(), Node::new(&instance, &spec.name, self.bump(), spec)));
        self.add_instance(instance);
        if let Some((name, node)) = node {
            self.add_node(cluster, name, node);
        }
    }

    pub(super) fn add_instance(&mut self, instance: Instance) {
        let about = InstanceAbout {
            cluster: instance.cluster,
            group: instance.first_group.clone(),
            is_owned: instance.is_owned(),
            is_on_demand: instance.is_on_demand(),
        };
        self.emit(Fact::Instance(instance.id.clone(), InstanceFact::Made(about)));
        self.instances.insert(instance.id.clone(), instance);
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

    pub(super) fn issue_notice(&mut self, number: usize) {
        let notice = self.notices[number].clone();
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
        self.set_in(SHUT_DOWN_MS, Timer::Reclaim(id.to_owned()));
    }

    /// EC2 takes the instance: its processes are killed.
    pub(super) fn reclaim(&mut self, id: &str) {
        let shuts_down = self.instances.get(id).is_some_and(|i| i.state == InstanceState::ShuttingDown);
        let stops = !shuts_down && self.notices.iter().any(|n| n.instance == id && n.action == Action::Stop);
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
            self.set_in(NODE_REMOVAL_MS, Timer::NodeGone(id.to_owned()));
        }
        if is_member {
            self.set_in(self.pace.health_check_ms, Timer::HealthCheck(id.to_owned()));
        }
    }

    /// The machine freezes with all that runs on it.
    pub(super) fn freeze(&mut self, id: &str) {
        self.note(&format!("ec2 hibernates {id}"));
        self.halt(id, false);
    }

    /// Nothing on the node moves any more.
    fn halt(&mut self, id: &str, kill: bool) {
        let Some((cluster, name)) = self.instances.get(id).and_then(|i| Some((i.cluster, i.node.clone()?)))
        else {
            return;
        };
        let revision = self.bump();
        let Some(node) = self.clusters[cluster].nodes.get_mut(&name) else { return };
        node.halt(revision);
        let pods: Vec<_> = node.pods.iter().copied().collect();
        self.clusters[cluster].nodes_revision = revision;
        for pod in pods {
            self.halt_pod(pod, kill);
        }
    }

    /// The Node object of a terminated instance goes, and its pods' objects with it.
    pub(super) fn remove_node(&mut self, id: &str) {
        let Some((cluster, name)) = self.instances.get(id).and_then(|i| Some((i.cluster, i.node.clone()?)))
        else {
            return;
        };
        let revision = self.bump();
        let pods: Vec<_> = match self.clusters[cluster].nodes.get(&name) {
            Some(node) => node.pods.iter().copied().collect(),
            None => return,
        };
        for pod in pods {
            self.remove_pod(pod);
        }
        self.clusters[cluster].nodes.remove(&name);
        self.clusters[cluster].nodes_revision = revision;
        self.note(&format!("kubernetes node {name} removed"));
    }
}
