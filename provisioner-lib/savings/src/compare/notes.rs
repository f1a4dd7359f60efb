//! Assumptions of the figures, facts that are missing, and costs that are never included.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Inputs, node_of};
use crate::{
    catalog::{GIB, Market},
    demand::{Pod, note},
    machines::{Machine, Place, smallest_root_volume},
    prices::PriceList,
    report::{Configuration, Missing, Prices, Unplaced},
    snapshot::{NODES_UNREAD, PODS_UNREAD, Snapshot},
    usage,
};

/// Seconds by which clocks may differ.
const CLOCKS_DIFFER: i64 = 300;

/// The seconds since then; none if it is later than now.
pub(super) fn age(at: Timestamp, now: Timestamp) -> Option<u64> {
    let age = now.as_second() - at.as_second();
    (age >= -CLOCKS_DIFFER).then(|| u64::try_from(age).unwrap_or(0))
}

/// The age of the prices.
pub(super) fn ages(prices: &PriceList, now: Timestamp) -> Prices {
    Prices {
        read_at: prices.read_at,
        age_seconds: prices.read_at.and_then(|at| age(at, now)),
        spot_days: prices.spot_days,
        on_demand_types: prices.count(Market::OnDemand),
        spot_pools: prices.count(Market::Spot),
    }
}

/// Assumptions of the figures.
pub(super) fn assumptions(inputs: &Inputs<'_>) -> Vec<String> {
    let root_volume = match smallest_root_volume(&inputs.machines) {
        Some(bytes) => format!(
            "The root volume of a type that does not run today has {} GiB, as the smallest of today's nodes.",
            bytes.div_ceil(GIB)
        ),
        None => {
            "Root volumes have 20 GiB, the default of managed node groups: no node of today reports its own."
                .to_owned()
        }
    };
    let pods_of_new_nodes = if inputs.has_prefixes {
        "The VPC CNI assigns prefixes, because all running nodes take more pods than their types have single addresses \
         for: a type that does not run today takes 110 pods, and 250 from 30 vCPUs on."
    } else {
        "A type that does not run today has room for as many pods as the VPC CNI has addresses for, at most 110, and 250 from \
         30 vCPUs on: custom networking lowers that, prefix delegation raises it."
    };
    let spot_price = match inputs.prices.spot_days {
        Some(days) => format!(
            "A Spot price is the mean of {days} days in its zone, each price weighted by how long it was in force."
        ),
        None => "Spot prices are used as given.".to_owned(),
    };
    let lines = [
        "Every pod keeps its requests, constraints and architecture; each has a node that takes it beside \
         the node's DaemonSets and the reserves of kubelet and system.",
        "Pods that could run on Spot run only there, and the others only On-Demand: this takes a node selector or an \
         affinity for the capacity type.",
        "Pods move node by node: when a new node is ready, its pods move to it.",
        "New nodes are in the zones of today's nodes, and have their labels and taints.",
        "A type that runs today has the capacity of its smallest node. Of another type, kernel and hypervisor keep as \
         much memory as of the biggest running type that has no more, or 7.5 % if there is none.",
        pods_of_new_nodes,
        &root_volume,
        &spot_price,
        "If Spot nodes are interrupted: all of them get a notice at once, the cast-spot handler drains them, and \
         every container takes its whole grace period to exit.",
    ];
    let unused = inputs.snapshot.unused.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let unused = (!unused.is_empty()).then(|| format!("Objects of other kinds are not used: {unused}."));
    let partial = (!inputs.demand.pods.is_empty() && !inputs.has_system_pods()).then(|| {
        "No pod of kube-system is there: if pods of other namespaces are missing, too, proposals are too small.".to_owned()
    });
    let lines = lines.into_iter().map(str::to_owned).chain(partial).chain(unused);
    lines.chain(inputs.demand.notes.iter().cloned()).chain(protected(inputs)).collect()
}

/// Why no configuration is sized by usage, and how one is.
pub(super) fn usage_unknown(snapshot: &Snapshot) -> String {
    let why = match &snapshot.usage_unread {
        Some(why) => why,
        None if snapshot.pod_metrics.is_empty() => "no metrics of pods were read",
        None if usage::is_of_other_pods(snapshot) => "the metrics are of other pods",
        None => "no pod is measured with all its containers five minutes after its start",
    };
    format!(
        "Requests are taken as they are: usage is not known ({why}). The metrics API of the cluster (metrics-server), a \
         further file of `kubectl get podmetrics -A -o json` or --prometheus adds a configuration that is sized by it."
    )
}

/// Nodes that stay whatever they cost, by their reason.
fn protected(inputs: &Inputs<'_>) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (node, why) in &inputs.protected {
        by_reason.entry(why).or_default().push(node.clone());
    }
    let stays =
        |(why, nodes): (&str, Vec<String>)| note(&format!("stays in every proposal, as it {why}"), &nodes);
    by_reason.into_iter().filter_map(stays).collect()
}

const NO_PODS: &str = "no pods run on nodes of EC2 except those of DaemonSets and static ones";

/// Why no configuration can be proposed; none if one can.
pub(super) fn unknown(
    inputs: &Inputs<'_>,
    has_prices: bool,
    mismatch: Option<&str>,
    gap: Option<&Missing>,
) -> Option<String> {
    let snapshot = inputs.snapshot;
    let why = if let Some(unread) = snapshot.unread(NODES_UNREAD).or_else(|| snapshot.unread(PODS_UNREAD)) {
        unread
    } else if snapshot.nodes.is_empty() {
        "the cluster has no nodes"
    } else if let Some(mismatch) = mismatch {
        mismatch
    } else if !has_prices {
        "there are no prices"
    } else if inputs.prices.catalog.types.is_empty() {
        "no instance types are known"
    } else if inputs.demand.pods.is_empty() {
        NO_PODS
    } else if let Some(gap) = gap {
        &gap.what
    } else if inputs.offers.is_empty() {
        "no instance type is on offer"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Why proposals cannot be compared with today.
pub(super) fn unpriced_today(today: &Configuration) -> String {
    plural(today.unpriced, "node of today has no price", "nodes of today have no price")
}

/// Facts that are not known. `is_as_today` tells whether a proposal is today's nodes, `unplaced` which pods have no node.
pub(super) fn missing(
    inputs: &Inputs<'_>,
    has_prices: bool,
    mismatch: Option<&str>,
    is_as_today: bool,
    unplaced: &[Unplaced],
) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut say = |what: &str, hint: &str| {
        missing.push(Missing { what: what.to_owned(), hint: hint.to_owned() });
    };
    let is_unread = |what: &str| inputs.snapshot.unread(what).is_some();
    if inputs.snapshot.nodes.is_empty() {
        if !is_unread(NODES_UNREAD) {
            say("the cluster has no nodes", "");
        }
    } else if inputs.demand.pods.is_empty() && !is_unread(PODS_UNREAD) {
        say(&format!("{NO_PODS}, so nothing can be proposed"), "a file with nodes needs their pods, too");
    }
    if let Some(mismatch) = mismatch {
        say(&format!("{mismatch}, so they are not used"), "--prices FILE with the cluster's region");
    } else if !has_prices {
        let hint = "--prices FILE, which `cast-spot prices` writes, or credentials for AWS";
        say("there are no prices, so no configuration has a cost", hint);
    } else if inputs.prices.catalog.types.is_empty() {
        let hint = "the action ec2:DescribeInstanceTypes reads them";
        say("no instance types are known, so nothing can be proposed", hint);
    } else {
        for (market, action) in
            [(Market::OnDemand, "pricing:GetProducts"), (Market::Spot, "ec2:DescribeSpotPriceHistory")]
        {
            if inputs.prices.count(market) == 0 {
                let what = format!("there are no {market} prices, so no node is offered {market}");
                say(&what, &format!("the action {action} reads them"));
            }
        }
    }
    if has_prices {
        for what in unpriced(inputs) {
            say(&what, "");
        }
    }
    if usage::is_of_other_pods(inputs.snapshot) {
        let metrics = inputs.snapshot.pod_metrics.len();
        say(
            &format!("0 of {metrics} PodMetrics are of pods of the cluster, so its usage is not known"),
            "pods and PodMetrics need to be of one cluster and one time",
        );
    }
    for (what, hint) in counted(inputs, is_as_today, unplaced) {
        say(&what, hint);
    }
    missing
}

/// Nodes of today without a price, by type, zone and market.
fn unpriced(inputs: &Inputs<'_>) -> Vec<String> {
    let mut alike: BTreeMap<(&str, Option<&str>, Option<Market>), usize> = BTreeMap::new();
    for machine in inputs.of_ec2().filter(|machine| machine.hourly.is_none()) {
        let name = machine.instance_type.as_deref().unwrap_or("unknown");
        *alike.entry((name, machine.zone.as_deref(), machine.market)).or_default() += 1;
    }
    let mut lines = Vec::new();
    for ((name, zone, market), count) in alike {
        let market = market.unwrap_or(Market::OnDemand);
        let zone = zone.map(|zone| format!(" in {zone}")).unwrap_or_default();
        let is_known = inputs.prices.catalog.instance_type(name).is_some();
        let of = if is_known { "price" } else { "price, and its type is not known" };
        lines.push(format!("{count} × {name}{zone}: no {market} {of}; today costs more than is shown"));
    }
    lines
}

const NO_ROOM: &str = "without a request a pod takes no room, for the scheduler and here";

/// Sentences and hints about nodes and pods by their number.
fn counted(inputs: &Inputs<'_>, is_as_today: bool, unplaced: &[Unplaced]) -> Vec<(String, &'static str)> {
    // In one of the two proposed configurations at least.
    let is_placed = |pod: &Pod| {
        let of = |other: &&Unplaced| (&other.namespace, &other.pod) == (&pod.namespace, &pod.name);
        unplaced.iter().filter(of).count() < 2
    };
    let nodes = |chosen: fn(&Machine) -> bool| inputs.machines.values().filter(|found| chosen(found)).count();
    let pods = |chosen: &dyn Fn(&Pod) -> bool| inputs.demand.pods.iter().filter(|pod| chosen(pod)).count();
    let unless = if is_as_today { ", unless it is as today" } else { "" };
    let elsewhere = [
        (nodes(|node| node.place == Place::Fargate), "is of AWS Fargate", "are of AWS Fargate"),
        (nodes(|node| node.place == Place::Elsewhere), "is not of EC2", "are not of EC2"),
        (
            nodes(|node| node.place == Place::Windows),
            "runs Windows, whose prices are not read",
            "run Windows, whose prices are not read",
        ),
    ];
    let elsewhere = elsewhere.map(|(count, one, more)| {
        let one = format!("node {one}: its cost is not counted, and its pods stay");
        (count, one, format!("nodes {more}: their cost is not counted, and their pods stay"), "")
    });
    let all = [
        (
            inputs.of_ec2().filter(|node| !node.market_is_known).count(),
            "node does not say whether it is On-Demand or Spot, and is assumed to be On-Demand".to_owned(),
            "nodes do not say whether they are On-Demand or Spot, and are assumed to be On-Demand".to_owned(),
            "the action ec2:DescribeInstances reads it",
        ),
        (
            inputs.without_node().0,
            "pod runs on a node that is not known: it is placed, but its node costs nothing today".to_owned(),
            "pods run on nodes that are not known: they are placed, but their nodes cost nothing today"
                .to_owned(),
            "",
        ),
        (
            pods(&|pod| node_of(inputs.snapshot, pod.source).is_none() && is_placed(pod)),
            format!("pod waits for a node today; a proposed configuration has room for it{unless}"),
            format!("pods wait for a node today; a proposed configuration has room for them{unless}"),
            "",
        ),
        (
            pods(&|pod| pod.requests.lack_cpu_or_memory()),
            format!("pod does not request both CPU and memory: {NO_ROOM}"),
            format!("pods do not request both CPU and memory: {NO_ROOM}"),
            "set requests; until then the proposals are too small",
        ),
    ];
    let counted = elsewhere.into_iter().chain(all).filter(|(count, ..)| *count > 0);
    counted.map(|(count, one, more, hint)| (plural(count, &one, &more), hint)).collect()
}

fn plural(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
