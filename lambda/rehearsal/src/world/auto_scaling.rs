//! Auto Scaling: the lifecycle of members, and launches.

use super::{
    baseline::REGION,
    groups::{Group, Launch},
    instances::{Instance, InstanceState, Lifecycle, Member},
    nodes::Node,
    spec::{GroupSpec, NodeSpec, Purchase},
    state::State,
    timers::Timer,
};
use crate::facts::{Fact, GroupAbout, GroupFact, InstanceFact, LaunchedBy};

/// A detached instance is `Detaching` for so long.
const DETACHING_MS: u64 = 30_000;
/// A group that replaces by itself acts so long after the notice.
const REBALANCE_MS: u64 = 3_000;
/// From the end of the last hook to the end of the instance.
const PROCEED_MS: u64 = 1_000;
/// An instance that no hook holds is expected to end within this time.
const SHOWN_MS: u64 = 20_000;
/// Auto Scaling's words for a launch that found no capacity.
const NO_CAPACITY: &str = "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your \
     request configuration. Please adjust your request and try again. Launching EC2 instance failed.";

/// Why Auto Scaling refused: the text of its ValidationError.
pub(crate) type Refusal = String;

impl State {
    pub(super) fn add_group(&mut self, spec: &GroupSpec) {
        let (name, group) = (spec.name.clone(), Group::new(spec.clone()));
        let about = GroupAbout {
            is_left_alone: group.rebalances() || spec.operator.is_some(),
            is_suspended: group.is_suspended("Launch"),
        };
        self.groups.insert(name.clone(), group);
        self.emit(Fact::Group(name.clone(), GroupFact::Made(about)));
        if spec.spare_capacity == Some(0) {
            self.emit(Fact::Group(name, GroupFact::LacksCapacity));
        }
    }

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
            self.begin_termination(id);
            self.launch_for(id, LaunchedBy::Group);
        }
    }

    /// The group begins to terminate a member: its hooks hold it, or it ends soon.
    fn begin_termination(&mut self, id: &str) {
        let Some(group) = self.group_of(id) else { return };
        let (hooks, terminates_ms) = (group.hooks(), group.spec.terminates_ms);
        let shortest_ms = hooks.iter().map(|hook| hook.timeout_ms).min();
        let held_ms =
            hooks.iter().map(|hook| hook.consumer_ms.unwrap_or(u64::MAX).min(hook.timeout_ms)).max();
        if let Some(held_ms) = held_ms {
            self.set_lifecycle(id, Lifecycle::TerminatingWait);
            self.set_in(held_ms, Timer::HooksOver(id.to_owned()));
        } else {
            self.set_lifecycle(id, Lifecycle::Terminating);
            self.set_in(terminates_ms, Timer::GroupEnds(id.to_owned()));
        }
        self.group_shows_end(id, shortest_ms.unwrap_or(SHOWN_MS));
        let (now_ms, group) =
            (self.now_ms, self.instances[id].member.as_ref().map(|member| member.group.clone()));
        if let Some(group) = group.and_then(|name| self.groups.get_mut(&name)) {
            group.terminations.push((now_ms, id.to_owned()));
        }
    }

    /// Nothing holds a terminating member any more.
    pub(super) fn hooks_over(&mut self, id: &str) {
        let member = self.instances.get(id).filter(|i| i.ended_ms.is_none()).and_then(|i| i.member.as_ref());
        if member.is_some_and(|member| member.lifecycle == Lifecycle::TerminatingWait) {
            self.set_lifecycle(id, Lifecycle::TerminatingProceed);
            self.set_in(PROCEED_MS, Timer::GroupEnds(id.to_owned()));
            self.group_shows_end(id, SHOWN_MS);
        }
    }

    /// A read of the group from now on shows the instance's end `in_ms` from now.
    fn group_shows_end(&mut self, id: &str, in_ms: u64) {
        let at_ms = self.now_ms.saturating_add(in_ms);
        self.emit(Fact::Instance(id.to_owned(), InstanceFact::EndShown(at_ms)));
    }

    /// Launches an instance in the stead of `id`, where the pools give one. The new instance's id.
    pub(crate) fn launch_for(&mut self, id: &str, by: LaunchedBy) -> Option<String> {
        let old = self.instances.get(id)?.clone();
        let group = old.member.as_ref()?.group.clone();
        let new = self.launch(&group, &old.zone, old.capacity)?;
        self.instances.get_mut(id)?.replaced_by.push(new.clone());
        let replaced = InstanceFact::Replaced { by: new.clone(), launched_by: by };
        self.emit(Fact::Instance(id.to_owned(), replaced));
        Some(new)
    }

    fn launch(&mut self, group: &str, zone: &str, capacity: usize) -> Option<String> {
        let now_ms = self.now_ms;
        let Group { spec, launches, .. } = self.groups.get_mut(group)?;
        if spec.suspended.iter().any(|process| process == "Launch") {
            return None;
        }
        if let Some(spare) = &mut spec.spare_capacity {
            if *spare == 0 {
                launches.push(Launch { at_ms: now_ms, result: Err(NO_CAPACITY) });
                self.note(&format!("autoscaling {group}: no capacity in {zone}"));
                return None;
            }
            *spare -= 1;
            if *spare == 0 {
                self.facts.push((now_ms, Fact::Group(group.to_owned(), GroupFact::LacksCapacity)));
            }
        }
        let (cluster_name, managed) = (spec.cluster.clone(), spec.managed_node_group.clone());
        let reuses_addresses = spec.reuses_addresses;
        let cluster = self.clusters.iter().position(|cluster| cluster.name == cluster_name)?;
        self.launched += 1;
        let number = self.launched;
        let id = format!("i-0b{number:015x}");
        if let Some(group) = self.groups.get_mut(group) {
            group.launches.push(Launch { at_ms: now_ms, result: Ok(id.clone()) });
        }
        self.note(&format!("autoscaling {group} launches {id} in {zone}"));
        let free = if reuses_addresses { self.free_name(cluster) } else { None };
        let instance = Instance {
            id: id.clone(),
            cluster,
            node: None,
            private_dns_name: free.unwrap_or_else(|| {
                format!("ip-10-9-{}-{}.{REGION}.compute.internal", number / 200, 10 + number % 200)
            }),
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
            ended_ms: None,
            replaced_by: Vec::new(),
            terminated_by: None,
        };
        self.add_instance(instance);
        self.set_in(self.pace.boot_ms, Timer::Boot(id.clone()));
        Some(id)
    }

    /// The name of an instance of the cluster that has ended, if no node and no other instance bears it.
    fn free_name(&self, cluster: usize) -> Option<String> {
        let ended = self.instances.values().filter(|i| i.cluster == cluster && i.ended_ms.is_some());
        let lives = |name: &String| {
            self.instances.values().any(|i| i.ended_ms.is_none() && i.private_dns_name == *name)
        };
        ended
            .filter_map(|instance| instance.node.clone())
            .find(|name| !self.clusters[cluster].nodes.contains_key(name) && !lives(name))
    }

    /// A new instance is in service and its node Ready.
    pub(super) fn boot(&mut self, id: &str) {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id).filter(|i| i.is_running()) else { return };
        let name = instance.private_dns_name.clone();
        (instance.node, instance.ready_ms) = (Some(name.clone()), Some(now_ms));
        let instance = instance.clone();
        self.set_lifecycle(id, Lifecycle::InService);
        let spec = NodeSpec { capacity: instance.capacity, ..NodeSpec::baseline(0, 0) };
        let revision = self.bump();
        let node = Node::new(&instance, &name, revision, &spec);
        self.add_node(instance.cluster, &name, node);
        self.clusters[instance.cluster].nodes_revision = revision;
        self.note(&format!("kubernetes node {name} ready ({id})"));
        self.add_daemons(instance.cluster, &name);
        self.wake_scheduler(instance.cluster);
    }

    /// The group finds a member gone. It launches another, unless it has done so before.
    pub(super) fn health_check(&mut self, id: &str) {
        let Some(member) = self.instances.get(id).and_then(|i| i.member.clone()) else { return };
        if member.lifecycle == Lifecycle::InService {
            self.launch_for(id, LaunchedBy::Group);
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
        if !matches!(self.member_of(id, group)?, Lifecycle::InService | Lifecycle::Standby) {
            return Err(format!("The instance {id} is not in InService or Standby."));
        }
        self.set_lifecycle(id, Lifecycle::Detaching);
        self.replace_unless(decrement, id, group);
        self.set_in(DETACHING_MS, Timer::Detached(id.to_owned()));
        Ok(())
    }

    /// TerminateInstanceInAutoScalingGroup, called by the function of `env`: the group ends the instance as any other
    /// that it terminates.
    pub(crate) fn terminate_in_group(
        &mut self,
        id: &str,
        decrement: bool,
        env: usize,
    ) -> Result<(), Refusal> {
        let member = self.instances.get(id).and_then(|i| i.member.clone());
        let Some(member) = member else {
            return Err(format!("Instance Id not found - No managed instance found for instance ID: {id}"));
        };
        if member.lifecycle.as_str().starts_with("Terminating") {
            return Ok(());
        }
        if let Some(instance) = self.instances.get_mut(id) {
            instance.terminated_by = Some(env);
        }
        self.begin_termination(id);
        self.replace_unless(decrement, id, &member.group);
        Ok(())
    }

    fn replace_unless(&mut self, decrement: bool, id: &str, group: &str) {
        if !decrement {
            self.launch_for(id, LaunchedBy::Handler);
        } else if let Some(group) = self.groups.get_mut(group) {
            group.desired = group.desired.saturating_sub(1);
        }
    }
}
