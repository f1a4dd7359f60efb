//! What each workload and namespace costs: its share of the nodes that its pods are on.

use std::collections::BTreeMap;

use super::{Inputs, Placed, node_of};
use crate::{
    demand::requests_of,
    fit,
    machines::Machine,
    money::Money,
    quantity::Resources,
    report::{Cost, Namespace, Workload},
    verdict::{Judged, Kind},
};

/// A whole node, in billionths.
const WHOLE: u128 = 1_000_000_000;

/// Costs in a month.
pub(super) struct Costs {
    /// Of each workload, in the given order.
    pub(super) workloads: Vec<Cost>,
    /// Of what no pod requests.
    pub(super) unrequested: Cost,
}

/// A pod on a node: the place of its workload, and its requests.
type Tenant = (usize, Resources);

/// Splits today's nodes and the proposed ones over the workloads.
pub(super) fn split(inputs: &Inputs<'_>, judged: &[Judged], proposed: &[Placed]) -> Costs {
    let owners = judged.iter().enumerate();
    let owners = owners.flat_map(|(place, judged)| judged.owned.pods.iter().map(move |pod| (*pod, place)));
    let owners: BTreeMap<usize, usize> = owners.collect();
    let tenant = |pod: usize| Some((*owners.get(&pod)?, requests_of(&inputs.snapshot.pods[pod])));
    let mut standing: BTreeMap<&str, Vec<Tenant>> = BTreeMap::new();
    for pod in owners.keys() {
        if let Some(node) = node_of(inputs.snapshot, *pod) {
            standing.entry(node).or_default().extend(tenant(*pod));
        }
    }
    let on = |name: &str| standing.get(name).cloned().unwrap_or_default();
    let today = inputs.machines.values().map(|machine| (machine, on(&machine.name)));
    let daemons = judged.iter().enumerate().filter(|(_, judged)| judged.owned.kind == Kind::DaemonSet);
    let daemons: BTreeMap<_, usize> = daemons
        .map(|(place, judged)| ((judged.owned.namespace.as_str(), judged.owned.name.as_str()), place))
        .collect();
    let then = proposed.iter().map(|node| {
        let Some(offer) = &node.offer else {
            let name = node.machine.name.as_str();
            let moved = node.pods.iter().filter(|pod| node_of(inputs.snapshot, **pod) != Some(name));
            return (
                &node.machine,
                on(name).into_iter().chain(moved.filter_map(|pod| tenant(*pod))).collect(),
            );
        };
        let found = fit::daemons_on(&inputs.demand.daemons, offer).into_iter().filter_map(|daemon| {
            let place = daemons.get(&(daemon.namespace.as_str(), daemon.name.as_str()))?;
            Some((*place, daemon.requests.clone()))
        });
        (&node.machine, found.chain(node.pods.iter().filter_map(|pod| tenant(*pod))).collect())
    });
    let hours = i64::from(inputs.choices.hours_per_month);
    let (today, then) = (sums(today, judged.len()), sums(then, judged.len()));
    let costs = today.into_iter().zip(then).map(|(today, then)| Cost {
        monthly_today: today.map(|money| money * hours),
        monthly_proposed: then.map(|money| money * hours),
    });
    let mut workloads: Vec<Cost> = costs.collect();
    let unrequested = workloads.pop().unwrap_or_default();
    Costs { workloads, unrequested }
}

/// The price of an hour of each workload, and last of what no pod requests; none without a node that has a price.
fn sums<'m>(nodes: impl Iterator<Item = (&'m Machine, Vec<Tenant>)>, workloads: usize) -> Vec<Option<Money>> {
    let mut sums = vec![None; workloads + 1];
    for (machine, tenants) in nodes {
        let Some(hourly) = machine.hourly else { continue };
        let shares: Vec<u128> =
            tenants.iter().map(|(_, requests)| share(requests, &machine.allocatable)).collect();
        let whole = shares.iter().sum::<u128>().max(WHOLE);
        let mut rest = hourly;
        let mut add = |place: usize, money: Money| *sums[place].get_or_insert(Money::ZERO) += money;
        for ((place, _), share) in tenants.iter().zip(shares) {
            let part = hourly.part(share, whole);
            add(*place, part);
            rest = rest - part;
        }
        add(workloads, rest);
    }
    sums
}

/// The largest share of the node's CPU, memory and devices that a pod requests, in billionths: what is left beside it
/// is of use only to pods that need little of that.
pub(crate) fn share(requests: &Resources, node: &Resources) -> u128 {
    let of = |part: u64, whole: u64| (u128::from(part) * WHOLE).checked_div(u128::from(whole)).unwrap_or(0);
    let devices = requests.extended.iter();
    let devices = devices.map(|(name, count)| of(*count, node.extended.get(name).copied().unwrap_or(0)));
    devices.chain([of(requests.cpu, node.cpu), of(requests.memory, node.memory)]).max().unwrap_or(0)
}

/// The sums of the namespaces, the most expensive of today first.
pub(super) fn namespaces(workloads: &[Workload]) -> Vec<Namespace> {
    let mut sums: BTreeMap<&str, Namespace> = BTreeMap::new();
    for workload in workloads {
        let sum = sums.entry(&workload.namespace).or_default();
        sum.name.clone_from(&workload.namespace);
        sum.pods += workload.pods;
        sum.cost.add(&workload.cost);
    }
    let mut sums: Vec<Namespace> = sums.into_values().collect();
    sums.sort_by_key(|sum| std::cmp::Reverse((sum.cost.monthly_today, sum.cost.monthly_proposed)));
    sums
}
