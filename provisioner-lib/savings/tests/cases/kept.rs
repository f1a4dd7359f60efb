//! Nodes of today that stay, and what moves to them: within the same limits as new nodes.

use std::collections::{BTreeMap, BTreeSet};

use cast_spot_savings::{
    apply::manifests,
    catalog::Market,
    choices::{Choices, Floors},
    compare::Comparison,
    prices::PriceList,
    report::Proposal,
    snapshot::{Snapshot, read_prices},
};
use serde_json::{Value, from_value, json};

use crate::{
    Case,
    case::{content, nodes},
};

/// Allocatable CPU in millicores, memory in GiB.
const SIZES: [(&str, u64, u64); 3] =
    [("m5.xlarge", 3_920, 14), ("m5.2xlarge", 7_910, 29), ("m5.4xlarge", 15_890, 58)];

/// A node that is not marked to stay.
fn node(name: &str, of_type: &str, zone: &str, market: &str) -> Value {
    let (_, cpu, memory) = SIZES.iter().find(|(name, ..)| *name == of_type).unwrap();
    let of_node = json!({ "cpu": format!("{cpu}m"), "memory": format!("{memory}Gi"), "pods": "58" });
    json!({
        "metadata": { "name": name, "annotations": {}, "labels": {
            "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone,
            "node.kubernetes.io/instance-type": of_type, "eks.amazonaws.com/capacityType": market,
        }},
        "spec": { "providerID": format!("aws:///{zone}/i-{name}") },
        "status": { "capacity": of_node, "allocatable": of_node },
    })
}

fn protected(mut node: Value) -> Value {
    node["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] = "true".into();
    node
}

/// Two m5.xlarge in each of three zones.
fn six_nodes() -> Vec<Value> {
    let zones = ["a", "b", "c"].into_iter().cycle().take(6).enumerate();
    let node =
        |(place, zone)| node(&format!("n{place}"), "m5.xlarge", &format!("eu-west-1{zone}"), "ON_DEMAND");
    zones.map(node).collect()
}

/// Pods of half a CPU and a GiB, on these nodes in turn.
fn pods(kind: &str, owner: &str, count: usize, on: &[&str]) -> Vec<Value> {
    let of_place = |place: usize| {
        json!({
            "metadata": {
                "name": format!("{owner}-{place}"), "namespace": if kind == "DaemonSet" { "kube-system" } else { "app" },
                "labels": { "app": owner, "pod-template-hash": "7d9f" },
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": kind, "uid": "1", "controller": true,
                    "name": if kind == "ReplicaSet" { format!("{owner}-7d9f") } else { owner.to_owned() } }],
            },
            "spec": { "nodeName": on[place % on.len()], "containers": [
                { "name": "c", "resources": { "requests": { "cpu": "500m", "memory": "1Gi" } } },
            ]},
            "status": { "phase": "Running" },
        })
    };
    (0..count).map(of_place).collect()
}

const SIX: [&str; 6] = ["n0", "n1", "n2", "n3", "n4", "n5"];

fn case(nodes: &[Value], mut pods: Vec<Value>) -> Case {
    let names: Vec<String> =
        nodes.iter().map(|node| node["metadata"]["name"].as_str().unwrap().into()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    pods.extend(self::pods("DaemonSet", "aws-node", names.len(), &names));
    let snapshot: Snapshot = from_value(json!({ "nodes": nodes, "pods": pods })).unwrap();
    let prices: PriceList = read_prices(&content("prices")).unwrap();
    Case { snapshot, prices, choices: Choices::default() }
}

fn without_price_of(mut case: Case, of_type: &str) -> Case {
    case.prices.catalog.prices.retain(|price| price.instance_type != of_type);
    case
}

fn zones(proposal: &Proposal) -> BTreeSet<Option<String>> {
    proposal.configuration.nodes.iter().map(|nodes| nodes.zone.clone()).collect()
}

/// Pods of a workload by the name of the node that stays.
fn on_node(comparison: &Comparison, workload: &str, node: &str) -> usize {
    let judged = comparison.judged.iter().find(|judged| judged.owned.name == workload).unwrap();
    let node = comparison.nodes.iter().find(|found| found.machine.name == node).unwrap();
    node.pods.iter().filter(|pod| judged.owned.pods.contains(pod)).count()
}

/// The most pods of a workload that are on Spot in one zone.
fn most_in_a_zone(comparison: &Comparison, workload: &str) -> usize {
    let judged = comparison.judged.iter().find(|judged| judged.owned.name == workload).unwrap();
    let mut by_zone: BTreeMap<_, usize> = BTreeMap::new();
    for node in comparison.nodes.iter().filter(|node| node.machine.market == Some(Market::Spot)) {
        let here = node.pods.iter().filter(|pod| judged.owned.pods.contains(pod));
        *by_zone.entry(&node.machine.zone).or_default() += here.count();
    }
    by_zone.into_values().max().unwrap_or(0)
}

#[test]
fn no_pod_moves_to_a_node_without_a_price() {
    let big = protected(node("big", "m5.4xlarge", "eu-west-1a", "ON_DEMAND"));
    let nodes_today = [six_nodes(), vec![big]].concat();
    for count in [4, 6, 12] {
        let case = case(&nodes_today, pods("StatefulSet", "db", count, &SIX));
        let found = without_price_of(case, "m5.4xlarge").compare();
        assert_eq!(on_node(&found, "db", "big"), 0);
        for proposal in [&found.report.on_demand, &found.report.spot] {
            assert_ne!(proposal.saves.as_ref().unwrap().percent, "100.0");
            let new = proposal.configuration.nodes.iter().filter(|nodes| nodes.hourly.is_some());
            let new: BTreeSet<_> = new.map(|nodes| nodes.zone.clone()).collect();
            assert_eq!(new.len(), 3, "a node without pods is no zone of pods: {:?}", nodes(proposal));
        }
    }
}

#[test]
fn no_pod_moves_to_a_node_in_a_local_zone() {
    for is_priced in [false, true] {
        let edge = node("edge", "m5.2xlarge", "eu-west-1-lon-1a", "ON_DEMAND");
        let all = [pods("StatefulSet", "db", 6, &SIX), pods("ReplicaSet", "edge", 1, &["edge"])].concat();
        let mut case = case(&[six_nodes(), vec![edge]].concat(), all);
        if is_priced {
            let mut price = case.prices.catalog.prices[0].clone();
            (price.instance_type, price.market) = ("m5.2xlarge".to_owned(), Market::OnDemand);
            price.zone = Some("eu-west-1-lon-1a".to_owned());
            case.prices.catalog.prices.push(price);
            case.snapshot.nodes[6].metadata.annotations =
                Some([("karpenter.sh/do-not-disrupt".to_owned(), "true".to_owned())].into());
        }
        let found = case.compare();
        assert_eq!((on_node(&found, "db", "edge"), on_node(&found, "edge", "edge")), (0, 1), "{is_priced}");
        assert_eq!(zones(&found.report.spot).len(), 4, "{:?}", nodes(&found.report.spot));
    }
}

#[test]
fn caps_count_the_pods_of_spot_nodes_that_stay() {
    for here in [0, 1, 2, 4] {
        let spot = protected(node("spot", "m5.2xlarge", "eu-west-1a", "SPOT"));
        let mut all = pods("ReplicaSet", "web", 6, &SIX);
        all.extend(pods("ReplicaSet", "api", 6, &SIX));
        for pod in &mut all[..here] {
            pod["spec"]["nodeName"] = "spot".into();
        }
        let found = case(&[six_nodes(), vec![spot]].concat(), all).compare();
        // A third of 6 in a pool, and no more than 40 % in a zone.
        assert!(on_node(&found, "web", "spot") <= here.max(2), "{here}: {:?}", found.report.workloads);
        assert!(on_node(&found, "api", "spot") <= 2, "{here}");
        assert!(most_in_a_zone(&found, "web") <= here.max(2) && most_in_a_zone(&found, "api") <= 2, "{here}");
    }
}

#[test]
fn what_stays_on_demand_moves_to_no_spot_node() {
    let spot = protected(node("spot", "m5.4xlarge", "eu-west-1a", "SPOT"));
    let all = [pods("StatefulSet", "db", 6, &SIX), pods("ReplicaSet", "web", 6, &SIX)].concat();
    let found = case(&[six_nodes(), vec![spot]].concat(), all).compare();
    assert_eq!(on_node(&found, "db", "spot"), 0);
}

#[test]
fn zones_and_nodes_are_kept_beside_a_node_that_stays() {
    for count in [2, 4, 6] {
        let big = protected(node("big", "m5.4xlarge", "eu-west-1a", "ON_DEMAND"));
        let mut all = pods("StatefulSet", "db", count, &SIX);
        all.extend(pods("StatefulSet", "kafka", count, &SIX));
        let case = case(&[six_nodes(), vec![big]].concat(), all);
        let found = case.compare().report;
        for proposal in [&found.on_demand, &found.spot] {
            // The cheapest node of the list with 2 vCPU holds three of these pods.
            assert_eq!(
                (proposal.configuration.count, zones(proposal).len()),
                (3, 3),
                "{:?}",
                nodes(proposal)
            );
        }
        let case = case.choosing(|choices| choices.floors.zones = Some(1));
        assert_eq!(case.compare().report.spot.configuration.count, 2, "{count}");
    }
}

#[test]
fn nothing_new_is_needed_where_no_floor_is_chosen() {
    let big = protected(node("big", "m5.4xlarge", "eu-west-1a", "ON_DEMAND"));
    let case = case(&[six_nodes(), vec![big]].concat(), pods("StatefulSet", "db", 6, &SIX));
    let case = case.choosing(|choices| choices.floors = Floors::NONE);
    let found = case.compare();
    assert_eq!(nodes(&found.report.spot), ["1 × m5.4xlarge On-Demand eu-west-1a"]);
    let found = manifests(&found, &case.snapshot, &case.prices).unwrap();
    assert_eq!((&found.node_class, found.pools.len(), found.budgets.len()), (&None, 0, 0));
    let steps: Vec<&str> = found.steps.iter().map(|step| step.what.as_str()).collect();
    let [nothing_new, drain] = steps[..] else { panic!("{steps:?}") };
    assert!(drain.starts_with("Drain nodes of m5.xlarge (6 nodes). "), "{drain}");
    assert!(nothing_new.starts_with("No node is launched"), "{nothing_new}");
    let text = found.to_yaml().unwrap();
    assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
}

#[test]
fn nothing_is_applied_where_every_node_stays() {
    let all: Vec<Value> = six_nodes().into_iter().map(protected).collect();
    let case = case(&all, pods("StatefulSet", "db", 6, &SIX));
    let refused = manifests(&case.compare(), &case.snapshot, &case.prices).unwrap_err();
    assert!(refused.to_string().contains("nothing cheaper than today's nodes"), "{refused}");
}
