//! Kinds of nodes: the offers that no other one beats.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::to_string;

use super::types::{Dimensions, NodeKind};
use crate::{
    catalog::Market,
    choices::Caps,
    demand::{Demand, Pod},
    fit,
    money::Money,
    offers::Offer,
    quantity::Resources,
};

/// Labels that a pod asks about, with taints: all that differs between offers but size and price.
pub(super) struct Profiles<'d> {
    /// Profile of each offer.
    of: Vec<usize>,
    /// An offer of each profile.
    pub(super) examples: Vec<&'d Offer>,
    /// DaemonSets that run on each profile.
    pub(super) daemons: Vec<Vec<&'d Pod>>,
}

impl<'d> Profiles<'d> {
    /// The profiles of `offers`; each one from the place `single` on has its own.
    pub(super) fn new(
        demand: &'d Demand,
        offers: &[&'d Offer],
        single: usize,
        keys: &BTreeSet<String>,
    ) -> Self {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let mut this = Self { of: Vec::new(), examples: Vec::new(), daemons: Vec::new() };
        for (place, offer) in offers.iter().enumerate() {
            let labels: Vec<_> = keys.iter().map(|key| offer.labels.get(key)).collect();
            let own = (place >= single).then_some(place);
            let key = to_string(&(own, labels, &offer.taints)).unwrap_or_default();
            let profile = *found.entry(key).or_insert_with(|| {
                this.examples.push(offer);
                this.daemons.push(fit::daemons_on(&demand.daemons, offer));
                this.examples.len() - 1
            });
            this.of.push(profile);
        }
        this
    }

    /// The profile of an offer.
    pub(super) fn of(&self, offer: usize) -> usize {
        self.of[offer]
    }
}

/// Spot pools of instance type and zone, as numbers; none without caps.
pub(super) struct Pools<'d>(BTreeMap<(&'d str, &'d str), usize>);

impl<'d> Pools<'d> {
    pub(super) fn new(offers: &[&'d Offer], caps: Caps) -> Self {
        let spot = offers.iter().filter(|offer| caps.are_set() && offer.market == Market::Spot);
        let names = spot.map(|offer| (offer.instance_type.as_str(), offer.zone.as_str()));
        Self(names.collect::<BTreeSet<_>>().into_iter().zip(0..).collect())
    }

    /// The pool of an offer; none of On-Demand.
    pub(super) fn of(&self, offer: &Offer) -> Option<usize> {
        let pool = self.0.get(&(offer.instance_type.as_str(), offer.zone.as_str()));
        pool.copied().filter(|_| offer.market == Market::Spot)
    }
}

/// All kinds that no other of the same profile beats in every dimension at no higher price, cheapest first. With caps
/// each zone keeps as many Spot pools as they need.
pub(super) fn undominated(
    offers: &[Offer],
    profiles: &Profiles<'_>,
    dimensions: &Dimensions,
    zones: &[&str],
    caps: Caps,
    pools: &Pools<'_>,
) -> Vec<NodeKind> {
    let is_capped = |offer: &Offer| caps.are_set() && offer.market == Market::Spot;
    let mut same: BTreeMap<(usize, Money, &str, Option<&str>), Vec<usize>> = BTreeMap::new();
    for (index, offer) in offers.iter().enumerate() {
        let zone = is_capped(offer).then_some(offer.zone.as_str());
        let key = (profiles.of[index], offer.hourly, offer.instance_type.as_str(), zone);
        same.entry(key).or_default().push(index);
    }
    let mut kinds: Vec<NodeKind> = Vec::new();
    let offered: BTreeSet<&str> = offers.iter().map(|offer| offer.zone.as_str()).collect();
    let pools_by_zone = caps.pools_by_zone(offered.len());
    for ((profile, hourly, ..), offers_of_it) in same {
        let offer = &offers[offers_of_it[0]];
        let daemons = &profiles.daemons[profile];
        let used: Resources = daemons.iter().map(|daemon| &daemon.requests).sum();
        let pods = u64::from(offer.max_pods).saturating_sub(daemons.len() as u64);
        // Where the DaemonSets do not fit, nothing else does.
        let fits = used.cpu <= offer.allocatable.cpu && used.memory <= offer.allocatable.memory && pods > 0;
        if !fits {
            continue;
        }
        let room = dimensions.vector(&offer.allocatable.minus(&used), pods, u64::from(offer.max_volumes));
        let allocatable = [offer.allocatable.cpu, offer.allocatable.memory];
        let zone_of = |offer: &usize| zones.iter().position(|zone| *zone == offers[*offer].zone).unwrap_or(0);
        let zone = zone_of(&offers_of_it[0]);
        let zones: BTreeSet<usize> = offers_of_it.iter().map(zone_of).collect();
        // Within a profile prices rise, so only an earlier kind can beat it.
        let others = kinds.iter().rev().take_while(|other| other.profile == profile);
        let rivals = others.filter(|other| !is_capped(offer) || other.pool.is_some() && other.zone == zone);
        let beats = |other: &&NodeKind| other.room.iter().zip(&room).all(|(other, own)| other >= own);
        if rivals.filter(beats).count() < if is_capped(offer) { pools_by_zone } else { 1 } {
            kinds.push(NodeKind {
                offers: offers_of_it,
                stays: None,
                profile,
                hourly,
                zone,
                zones: zones.into_iter().collect(),
                pool: pools.of(offer),
                is_on_demand: offer.market == Market::OnDemand,
                room,
                allocatable,
            });
        }
    }
    kinds.sort_by_key(|kind| kind.hourly);
    kinds
}
