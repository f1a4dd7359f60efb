//! A packing as a configuration. A pod without a node in it keeps its node of today, with the other pods on it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Inputs, Placed, node_of,
    sum::{MONTHS, sum},
};
use crate::{
    demand::{Demand, Pod},
    fit,
    machines::{Machine, Place},
    pack::{self, Packing},
    report::{Configuration, Name, Proposal, Saves, Unplaced},
    verdict::{Judged, Reason, follow_neighbours},
};

/// A proposed configuration.
#[derive(Default)]
pub(super) struct Proposed {
    pub(super) proposal: Proposal,
    /// The new nodes, then those of today that stay.
    pub(super) nodes: Vec<Placed>,
    pub(super) unplaced: Vec<Unplaced>,
    /// Soft constraints and floors that are not kept.
    pub(super) notes: Vec<String>,
}

impl Inputs<'_> {
    /// Packs until no workload changes its market and no further node stays. A workload that fits no Spot node stays
    /// On-Demand, a pod without a node keeps today's, and if the result costs more than today, today is the proposal.
    pub(super) fn propose(&self, judged: &mut [Judged], name: Name, today: &Configuration) -> Proposed {
        let mut kept: BTreeSet<String> = self.protected.keys().cloned().collect();
        let mut unplaced: Vec<Unplaced> = Vec::new();
        let (demand, packing, dropped) = loop {
            let demand = self.pinned(judged, name, &kept);
            let (packing, dropped) = self.pack_softly(&demand, &self.limits(&kept));
            if name != Name::OnDemand && keep_on_demand(judged, &demand, &packing) {
                follow_neighbours(judged, self.snapshot);
                continue;
            }
            let found = packing.unplaced.iter();
            let found =
                found.map(|found| self.unplaced(&demand.pods[found.pod], name, found.reason.to_string()));
            let found: Vec<Unplaced> = found.collect();
            let before = kept.len();
            kept.extend(found.iter().filter_map(|pod| pod.keeps_node.clone()));
            let is_stable = kept.len() == before;
            // Pending pods are found again in the next round.
            unplaced.extend(found.into_iter().filter(|pod| is_stable || pod.keeps_node.is_some()));
            if is_stable {
                break (demand, packing, dropped);
            }
        };
        let new = packing.nodes.iter().map(|node| self.new_node(&demand, node));
        let nodes: Vec<Placed> = new.chain(self.kept(&kept, &demand, &packing.refilled)).collect();
        let proposed = nodes.iter().map(|node| &node.machine);
        let elsewhere = self.machines.values().filter(|machine| machine.place != Place::Ec2);
        let hours = self.choices.hours_per_month;
        let configuration = sum(hours, proposed.clone().chain(elsewhere), proposed);
        // A removed node without a price may cost more than the difference; one that stays is on both sides.
        let is_whole = today.unpriced == configuration.unpriced && today.hourly.micros() > 0;
        if is_whole && configuration.hourly > today.hourly {
            let mut proposed = self.as_today(unplaced, name, today);
            let is_of_interest = name == Name::OnDemand && today.hourly_spot.micros() > 0;
            proposed.proposal.more_expensive = is_of_interest.then_some(configuration);
            return proposed;
        }
        let is_known = is_whole || configuration.hourly < today.hourly;
        let saves = is_known.then(|| saves(&configuration, today, hours));
        let proposal = Proposal { configuration, saves, ..Proposal::default() };
        Proposed { proposal, nodes, unplaced, notes: dropped.into_iter().collect() }
    }

    fn new_node(&self, demand: &Demand, node: &pack::Node) -> Placed {
        let offer = self.offers[node.offer].clone();
        let pods = node.pods.iter().map(|pod| &demand.pods[*pod]);
        let daemons = fit::daemons_on(&demand.daemons, &offer);
        let requested = daemons.into_iter().chain(pods.clone()).map(|pod| &pod.requests).sum();
        let machine = Machine { requested, ..Machine::of(&offer) };
        let wave = node.wave.iter().map(|pod| demand.pods[*pod].source).collect();
        Placed { offer: Some(offer), machine, pods: pods.map(|pod| pod.source).collect(), wave }
    }

    /// Nothing cheaper was found: all stays, and what waits goes on waiting.
    fn as_today(&self, mut unplaced: Vec<Unplaced>, name: Name, today: &Configuration) -> Proposed {
        unplaced.retain(|pod| pod.keeps_node.is_none());
        let id = |pod: &Unplaced| (pod.namespace.clone(), pod.pod.clone());
        let reported: BTreeSet<_> = unplaced.iter().map(id).collect();
        let waiting = self.demand.pods.iter().filter(|pod| node_of(self.snapshot, pod.source).is_none());
        let reason = "no node is added, as that would cost more than today";
        let waiting = waiting.map(|pod| self.unplaced(pod, name, reason.to_owned()));
        unplaced.extend(waiting.filter(|pod| !reported.contains(&id(pod))));
        let saves = Some(saves(today, today, self.choices.hours_per_month));
        Proposed {
            proposal: Proposal { configuration: today.clone(), saves, as_today: true, more_expensive: None },
            nodes: self.kept(&self.of_ec2().map(|machine| machine.name.clone()).collect(), &self.demand, &[]),
            unplaced,
            notes: Vec::new(),
        }
    }

    fn unplaced(&self, pod: &Pod, name: Name, reason: String) -> Unplaced {
        Unplaced {
            configuration: name,
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            reason,
            keeps_node: self.machine_of(pod.source).map(|machine| machine.name.clone()),
        }
    }
}

/// Keeps workloads On-Demand that fit no Spot node. Returns whether there are any.
fn keep_on_demand(judged: &mut [Judged], demand: &Demand, packing: &Packing) -> bool {
    let reasons = packing.unplaced.iter().map(|found| (demand.pods[found.pod].source, &found.reason));
    let reasons: BTreeMap<usize, &fit::Reason> = reasons.collect();
    let mut kept = false;
    for judged in judged.iter_mut().filter(|judged| judged.may_leave_spot()) {
        if let Some(reason) = judged.owned.pods.iter().find_map(|pod| reasons.get(pod)) {
            judged.stays_on_demand(Reason::new("no-spot-node", format!("fits no Spot node: {reason}")));
            kept = true;
        }
    }
    kept
}

fn saves(configuration: &Configuration, today: &Configuration, hours: u32) -> Saves {
    let hourly = today.hourly - configuration.hourly;
    let monthly = hourly * i64::from(hours);
    Saves {
        hourly,
        monthly,
        yearly: monthly * MONTHS,
        percent: percent(hourly.micros(), today.hourly.micros()),
    }
}

/// Percent with one decimal, rounded down so that no more is promised than is saved.
pub(super) fn percent(part: i64, whole: i64) -> String {
    let tenths = (i128::from(part) * 1_000).div_euclid(i128::from(whole));
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
}
