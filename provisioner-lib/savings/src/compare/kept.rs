//! Today's nodes that stay in a proposal, with the pods that stay on them and the room that is left.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Taint};

use super::{Inputs, Placed, node_of};
use crate::{
    catalog::is_local_zone,
    demand::{Demand, Pod, Staying, takes_pods},
    fit::untolerated,
    machines::{Machine, Place, max_volumes, most_pods},
    objects::{self, name},
    pack::Refilled,
};

impl Inputs<'_> {
    /// Nodes that stay with their pods, those of `refilled` also with the pods of `demand` that move to them.
    pub(super) fn kept(
        &self,
        names: &BTreeSet<String>,
        demand: &Demand,
        refilled: &[Refilled],
    ) -> Vec<Placed> {
        let mut pods: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for pod in &self.demand.pods {
            if let Some(node) = node_of(self.snapshot, pod.source) {
                pods.entry(node).or_default().push(pod.source);
            }
        }
        let kept = self.machines.values().filter(|machine| names.contains(&machine.name));
        let kept = kept.map(|machine| {
            let is_it = |refilled: &&Refilled| demand.nodes[refilled.node].name == machine.name;
            let refilled: Vec<&Refilled> = refilled.iter().filter(is_it).collect();
            let wave = refilled.iter().flat_map(|refilled| &refilled.wave);
            let wave = wave.map(|pod| demand.pods[*pod].source).collect();
            let moved = refilled.iter().flat_map(|refilled| &refilled.pods);
            let moved: Vec<&Pod> = moved.map(|pod| &demand.pods[*pod]).collect();
            let mut here = pods.remove(machine.name.as_str()).unwrap_or_default();
            here.extend(moved.iter().map(|pod| pod.source));
            let requested = moved.iter().map(|pod| &pod.requests).chain([&machine.requested]).sum();
            Placed { offer: None, machine: Machine { requested, ..machine.clone() }, pods: here, wave }
        });
        kept.collect()
    }

    /// Takes the pods of nodes that stay out of the demand, and adds the room of these nodes to it.
    pub(super) fn keep(&self, demand: &mut Demand, kept: &BTreeSet<String>) {
        let mut staying: BTreeMap<usize, Vec<Pod>> = BTreeMap::new();
        for pod in std::mem::take(&mut demand.pods) {
            match pod.node.filter(|node| kept.contains(&demand.nodes[*node].name)) {
                Some(node) => staying.entry(node).or_default().push(pod),
                None => demand.pods.push(pod),
            }
        }
        for (place, node) in demand.nodes.iter_mut().enumerate() {
            if kept.contains(&node.name) {
                node.stays = Some(self.staying(place, staying.remove(&place).unwrap_or_default()));
            }
        }
    }

    fn staying(&self, place: usize, pods: Vec<Pod>) -> Staying {
        let node = &self.snapshot.nodes[place];
        let name = name(&node.metadata);
        let Some(machine) = self.machines.get(name) else { return Staying { pods, ..Staying::default() } };
        let mut staying = Staying { pods, allocatable: machine.allocatable.clone(), ..Staying::default() };
        if self.is_open(node, machine) {
            let attached = staying.pods.iter().map(|pod| pod.volumes.len() as u64).sum();
            let most_volumes = max_volumes(self.snapshot, name).map_or(0, u64::from);
            staying.free = machine.allocatable.minus(&machine.requested);
            staying.free_pods = most_pods(node).map_or(0, u64::from).saturating_sub(machine.pods);
            staying.free_volumes = most_volumes.saturating_sub(attached);
        }
        staying
    }

    /// [`Inputs::holding`]. Nodes with the same taints are open to the same pods.
    pub(super) fn find_holding(&self) -> BTreeSet<String> {
        let mut tolerated: Vec<(Vec<Taint>, bool)> = Vec::new();
        let mut are_tolerated = |taints: Vec<Taint>| {
            if let Some((_, known)) = tolerated.iter().find(|(known, _)| *known == taints) {
                return *known;
            }
            let is_tolerated = |pod: &Pod| untolerated(&pod.tolerations, &taints).is_none();
            let found = self.demand.pods.iter().any(is_tolerated);
            tolerated.push((taints, found));
            found
        };
        let mut holding: BTreeSet<&str> =
            self.demand.pods.iter().filter_map(|pod| node_of(self.snapshot, pod.source)).collect();
        for node in &self.snapshot.nodes {
            let name = name(&node.metadata);
            let is_open = self.machines.get(name).is_some_and(|machine| self.is_open(node, machine));
            if is_open && !holding.contains(name) && are_tolerated(objects::taints(node).cloned().collect()) {
                holding.insert(name);
            }
        }
        holding.into_iter().map(str::to_owned).collect()
    }

    /// Whether pods may move to a node that stays. What they cost without a price is not known, and in a Local Zone they
    /// are far from the others.
    fn is_open(&self, node: &Node, machine: &Machine) -> bool {
        let region = &self.prices.catalog.region;
        let is_near = machine.zone.as_deref().is_none_or(|zone| !is_local_zone(region, zone));
        machine.place == Place::Ec2 && machine.hourly.is_some() && is_near && takes_pods(node)
    }
}
