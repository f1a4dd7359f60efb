//! Demand and offers in the form that the search reads: pods that ask for the same are one class, offers that no
//! other one beats are kinds of nodes, names are numbers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::to_string;

use super::{
    counters, kinds,
    types::{Class, Dimensions, NodeKind, Problem, Rules},
};
use crate::{
    catalog::Offer,
    demand::{Demand, Pod},
    fit::{self, Reason},
    quantity::Resources,
};

impl Problem {
    pub(super) fn new(demand: &Demand, offers: &[Offer]) -> Self {
        let dimensions = Dimensions::of(demand);
        let keys = demand.node_label_keys();
        let profiles = kinds::Profiles::new(demand, offers, &keys);
        let kinds = kinds::undominated(offers, &profiles, &dimensions);
        let all = demand.pods.iter().fold(Resources::default(), |sum, pod| sum.plus(&pod.requests));
        let mut classes = Vec::new();
        let mut impossible = Vec::new();
        let mut admitted = BTreeMap::new();
        for members in groups(demand) {
            let pod = &demand.pods[members[0]];
            let admitted =
                admitted.entry(placement_key(pod)).or_insert_with(|| profiles.admitting(pod, offers)).clone();
            let asked = dimensions.vector(&pod.requests, 1, pod.volumes.len() as u64);
            let holds = |kind: &NodeKind| {
                admitted[kind.profile]
                    && asked.iter().zip(&kind.room).all(|(asked, room)| *asked == 0 || asked <= room)
                    && profiles.host_ports_free(pod, kind.profile)
            };
            let eligible: Vec<bool> = kinds.iter().map(holds).collect();
            if pod.obstacle.is_some() || !eligible.contains(&true) {
                let reason = why(pod, demand, offers);
                impossible.extend(members.iter().map(|member| (*member, reason.clone())));
                continue;
            }
            let sparse = asked.iter().copied().enumerate().filter(|(_, amount)| *amount > 0).collect();
            // The scheduler's scores take 100 m and 200 MB for what a pod does not say.
            let or = |amount: u64, default| if amount == 0 { default } else { amount };
            let seen = [or(pod.requests.cpu, 100), or(pod.requests.memory, 200 * 1024 * 1024)];
            let rules = Rules::default();
            let size = size(&pod.requests, &all);
            classes.push(Class { members, asked, sparse, seen, size, eligible, rules });
        }
        let counters = counters::build(demand, &mut classes, &kinds, offers, &profiles);
        let zones = offers.iter().map(|offer| offer.zone.as_str()).collect::<BTreeSet<_>>().len();
        Self { dimensions: dimensions.len, classes, kinds, counters, zones, impossible }
    }
}

/// Pods that ask for the same and are the same to all selectors, in the order of their first.
fn groups(demand: &Demand) -> Vec<Vec<usize>> {
    let keys = counters::pod_label_keys(demand);
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, pod) in demand.pods.iter().enumerate() {
        let seen = keys.as_ref().map(|keys| {
            let labels: Vec<_> = pod.labels.iter().filter(|(key, _)| keys.contains(*key)).collect();
            (&pod.namespace, labels)
        });
        let pairwise = (&pod.spread, &pod.affinity, &pod.anti_affinity, &pod.host_ports, seen);
        // Soft spread counts by workload.
        let own = (&pod.owner, &pod.requests, pod.volumes.len(), &pod.obstacle);
        let key = to_string(&(own, placement_key(pod), pairwise)).unwrap_or_default();
        let next = groups.len();
        let group = *found.entry(key).or_insert(next);
        if group == next {
            groups.push(Vec::new());
        }
        groups[group].push(index);
    }
    groups
}

/// How big a pod is beside the others: the sum of its shares of all CPU and of all memory, in billionths.
pub(super) fn size(asked: &Resources, all: &Resources) -> u64 {
    let share = |part: u64, whole: u64| u128::from(part) * 1_000_000_000 / u128::from(whole.max(1));
    (share(asked.cpu, all.cpu) + share(asked.memory, all.memory)) as u64
}

/// Equal for pods that the same labels and taints of nodes let in.
fn placement_key(pod: &Pod) -> String {
    let asked = (&pod.node_selector, &pod.pins, &pod.node_affinity, &pod.volume_affinity, &pod.tolerations);
    to_string(&asked).unwrap_or_default()
}

/// Of all offers' reasons the one that came furthest: what a person would have to change.
fn why(pod: &Pod, demand: &Demand, offers: &[Offer]) -> Reason {
    let reasons = offers
        .iter()
        .filter_map(|offer| fit::fits_empty(pod, offer, &fit::daemons_on(&demand.daemons, offer)).err());
    let last = reasons.max_by_key(|reason| match reason {
        Reason::Obstacle(_) | Reason::OtherPods(_) => 0,
        Reason::Labels(_) => 1,
        Reason::Volumes(_) => 2,
        Reason::Taint(_) => 3,
        Reason::Resource(_) => 4,
        Reason::HostPort(_) => 5,
    });
    last.unwrap_or_else(|| Reason::Obstacle("no instance type is on offer".to_owned()))
}
