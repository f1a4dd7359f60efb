//! Auto Scaling: groups, their members' lifecycle, and launches.

use std::collections::BTreeMap;

use super::{
    instances::{Instance, InstanceState, LaunchedBy, Member},
    nodes::Node,
    spec::{GroupSpec, NodeSpec, Purchase},
    state::{State, Timer},
    usual::REGION,
};

/// A detached instance is `Detaching` for so long.
const DETACHING_MS: u64 = 30_000;
/// A group that replaces by itself acts so long after the notice.
const REBALANCE_MS: u64 = 3_000;
/// From TerminateInstanceInAutoScalingGroup to the end of an instance that no hook holds.
const TERMINATE_MS: u64 = 1_000;

/// One Auto Scaling group.
pub(crate) struct Group {
    pub(crate) spec: GroupSpec,
    pub(crate) desired: u32,
    /// LaunchInstances answers a known ClientToken with what it launched then.
    pub(crate) tokens: BTreeMap<String, String>,
}

impl Group {
    pub(super) fn new(spec: GroupSpec) -> Self {
        Self { spec, desired: 0, tokens: BTreeMap::new() }
    }

    /// The group launches by itself on a notice.
    pub(crate) fn rebalances(&self) -> bool {
        self.spec.capacity_rebalance || self.spec.managed_node_group.is_some()
    }

    fn has_hook(&self) -> bool {
        self.spec.termination_hook.is_some() || self.spec.managed_node_group.is_some()
    }
}

/// Lifecycle state of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    Pending,
    InService,
    Detaching,
    Terminating,
    TerminatingWait,
}

impl Lifecycle {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Detaching => "Detaching",
            Self::Terminating => "Terminating",
            Self::TerminatingWait => "Terminating:Wait",
        }
    }
}

/// Why Auto Scaling refused: the text of its ValidationError.
pub(crate) type Refusal = String;

impl State {
    /// Ids of a group's members.
    pub(crate) fn members(&self, group: &str) -> Vec<String> {
        let is_member = |i: &&Instance| i.member.as_ref().is_some_and(|m| m.group == group);
        self.instances.values().filter(is_member).map(|i| i.id.clone()).collect()
    }

    fn set_lifecycle(&mut self, id: &str, lifecycle: Lifecycle) {
        if let Some(member) = self.instances.get_mut(id).and_then(|i| i.member.as_mut()) {
            member.lifecycle = lifecycle;
            self.note(&format!("autoscaling {id} {}", lifecycle.as_str()));
        }
    }

    /// The group of an instance, if the instance is a member.
    fn group_of(&self, id: &str) -> Option<&Group> {
        self.groups.get(&self.instances.get(id)?.member.as_ref()?.group)
    }

    /// A group with Capacity Rebalancing hears of the notice, too, and acts on it a moment later.
    pub(super) fn group_sees_notice(&mut self, id: &str) {
        if self.group_of(id).is_some_and(Group::rebalances) {
            self.set_in(REBALANCE_MS, Timer::Rebalance(id.to_owned()));
        }
    }

    /// The group replaces an announced instance, if it still has it.
    pub(super) fn rebalance(&mut self, id: &str) {
        let in_service = self.instances.get(id).and_then(|i| i.member.as_ref());
        let in_service = in_service.is_some_and(|m| m.lifecycle == Lifecycle::InService);
        if in_service && self.group_of(id).is_some_and(Group::rebalances) {
            self.set_lifecycle(id, Lifecycle::TerminatingWait);
            self.launch_for(id, None, LaunchedBy::Group);
        }
    }

    /// Launches an instance in the stead of `id`, where the pools give one. The new instance's id.
    pub(crate) fn launch_for(&mut self, id: &str, zone: Option<&str>, by: LaunchedBy) -> Option<String> {
        let old = self.instances.get(id)?.clone();
        let group = old.member.as_ref()?.group.clone();
        let new = self.launch(&group, zone.unwrap_or(&old.zone), old.capacity)?;
        let replaced_by = &mut self.instances.get_mut(id)?.replaced_by;
        replaced_by.push(new.clone());
        if by == LaunchedBy::Handler && replaced_by.len() > 1 {
            let what = format!("{id} has more than one replacement: {}", replaced_by.join(", "));
            self.observer.broken(4, self.now_ms, what);
        }
        Some(new)
    }

    fn launch(&mut self, group: &str, zone: &str, capacity: usize) -> Option<String> {
        let spec = &mut self.groups.get_mut(group)?.spec;
        if let Some(spare) = &mut spec.spare_capacity {
            if *spare == 0 {
                self.note(&format!("autoscaling {group}: no capacity in {zone}"));
                return None;
            }
            *spare -= 1;
        }
        let (cluster_name, managed) = (spec.cluster.clone(), spec.managed_node_group.clone());
        let cluster = self.clusters.iter().position(|cluster| cluster.name == cluster_name)?;
        self.launched += 1;
        let number = self.launched;
        let id = format!("i-0b{number:015x}");
        self.note(&format!("autoscaling {group} launches {id} in {zone}"));
        let instance = Instance {
            id: id.clone(),
            cluster,
            node: None,
            private_dns_name: format!(
                "ip-10-9-{}-{}.{REGION}.compute.internal",
                number / 200,
                10 + number % 200
            ),
            hostname_type: "ip-name".to_owned(),
            zone: zone.to_owned(),
            state: InstanceState::Running,
            member: Some(Member { group: group.to_owned(), lifecycle: Lifecycle::Pending }),
            first_group: Some(group.to_owned()),
            managed,
            purchase: Purchase::default(),
            capacity,
            launched_ms: self.now_ms,
            ready_ms: None,
            cordoned_ms: None,
            shown_end_ms: None,
            ended_ms: None,
            replaced_by: Vec::new(),
        };
        self.instances.insert(id.clone(), instance);
        self.set_in(self.pace.boot_ms, Timer::Boot(id.clone()));
        Some(id)
    }

    /// A new instance is in service and its node Ready.
    pub(super) fn boot(&mut self, id: &str) {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id).filter(|i| i.ended_ms.is_none()) else { return };
        let name = instance.private_dns_name.clone();
        (instance.node, instance.ready_ms) = (Some(name.clone()), Some(now_ms));
        let instance = instance.clone();
        self.set_lifecycle(id, Lifecycle::InService);
        let spec = NodeSpec { capacity: instance.capacity, ..NodeSpec::usual(0, 0) };
        let revision = self.bump();
        let node = Node::new(&instance, &name, revision, &spec);
        self.clusters[instance.cluster].nodes.insert(name.clone(), node);
        self.clusters[instance.cluster].nodes_revision = revision;
        self.note(&format!("kubernetes node {name} ready ({id})"));
        self.add_daemons(instance.cluster, &name);
        self.wake_scheduler(instance.cluster);
    }

    /// The group finds a member gone. It launches another, unless it has done so before.
    pub(super) fn health_check(&mut self, id: &str) {
        let Some(member) = self.instances.get(id).and_then(|i| i.member.clone()) else { return };
        if member.lifecycle == Lifecycle::InService {
            self.launch_for(id, None, LaunchedBy::HealthCheck);
        }
        self.leave_group(id);
    }

    fn leave_group(&mut self, id: &str) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.member = None;
            self.note(&format!("autoscaling {id} left its group"));
        }
    }

    pub(super) fn let_go(&mut self, id: &str) {
        self.leave_group(id);
    }

    fn member_of(&self, id: &str, group: &str) -> Result<Lifecycle, Refusal> {
        let member = self.instances.get(id).and_then(|i| i.member.as_ref());
        match member.filter(|m| m.group == group) {
            Some(member) => Ok(member.lifecycle),
            None => Err(format!("The instance {id} is not part of Auto Scaling group {group}.")),
        }
    }

    /// DetachInstances for one instance.
    pub(crate) fn detach(&mut self, id: &str, group: &str, decrement: bool) -> Result<(), Refusal> {
        if self.member_of(id, group)? != Lifecycle::InService {
            return Err(format!("The instance {id} is not in InService or Standby."));
        }
        self.set_lifecycle(id, Lifecycle::Detaching);
        if decrement {
            if let Some(group) = self.groups.get_mut(group) {
                group.desired = group.desired.saturating_sub(1);
            }
        } else {
            self.launch_for(id, None, LaunchedBy::Handler);
        }
        self.set_in(DETACHING_MS, Timer::Detached(id.to_owned()));
        Ok(())
    }

    /// TerminateInstanceInAutoScalingGroup: a hook holds the instance, or it ends at once.
    pub(crate) fn terminate_in_group(&mut self, id: &str, decrement: bool) -> Result<(), Refusal> {
        let member = self.instances.get(id).and_then(|i| i.member.clone());
        let Some(member) = member else {
            return Err(format!("Instance Id not found - No managed instance found for instance ID: {id}"));
        };
        if matches!(member.lifecycle, Lifecycle::Terminating | Lifecycle::TerminatingWait) {
            return Ok(());
        }
        let held = self.group_of(id).is_some_and(Group::has_hook);
        self.set_lifecycle(id, if held { Lifecycle::TerminatingWait } else { Lifecycle::Terminating });
        if decrement {
            if let Some(group) = self.groups.get_mut(&member.group) {
                group.desired = group.desired.saturating_sub(1);
            }
        } else {
            self.launch_for(id, None, LaunchedBy::Handler);
        }
        if !held {
            self.set_in(TERMINATE_MS, Timer::Reclaim(id.to_owned()));
        }
        Ok(())
    }

    /// LaunchInstances for one instance. `None`: the pools give none.
    pub(crate) fn launch_instance(
        &mut self,
        group: &str,
        zone: &str,
        token: &str,
        in_stead_of: Option<&str>,
    ) -> Option<String> {
        if let Some(earlier) = self.groups.get(group)?.tokens.get(token) {
            return Some(earlier.clone());
        }
        let new = match in_stead_of {
            Some(old) => self.launch_for(old, Some(zone), LaunchedBy::Handler),
            None => self.launch(group, zone, NodeSpec::usual(0, 0).capacity),
        }?;
        let group = self.groups.get_mut(group)?;
        group.desired += 1;
        group.tokens.insert(token.to_owned(), new.clone());
        Some(new)
    }
}
