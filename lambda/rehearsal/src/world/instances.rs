//! EC2: instances, notices, and what EC2 does when the time is up.

use super::{
    groups::Lifecycle,
    nodes::Node,
    spec::{Action, NodeSpec, Purchase},
    state::{State, Timer},
};

/// From the end of an instance to the removal of its Node object (the cloud node controller's period).
const NODE_REMOVAL_MS: u64 = 5_000;

/// From the begin of a shut-down to the end of the processes.
const SHUT_DOWN_MS: u64 = 30_000;

/// The handler takes an instance that shuts down for ending so much later.
const SHOWN_END_MS: u64 = 20_000;

/// One EC2 instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    /// Index of its cluster.
    pub(crate) cluster: usize,
    /// Name of its Node object, if it has one.
    pub(crate) node: Option<String>,
    pub(crate) private_dns_name: String,
    pub(crate) hostname_type: String,
    pub(crate) zone: String,
    pub(crate) state: InstanceState,
    /// Membership of a group, and the tag that says so.
    pub(crate) member: Option<Member>,
    /// The group it was in service in at first.
    pub(crate) first_group: Option<String>,
    /// Managed node group, from its tag.
    pub(crate) managed: Option<String>,
    pub(crate) purchase: Purchase,
    pub(crate) capacity: usize,
    pub(crate) launched_ms: u64,
    pub(crate) ready_ms: Option<u64>,
    pub(crate) cordoned_ms: Option<u64>,
    /// The earliest end that a read has shown.
    pub(crate) shown_end_ms: Option<u64>,
    /// When EC2 took it.
    pub(crate) ended_ms: Option<u64>,
    /// Instances that were launched in its stead, in order.
    pub(crate) replaced_by: Vec<String>,
    /// The function that had its group terminate it.
    pub(crate) terminated_by: Option<usize>,
}

/// Membership of an Auto Scaling group.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) group: String,
    pub(crate) lifecycle: Lifecycle,
}

/// Who wanted a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaunchedBy {
    /// A call of the handler.
    Handler,
    /// The group, on the notice.
    Group,
    /// The group, when it found its member gone.
    HealthCheck,
}

/// State of an instance, with EC2's name and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceState {
    Running,
    ShuttingDown,
    Terminated,
    Stopped,
}

impl InstanceState {
    pub(crate) fn name_and_code(self) -> (&'static str, u8) {
        match self {
            Self::Running => ("running", 16),
            Self::ShuttingDown => ("shutting-down", 32),
            Self::Terminated => ("terminated", 48),
            Self::Stopped => ("stopped", 80),
        }
    }
}

impl Instance {
    /// The handler is to leave it alone: another handler owns its node, or EC2 interrupts no such instance.
    pub(crate) fn is_of_others(&self, synthetic: bool) -> bool {
        let owners = ["karpenter.sh/nodepool", "eks:kubernetes-node-pool-name", "cast:cluster-id"];
        let Purchase { lifecycle, reservation, operator, tags, .. } = &self.purchase;
        let on_demand = lifecycle.is_none() && reservation.is_none();
        owners.iter().any(|tag| tags.contains_key(*tag))
            || operator.as_deref() == Some("eks.amazonaws.com")
            || (on_demand && !synthetic)
    }
}

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
            shown_end_ms: None,
            ended_ms: None,
            replaced_by: Vec::new(),
            terminated_by: None,
        };
        if let Some(member) = instance.member.as_ref().filter(|_| !spec.standby)
            && let Some(group) = self.groups.get_mut(&member.group)
        {
            group.desired += 1;
        }
        if spec.joined {
            let node = Node::new(&instance, &spec.name, self.bump(), spec);
            self.clusters[cluster].nodes.insert(spec.name.clone(), node);
        }
        self.instances.insert(instance.id.clone(), instance);
    }

    /// The node that runs on an instance.
    pub(crate) fn node_of(&self, instance: &str) -> Option<&Node> {
        let instance = self.instances.get(instance)?;
        self.clusters[instance.cluster].nodes.get(instance.node.as_ref()?)
    }

    pub(super) fn issue_notice(&mut self, number: usize) {
        let notice = self.notices[number].clone();
        self.note(&format!("ec2 notice {} {}", notice.instance, notice.action.as_str()));
        let pods = self.node_of(&notice.instance).map(|node| node.pods.iter().copied().collect());
        self.concerned.entry(notice.instance.clone()).or_insert_with(|| pods.unwrap_or_default());
        // An instance that stops or hibernates is in no group: Auto Scaling refuses such a configuration.
        if notice.action == Action::Terminate {
            self.group_sees_notice(&notice.instance);
        }
    }

    /// An administrator has terminated the instance.
    pub(super) fn shut_down(&mut self, id: &str) {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id).filter(|i| i.ended_ms.is_none()) else { return };
        instance.state = InstanceState::ShuttingDown;
        let end_ms = now_ms + SHOWN_END_MS;
        instance.shown_end_ms =
            Some(instance.shown_end_ms.map_or(end_ms, |earlier_ms| earlier_ms.min(end_ms)));
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
        self.saw_group_end(id);
        self.end_instance(id, false);
    }

    fn end_instance(&mut self, id: &str, stops: bool) {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id).filter(|i| i.ended_ms.is_none()) else { return };
        instance.ended_ms = Some(now_ms);
        instance.state = if stops { InstanceState::Stopped } else { InstanceState::Terminated };
        let is_member = instance.member.is_some();
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
