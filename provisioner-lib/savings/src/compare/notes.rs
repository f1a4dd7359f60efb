//! Assumptions of the figures, facts that are missing, and costs that are never included.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Inputs, node_of};
use crate::{
    catalog::{GIB, Market},
    machines::{Machine, Place},
    prices::PriceList,
    report::{Configuration, Missing, Prices},
    snapshot::{NODES_UNREAD, PODS_UNREAD},
};

/// Costs that are not included.
pub(super) const LEFT_OUT: [&str; 6] = [
    "Reserved Instances, Savings Plans and private discounts: all prices are list prices.",
    "EBS volumes, including root volumes.",
    "Traffic, between zones too, load balancers, NAT gateways and public IPv4 addresses.",
    "The control plane of EKS, AWS Fargate, nodes that run Windows, and nodes that are not of EC2.",
    "Credits of burstable types beyond those that they earn.",
    "Actual usage of pods: only requests are counted.",
];

/// The age of the prices.
pub(super) fn ages(prices: &PriceList, now: Timestamp) -> Prices {
    let age = prices.read_at.map(|at| now.as_second() - at.as_second());
    Prices {
        read_at: prices.read_at,
        age_seconds: age.map(|seconds| u64::try_from(seconds).unwrap_or(0)),
        spot_days: prices.spot_days,
        on_demand_types: prices.count(Market::OnDemand),
        spot_pools: prices.count(Market::Spot),
    }
}

/// Assumptions of the figures.
pub(super) fn assumptions(inputs: &Inputs<'_>) -> Vec<String> {
    let mut lines = vec![
        "Every pod keeps its requests, constraints and architecture; each has a node that takes it beside \
         the node's DaemonSets and the reserves of kubelet and system."
            .to_owned(),
        "Pods that could run on Spot run only there, and the others only On-Demand: this takes a node selector or an \
         affinity for the capacity type."
            .to_owned(),
        "Pods move node by node: when a new node is ready, its pods move to it.".to_owned(),
        "New nodes are in the zones of today's nodes, and have their labels and taints.".to_owned(),
        "A type that runs today has the capacity of its smallest node. Another type has room for as many pods as \
         the VPC CNI has addresses for, at most 110, and 250 from 30 vCPUs on: custom networking lowers \
         that, prefix delegation raises it."
            .to_owned(),
    ];
    lines.push(match inputs.smallest_root_volume {
        Some(bytes) => format!(
            "The root volume of a type that does not run today has {} GiB, as the smallest of today's nodes.",
            bytes.div_ceil(GIB)
        ),
        None => {
            "Root volumes have 20 GiB, the default of managed node groups: no node of today reports its own."
                .to_owned()
        }
    });
    lines.push(match inputs.prices.spot_days {
        Some(days) => format!(
            "A Spot price is the mean of {days} days in its zone, each price weighted by how long it was in force."
        ),
        None => "Spot prices are used as given.".to_owned(),
    });
    lines.push(
        "If Spot nodes are interrupted: all of them get a notice at once, the cast-spot handler drains them, and \
         every container takes its whole grace period to exit."
            .to_owned(),
    );
    lines.extend(inputs.demand.notes.iter().cloned());
    lines
}

const NO_PODS: &str = "no pods run on nodes of EC2 except those of DaemonSets and static ones";

/// Why no configuration can be proposed; none if one can.
pub(super) fn unknown(inputs: &Inputs<'_>, has_prices: bool) -> Option<String> {
    let snapshot = inputs.snapshot;
    let why = if let Some(unread) = snapshot.unread(NODES_UNREAD).or_else(|| snapshot.unread(PODS_UNREAD)) {
        unread
    } else if snapshot.nodes.is_empty() {
        "the cluster has no nodes"
    } else if !has_prices {
        "there are no prices"
    } else if inputs.prices.catalog.types.is_empty() {
        "no instance types are known"
    } else if inputs.demand.pods.is_empty() {
        NO_PODS
    } else if inputs.offers.is_empty() {
        "no instance type is on offer"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Why proposals cannot be compared with today.
pub(super) fn unpriced_today(today: &Configuration) -> String {
    let count = today.unpriced;
    format!("{} of today {} no price", plural_of(count, "node", "nodes"), plural(count, "has", "have"))
}

/// Facts that are not known. `is_as_today` tells whether a proposal is today's nodes.
pub(super) fn missing(inputs: &Inputs<'_>, has_prices: bool, is_as_today: bool) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut say = |what: String, hint: &str| missing.push(Missing { what, hint: hint.to_owned() });
    let catalog = &inputs.prices.catalog;
    let is_unread = |what: &str| inputs.snapshot.unread(what).is_some();
    if inputs.snapshot.nodes.is_empty() && !is_unread(NODES_UNREAD) {
        say("the cluster has no nodes".to_owned(), "");
    }
    if inputs.demand.pods.is_empty() && !inputs.snapshot.nodes.is_empty() && !is_unread(PODS_UNREAD) {
        say(format!("{NO_PODS}, so nothing can be proposed"), "a file with nodes needs their pods, too");
    }
    if !has_prices {
        say(
            "there are no prices, so no configuration has a cost".to_owned(),
            "--prices FILE, or credentials for AWS",
        );
    } else if catalog.types.is_empty() {
        say(
            "no instance types are known, so nothing can be proposed".to_owned(),
            "the action ec2:DescribeInstanceTypes reads them",
        );
    } else {
        for (market, name, action) in [
            (Market::OnDemand, "On-Demand", "pricing:GetProducts"),
            (Market::Spot, "Spot", "ec2:DescribeSpotPriceHistory"),
        ] {
            if inputs.prices.count(market) == 0 {
                say(
                    format!("there are no {name} prices, so no node is offered {name}"),
                    &format!("the action {action} reads them"),
                );
            }
        }
    }
    if has_prices {
        unpriced(inputs, &mut say);
    }
    places(inputs, &mut say);
    pods(inputs, is_as_today, &mut say);
    missing
}

fn unpriced(inputs: &Inputs<'_>, say: &mut impl FnMut(String, &str)) {
    let mut alike: BTreeMap<(&str, Option<&str>, Option<Market>), usize> = BTreeMap::new();
    let machines = inputs.machines.values().filter(|machine| machine.place == Place::Ec2);
    for machine in machines.filter(|machine| machine.hourly.is_none()) {
        let name = machine.instance_type.as_deref().unwrap_or("unknown");
        *alike.entry((name, machine.zone.as_deref(), machine.market)).or_default() += 1;
    }
    for ((name, zone, market), count) in alike {
        let market = if market == Some(Market::Spot) { "Spot" } else { "On-Demand" };
        let zone = zone.map(|zone| format!(" in {zone}")).unwrap_or_default();
        let known = inputs.prices.catalog.types.iter().any(|found| found.name == *name);
        let of = if known { "price" } else { "price, and its type is not known" };
        say(format!("{count} × {name}{zone}: no {market} {of}; today costs more than is shown"), "");
    }
}

fn places(inputs: &Inputs<'_>, say: &mut impl FnMut(String, &str)) {
    let machines = || inputs.machines.values();
    for (place, one, more) in [
        (Place::Fargate, "node is of AWS Fargate", "nodes are of AWS Fargate"),
        (Place::Elsewhere, "node is not of EC2", "nodes are not of EC2"),
        (
            Place::Windows,
            "node runs Windows, whose prices are not read",
            "nodes run Windows, whose prices are not read",
        ),
    ] {
        let count = machines().filter(|machine| machine.place == place).count();
        if count > 0 {
            let (what, whose) = (plural_of(count, one, more), plural(count, "its", "their"));
            say(format!("{what}: {whose} cost is not counted, and {whose} pods stay"), "");
        }
    }
    let unknown = |machine: &&Machine| machine.place == Place::Ec2 && !machine.market_is_known;
    let count = machines().filter(unknown).count();
    if count > 0 {
        say(
            format!(
                "{count} {} not say whether {} On-Demand or Spot, and {} to be On-Demand",
                plural(count, "node does", "nodes do"),
                plural(count, "it is", "they are"),
                plural(count, "is assumed", "are assumed"),
            ),
            "the action ec2:DescribeInstances reads it",
        );
    }
}

fn pods(inputs: &Inputs<'_>, is_as_today: bool, say: &mut impl FnMut(String, &str)) {
    let waiting = inputs.demand.pods.iter();
    let waiting = waiting.filter(|pod| node_of(inputs.snapshot, pod.source).is_none()).count();
    if waiting > 0 {
        say(
            format!(
                "{} for a node today; a proposed configuration has room for {}{}",
                plural_of(waiting, "pod waits", "pods wait"),
                plural(waiting, "it", "them"),
                if is_as_today { ", unless it is as today" } else { "" }
            ),
            "",
        );
    }
    let asks_nothing = |pod: &&crate::demand::Pod| pod.requests.cpu == 0 || pod.requests.memory == 0;
    let count = inputs.demand.pods.iter().filter(asks_nothing).count();
    if count > 0 {
        say(
            format!(
                "{} not request both CPU and memory: without a request a pod takes no room, for the scheduler and here",
                plural_of(count, "pod does", "pods do")
            ),
            "set requests; until then the proposals are too small",
        );
    }
}

fn plural<'a>(count: usize, one: &'a str, more: &'a str) -> &'a str {
    if count == 1 { one } else { more }
}

fn plural_of(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", plural(count, one, more))
}
