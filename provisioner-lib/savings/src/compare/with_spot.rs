//! The configuration with Spot: what costs no less there stays On-Demand, and so do as many nodes as the floor asks for.

use super::{Inputs, Placed, is_on_demand, proposal::Proposed};
use crate::{
    catalog::Market,
    demand::Pod,
    fit,
    money::Money,
    offers::Offer,
    report::{Configuration, Name},
    verdict::{Judged, Reason, follow_neighbours},
};

/// On-Demand nodes by default, as far as pods stay On-Demand: CoreDNS has two replicas.
pub(super) const ON_DEMAND: usize = 2;
/// Workloads and pods of a cluster in which each workload is tried On-Demand: there, one node more or less counts.
const FEW_WORKLOADS: usize = 12;
const FEW_PODS: usize = 100;

impl Inputs<'_> {
    /// The cheapest configuration with Spot, which costs at most what `on_demand` does.
    pub(super) fn propose_with_spot(
        &self,
        judged: &mut Vec<Judged>,
        on_demand: &Proposed,
        today: &Configuration,
    ) -> Proposed {
        let mut proposed = self.cheapest_with_spot(judged, on_demand, today);
        let note = self.short_of_on_demand(&proposed);
        proposed.notes.extend(note);
        proposed
    }

    fn cheapest_with_spot(
        &self,
        judged: &mut Vec<Judged>,
        on_demand: &Proposed,
        today: &Configuration,
    ) -> Proposed {
        let reason = || Reason::new("no-cheaper", "could run on Spot, but costs no less there");
        let costs_more =
            judged.iter().map(|judged| judged.may_leave_spot() && !self.is_cheaper_on_spot(judged));
        let costs_more: Vec<bool> = costs_more.collect();
        self.stay_on_demand(judged, |place| costs_more[place], &reason());
        let mut best = self.propose(judged, Name::Spot, today);
        while let Some(place) = self.missing_on_demand(judged, &best) {
            let least = self.choices.floors.on_demand.unwrap_or(1);
            let text = format!("the smallest workload: {least} On-Demand nodes stay at least");
            self.stay_on_demand(judged, |other| other == place, &Reason::new("on-demand-floor", text));
            best = self.propose(judged, Name::Spot, today);
        }
        let hourly = |proposed: &Proposed| proposed.proposal.configuration.hourly;
        let tolerant: Vec<usize> =
            (0..judged.len()).filter(|place| judged[*place].may_leave_spot()).collect();
        if !on_demand.proposal.as_today && hourly(on_demand) <= hourly(&best) {
            self.stay_on_demand(judged, |_| true, &reason());
            return self.propose(judged, Name::Spot, today);
        }
        if tolerant.len() > FEW_WORKLOADS || self.demand.pods.len() > FEW_PODS || best.proposal.as_today {
            return best;
        }
        for place in tolerant {
            let mut other = judged.clone();
            self.stay_on_demand(&mut other, |found| found == place, &reason());
            let proposed = self.propose(&mut other, Name::Spot, today);
            if hourly(&proposed) <= hourly(&best) && !proposed.proposal.as_today {
                (*judged, best) = (other, proposed);
            }
        }
        best
    }

    /// Keeps workloads On-Demand that may leave Spot, and those that must run beside them.
    fn stay_on_demand(&self, judged: &mut [Judged], chosen: impl Fn(usize) -> bool, reason: &Reason) {
        for (place, judged) in judged.iter_mut().enumerate() {
            if judged.may_leave_spot() && chosen(place) {
                judged.stays_on_demand(reason.clone());
            }
        }
        follow_neighbours(judged, self.snapshot);
    }

    /// A sentence about On-Demand nodes that the floor asks for and today has, but pods do not need.
    fn short_of_on_demand(&self, proposed: &Proposed) -> Option<String> {
        let pods = on_demand_nodes(proposed).map(|node| node.pods.len()).sum();
        let asked = self.choices.floors.on_demand.unwrap_or(ON_DEMAND.min(pods)).min(self.on_demand_today());
        let left = on_demand_nodes(proposed).count();
        (left < asked && !proposed.proposal.as_today).then(|| {
            format!(
                "With Spot there are {left} of {asked} On-Demand nodes: too few pods stay On-Demand, or they have to be on \
                 the same nodes."
            )
        })
    }

    /// The smallest workload on Spot, if fewer On-Demand nodes are left than the floor asks for and today has, and
    /// another workload is left on Spot.
    fn missing_on_demand(&self, judged: &[Judged], proposed: &Proposed) -> Option<usize> {
        let tolerant = || (0..judged.len()).filter(|place| judged[*place].may_leave_spot());
        let least = self.choices.floors.on_demand.unwrap_or(1).min(self.on_demand_today());
        if on_demand_nodes(proposed).count() >= least || proposed.proposal.as_today || tolerant().count() < 2
        {
            return None;
        }
        tolerant().min_by_key(|place| {
            let pods = self.pods_of(&judged[*place]);
            pods.map(|pod| u128::from(pod.requests.cpu) * 4 * 1024 * 1024 + u128::from(pod.requests.memory))
                .sum::<u128>()
        })
    }

    /// Its pods to place, which are in the order of the snapshot.
    fn pods_of(&self, judged: &Judged) -> impl Iterator<Item = &Pod> {
        let place = |pod: &usize| self.demand.pods.binary_search_by_key(pod, |found| found.source).ok();
        judged.owned.pods.iter().filter_map(place).map(|place| &self.demand.pods[place])
    }

    /// Whether a pod of the workload takes less money's worth of some Spot node than of any On-Demand node.
    fn is_cheaper_on_spot(&self, judged: &Judged) -> bool {
        let Some(pod) = self.pods_of(judged).next() else { return true };
        let least = |market: Market| {
            let offers =
                self.offers.iter().filter(|offer| offer.market == market && fit::admits(pod, offer).is_ok());
            offers.filter_map(|offer| worth(pod, offer)).min()
        };
        match (least(Market::Spot), least(Market::OnDemand)) {
            (Some(spot), Some(on_demand)) => spot < on_demand,
            // There is no choice of markets.
            _ => true,
        }
    }
}

fn on_demand_nodes(proposed: &Proposed) -> impl Iterator<Item = &Placed> {
    proposed.nodes.iter().filter(|node| is_on_demand(&node.machine))
}

/// The price of the greatest share that a pod takes of a node; none if the node is too small.
fn worth(pod: &Pod, offer: &Offer) -> Option<Money> {
    let (asked, has) = (&pod.requests, &offer.allocatable);
    let extended =
        asked.extended.iter().map(|(name, amount)| (*amount, has.extended.get(name).copied().unwrap_or(0)));
    let amounts = [(asked.cpu, has.cpu), (asked.memory, has.memory)].into_iter().chain(extended);
    let share = |(asked, has): (u64, u64)| if asked == 0 { 0.0 } else { asked as f64 / has.max(1) as f64 };
    let share = amounts.map(share).fold(1.0 / f64::from(offer.max_pods.max(1)), f64::max);
    (share <= 1.0).then(|| Money::from_micros((offer.hourly.micros() as f64 * share * 1000.0) as i64))
}
