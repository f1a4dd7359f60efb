//! Auto Scaling: the lifecycle of members, and launches.

use super::{
    baseline::REGION,
    groups::{Activity, Group},
    instances::{Instance, Lifecycle},
    nodes::Node,
    spec::{GroupSpec, NodeSpec},
    state::State,
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
    pub(super) fn add_group(&mut self, spec: GroupSpec) {
        let (name, group) = (spec.name.clone(), Group::new(spec));
        let about = GroupAbout {
            is_left_alone: group.rebalances() || group.spec.operator.is_some(),
            is_suspended: group.is_suspended("Launch"),
        };
        self.emit(Fact::Group(name.clone(), GroupFact::Made(about)));
        if group.spec.spare_capacity == Some(0) {
            self.emit(Fact::Group(name.clone(), GroupFact::LacksCapacity));
        }
        self.groups.insert(name, group);
    }

    /// A group's members.
    pub(crate) fn members(&self, group: &str) -> Vec<&Instance> {
        let is_member = |i: &&Instance| i.member.as_ref().is_some_and(|m| m.group == group);
        self.instances.values().filter(is_member).collect()
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
            let id = id.to_owned();
            self.set_awaited(self.now_ms + REBALANCE_MS, move |state| state.rebalance(&id));
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
        let (owned, group) = (id.to_owned(), group.spec.name.clone());
        if let Some(held_ms) = held_ms {
            self.set_lifecycle(id, Lifecycle::TerminatingWait);
            self.set_in(held_ms, move |state| state.hooks_over(&owned));
        } else {
            self.set_lifecycle(id, Lifecycle::Terminating);
            self.set_in(terminates_ms, move |state| state.group_ends(&owned));
        }
        self.group_shows_end(id, shortest_ms.unwrap_or(SHOWN_MS));
        self.log(&group, format!("Terminating EC2 instance: {id}"), "InProgress", None);
    }

    /// Adds a scaling activity of a group.
    fn log(&mut self, group: &str, description: String, status: &'static str, message: Option<&'static str>) {
        let at_ms = self.now_ms;
        if let Some(group) = self.groups.get_mut(group) {
            group.activities.push(Activity { at_ms, description, status, message });
        }
    }

    /// Nothing holds a terminating member any more.
    pub(super) fn hooks_over(&mut self, id: &str) {
        let member = self.instances.get(id).filter(|i| i.is_running()).and_then(|i| i.member.as_ref());
        if member.is_some_and(|member| member.lifecycle == Lifecycle::TerminatingWait) {
            self.set_lifecycle(id, Lifecycle::TerminatingProceed);
            let owned = id.to_owned();
            self.set_in(PROCEED_MS, move |state| state.group_ends(&owned));
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
        let old = self.instances.get(id)?;
        let group = old.member.as_ref()?.group.clone();
        let new = self.launch(&group, &old.spec.zone.clone(), old.spec.capacity)?;
        self.instances.get_mut(id)?.replaced_by.push(new.clone());
        let replaced = InstanceFact::Replaced { by: new.clone(), launched_by: by };
        self.emit(Fact::Instance(id.to_owned(), replaced));
        Some(new)
    }

    fn launch(&mut self, group: &str, zone: &str, capacity: usize) -> Option<String> {
        let Group { spec, .. } = self.groups.get_mut(group).filter(|group| !group.is_suspended("Launch"))?;
        let (cluster, reuses_addresses) = (spec.cluster.clone(), spec.reuses_addresses);
        if let Some(spare) = &mut spec.spare_capacity {
            if *spare == 0 {
                self.log(group, "Launching a new EC2 instance".to_owned(), "Failed", Some(NO_CAPACITY));
                self.note(&format!("autoscaling {group}: no capacity in {zone}"));
                return None;
            }
            *spare -= 1;
            if *spare == 0 {
                self.emit(Fact::Group(group.to_owned(), GroupFact::LacksCapacity));
            }
        }
        let cluster = self.clusters.iter().position(|known| known.spec.name == cluster)?;
        self.launched += 1;
        let number = self.launched;
        let id = format!("i-0b{number:015x}");
        self.log(group, format!("Launching a new EC2 instance: {id}"), "Successful", None);
        self.note(&format!("autoscaling {group} launches {id} in {zone}"));
        let free = if reuses_addresses { self.free_name(cluster) } else { None };
        let spec = NodeSpec {
            instance: id.clone(),
            private_dns_name: free.unwrap_or_else(|| {
                format!("ip-10-9-{}-{}.{REGION}.compute.internal", number / 200, 10 + number % 200)
            }),
            zone: zone.to_owned(),
            group: Some(group.to_owned()),
            capacity,
            ..NodeSpec::baseline(0, 0)
        };
        self.add_instance(Instance::new(spec, cluster, Lifecycle::Pending, self.now_ms));
        let booted = id.clone();
        self.set_awaited(self.now_ms + self.spec.pace.boot_ms, move |state| state.boot(&booted));
        Some(id)
    }

    /// The name of an instance of the cluster that has ended, if no node and no other instance bears it.
    fn free_name(&self, cluster: usize) -> Option<String> {
        let ended = self.instances.values().filter(|i| i.cluster == cluster && i.ended_ms.is_some());
        let lives = |name: &String| {
            self.instances.values().any(|i| i.is_running() && i.spec.private_dns_name == *name)
        };
        ended
            .filter_map(|instance| instance.node.clone())
            .find(|name| !self.clusters[cluster].nodes.contains_key(name) && !lives(name))
    }

    /// A new instance is in service and its node Ready.
    pub(super) fn boot(&mut self, id: &str) {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id).filter(|i| i.is_running()) else { return };
        let (cluster, spec) = (instance.cluster, instance.spec.clone());
        let name = spec.private_dns_name.clone();
        (instance.node, instance.ready_ms) = (Some(name.clone()), Some(now_ms));
        self.set_lifecycle(id, Lifecycle::InService);
        let node = Node::new(&spec, &name, self.bump());
        self.add_node(cluster, &name, node);
        self.note(&format!("kubernetes node {name} ready ({id})"));
        self.add_daemons(cluster, &name);
        self.wake_scheduler(cluster);
    }

    /// The group finds a member gone. It launches another, unless it has done so before.
    pub(super) fn health_check(&mut self, id: &str) {
        let Some(member) = self.instances.get(id).and_then(|i| i.member.clone()) else { return };
        if member.lifecycle == Lifecycle::InService {
            self.launch_for(id, LaunchedBy::Group);
        }
        self.leave_group(id);
    }

    /// The group lets go of an instance.
    fn leave_group(&mut self, id: &str) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.member = None;
            self.note(&format!("autoscaling {id} left its group"));
        }
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
        let id = id.to_owned();
        self.set_in(DETACHING_MS, move |state| state.leave_group(&id));
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
