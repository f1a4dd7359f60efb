//! The workloads of the report.

use std::collections::BTreeMap;

use super::{Inputs, Placed};
use crate::{
    catalog::{MIB, Market},
    demand::requests_of,
    machines::{Machine, Place},
    quantity::Resources,
    report::{Cost, Verdict, Workload},
    verdict::{Judged, Owned, Reason},
};

/// A workload, with its cost and its place in a configuration.
pub(super) fn workload(inputs: &Inputs<'_>, judged: &Judged, cost: Cost, hosts: &Hosts<'_>) -> Workload {
    let owned = &judged.owned;
    let requests: Resources = owned.pods.iter().map(|pod| requests_of(&inputs.snapshot.pods[*pod])).sum();
    let machines: Vec<&Machine> = owned.pods.iter().filter_map(|pod| inputs.machine_of(*pod)).collect();
    let elsewhere = machines.iter().find(|machine| machine.place != Place::Ec2);
    let (verdict, reasons, mut cautions) = match (judged.market, elsewhere) {
        (Some(_), Some(machine)) => {
            let place = match machine.place {
                Place::Fargate => "AWS Fargate",
                Place::Windows => "Windows",
                Place::Ec2 | Place::Elsewhere => "nodes that are not of EC2",
            };
            (Verdict::Stays, vec![Reason::new("place", format!("runs on {place}"))], Vec::new())
        }
        (market, _) => {
            let verdict = match market {
                Some(Market::Spot) => Verdict::Spot,
                Some(Market::OnDemand) => Verdict::OnDemand,
                None => Verdict::EveryNode,
            };
            (verdict, judged.reasons.clone(), judged.cautions.clone())
        }
    };
    let on_spot_today = machines.iter().filter(|machine| machine.market == Some(Market::Spot)).count();
    if judged.market == Some(Market::OnDemand) && on_spot_today > 0 {
        let text = format!("{on_spot_today} of {} run on Spot today", owned.pods.len());
        cautions.insert(0, Reason::new("on-spot-today", text));
    }
    cautions.extend(concentration(inputs, &pools(owned, hosts)));
    let mut proposed = BTreeMap::new();
    for ((name, market, zone), pods) in pools(owned, hosts) {
        let market = if market == Some(Market::Spot) { "spot" } else { "on-demand" };
        *proposed.entry(format!("{name} {market} {zone}")).or_default() += pods;
    }
    Workload {
        namespace: owned.namespace.clone(),
        kind: owned.kind.clone(),
        name: owned.name.clone(),
        pods: owned.pods.len(),
        cpu_millis: requests.cpu,
        memory_mib: requests.memory / MIB,
        on_spot_today,
        verdict,
        reasons,
        cautions,
        cost,
        proposed,
        risk: None,
        usage: None,
    }
}

/// That one pool or zone has more of the workload's Spot pods than it should: other limits leave them no place.
fn concentration(inputs: &Inputs<'_>, pools: &Pools<'_>) -> Option<Reason> {
    let spot = || pools.iter().filter(|((_, market, _), _)| *market == Some(Market::Spot));
    let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
    spot().for_each(|((_, _, zone), pods)| *zones.entry(zone).or_default() += pods);
    let all: usize = zones.values().sum();
    let caps = inputs.choices.caps;
    let (in_pool, in_zone) = caps.most(all);
    let of_one = [
        ("pool", spot().map(|(_, pods)| *pods).max(), in_pool, caps.pool_percent),
        ("zone", zones.values().copied().max(), in_zone, caps.zone_percent),
    ];
    of_one.into_iter().find_map(|(place, pods, most, percent)| {
        let pods = pods.filter(|pods| *pods > most && all > 1)?;
        let text = format!("{pods} of its {all} pods on Spot are in one {place}, more than {percent} %");
        Some(Reason::new("concentration", text))
    })
}

/// The node of each pod in a configuration.
pub(super) type Hosts<'n> = BTreeMap<usize, &'n Machine>;

pub(super) fn hosts(nodes: &[Placed]) -> Hosts<'_> {
    nodes.iter().flat_map(|node| node.pods.iter().map(|pod| (*pod, &node.machine))).collect()
}

/// The number of a workload's pods by instance type, market and zone.
type Pools<'n> = BTreeMap<(&'n str, Option<Market>, &'n str), usize>;

pub(super) fn pools<'n>(owned: &Owned, hosts: &Hosts<'n>) -> Pools<'n> {
    let known = |text: &'n Option<String>| text.as_deref().unwrap_or("unknown");
    let mut pools = BTreeMap::new();
    for Machine { instance_type, market, zone, .. } in owned.pods.iter().filter_map(|pod| hosts.get(pod)) {
        *pools.entry((known(instance_type), *market, known(zone))).or_default() += 1;
    }
    pools
}
