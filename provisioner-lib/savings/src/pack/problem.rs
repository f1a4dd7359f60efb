//! Makes the problem of demand and offers: pods with the same requests and constraints are one class, offers that no
//! other one beats are kinds of nodes.

use std::collections::BTreeMap;

use serde_json::to_string;

use super::{
    Limits, counters, kinds, limits,
    today::{self, Today},
    types::{Class, Dimensions, Floor, NodeKind, Problem, Rules},
};
use crate::{
    demand::{Demand, Pod},
    fit::{self, Reason},
    offers::Offer,
    quantity::Resources,
};

impl Problem {
    pub(super) fn new(demand: &Demand, offers: &[Offer], limits: &Limits) -> Self {
        let dimensions = Dimensions::of(demand);
        let keys = demand.node_label_keys();
        let today = Today::new(demand, &keys);
        let staying = today::offers(demand);
        let offered = offers.len();
        let all_offers: Vec<&Offer> = offers.iter().chain(staying.iter().map(|(_, offer)| offer)).collect();
        let profiles = kinds::Profiles::new(demand, &all_offers, offered, &keys);
        let mut zones: Vec<&str> = all_offers.iter().map(|offer| offer.zone.as_str()).collect();
        zones.sort_unstable();
        zones.dedup();
        let pools = kinds::Pools::new(&all_offers, limits.caps);
        let mut kinds = kinds::undominated(offers, &profiles, &dimensions, &zones, limits.caps, &pools);
        let all: Resources = demand.pods.iter().map(|pod| &pod.requests).sum();
        let pods: Vec<&Pod> = demand.pods.iter().chain(today::staying_pods(demand)).collect();
        let groups = groups(&pods);
        for (place, (node, offer)) in staying.iter().enumerate() {
            let profile = profiles.of(offered + place);
            kinds.push(today::kind(demand, *node, offer, profile, &dimensions, &zones, &pools));
        }
        let mut classes = Vec::new();
        let mut impossible = Vec::new();
        let mut admitted = BTreeMap::new();
        let mut class_of = vec![None; pods.len()];
        let mut examples = Vec::new();
        for mut members in groups {
            let pod = pods[members[0]];
            examples.push(pod);
            let admitted = admitted.entry(placement_key(pod)).or_insert_with(|| {
                let profiles = profiles.examples.iter();
                profiles.map(|offer| fit::admits(pod, offer).is_ok()).collect::<Vec<_>>()
            });
            let requests = dimensions.vector(&pod.requests, 1, pod.volumes.len() as u64);
            let holds = |kind: &NodeKind| {
                admitted[kind.profile]
                    && requests.iter().zip(&kind.room).all(|(amount, room)| *amount == 0 || amount <= room)
                    && fit::host_port_taken(pod, &profiles.daemons[kind.profile]).is_none()
            };
            let eligible: Vec<bool> = kinds.iter().map(holds).collect();
            for member in &members {
                class_of[*member] = Some(classes.len());
            }
            members.retain(|member| *member < demand.pods.len());
            if !members.is_empty() && (pod.obstacle.is_some() || !eligible.contains(&true)) {
                let reason = why(pod, demand, offers);
                impossible.extend(members.drain(..).map(|member| (member, reason.clone())));
            }
            // The scheduler's scores count 100 m and 200 MB for a pod without requests.
            let or = |amount: u64, default| if amount == 0 { default } else { amount };
            classes.push(Class {
                from: members.iter().map(|member| today.group_of(pods[*member])).collect(),
                members,
                nonzero: requests.iter().copied().enumerate().filter(|(_, amount)| *amount > 0).collect(),
                requests,
                scored: [or(pod.requests.cpu, 100), or(pod.requests.memory, 200 * 1024 * 1024)],
                size: size(&pod.requests, &all),
                eligible,
                rules: Rules::default(),
                team: None,
            });
        }
        let mut next = demand.pods.len();
        for kind in &mut kinds {
            let Some((node, classes)) = &mut kind.stays else { continue };
            let pods = demand.nodes[*node].stays.as_ref().map_or(0, |stays| stays.pods.len());
            classes.extend(class_of[next..next + pods].iter().flatten());
            next += pods;
        }
        let teams = limits::teams(&examples, limits.caps, &mut classes, &kinds);
        let counters = counters::build(demand, examples, &mut classes, &kinds, &profiles, &today);
        Self {
            dimensions: dimensions.len(),
            caps: limits.caps,
            teams,
            floor: Floor::new(limits, &zones, &classes, &kinds),
            classes,
            kinds,
            counters,
            zones: zones.len(),
            today: today.groups(&zones),
            scoring: demand.scoring,
            impossible,
        }
    }
}

/// Pods with the same requests and constraints, and the same to all selectors, in the order of their first.
fn groups(pods: &[&Pod]) -> Vec<Vec<usize>> {
    let keys = counters::pod_label_keys(pods);
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, pod) in pods.iter().enumerate() {
        let selected_by = keys.as_ref().map(|keys| {
            let labels: Vec<_> = pod.labels.iter().filter(|(key, _)| keys.contains(*key)).collect();
            (&pod.namespace, labels)
        });
        let pairwise = (&pod.spread, &pod.affinity, &pod.anti_affinity, &pod.host_ports, selected_by);
        // Soft spread counts by workload.
        let own = (&pod.owner, &pod.requests, pod.volumes.len(), &pod.obstacle);
        let key = to_string(&(own, placement_key(pod), pairwise)).unwrap_or_default();
        groups.entry(key).or_default().push(index);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort();
    groups
}

/// The size of a pod beside the others: the sum of its shares of all CPU and of all memory, in billionths.
fn size(requests: &Resources, all: &Resources) -> u64 {
    let share = |part: u64, whole: u64| u128::from(part) * 1_000_000_000 / u128::from(whole.max(1));
    (share(requests.cpu, all.cpu) + share(requests.memory, all.memory)) as u64
}

/// Equal for pods that are admitted by the same labels and taints of nodes.
fn placement_key(pod: &Pod) -> String {
    let asked = (&pod.node_selector, &pod.pins, &pod.node_affinity, &pod.volume_affinity, &pod.tolerations);
    to_string(&asked).unwrap_or_default()
}

/// The reason of the offer that came nearest to taking the pod: what a user would have to change.
fn why(pod: &Pod, demand: &Demand, offers: &[Offer]) -> Reason {
    let reasons = offers
        .iter()
        .filter_map(|offer| fit::fits_empty(pod, offer, &fit::daemons_on(&demand.daemons, offer)).err());
    let nearest = reasons.max_by_key(|reason| match reason {
        Reason::Obstacle(_) | Reason::OtherPods(_) => 0,
        Reason::Labels(_) => 1,
        Reason::Volumes(_) => 2,
        Reason::Taint(_) => 3,
        Reason::Resource(_) => 4,
        Reason::HostPort(_) => 5,
    });
    nearest.unwrap_or_else(|| Reason::Obstacle("no instance type is on offer".to_owned()))
}
