//! Every packing against the scheduler's rules, written a second time over whole objects.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

mod fleet;

use std::collections::BTreeMap;

use cast_spot_savings::{
    catalog::Market,
    demand::{Demand, Pod},
    offers::Offer,
    pack::{Packing, pack},
    snapshot::Snapshot,
};
use proptest::prelude::*;
use serde_json::{Value, from_value, json};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

/// One workload: replicas, CPU, GiB a CPU, and what it asks of nodes and other pods.
fn workload() -> impl Strategy<Value = (usize, u64, u64, u8)> {
    (1..7_usize, 1..30_u64, 1..8_u64, 0..10_u8)
}

/// A cluster of these workloads; with `nodes` they run on that many of today's, in three zones.
fn cluster(workloads: &[(usize, u64, u64, u8)], nodes: usize) -> Snapshot {
    let mut pods = pods(workloads);
    for (index, pod) in pods.iter_mut().enumerate().filter(|_| nodes > 0) {
        pod["spec"]["nodeName"] = format!("today-{}", index % nodes).into();
    }
    let today = |node: usize| {
        json!({ "metadata": { "name": format!("today-{node}"), "labels": {
            ZONE: fleet::ZONES[node % 3], HOST: format!("today-{node}"), "kubernetes.io/arch": "amd64",
        }}})
    };
    let nodes: Vec<Value> = (0..nodes).map(today).collect();
    Snapshot { nodes: from_value(nodes.into()).unwrap(), ..fleet::snapshot(pods) }
}

fn pods(workloads: &[(usize, u64, u64, u8)]) -> Vec<Value> {
    let mut all = Vec::new();
    for (index, (replicas, cpu, ratio, asks)) in workloads.iter().enumerate() {
        let name = format!("w{index}");
        let itself = json!({ "matchLabels": { "app": name } });
        let mut pod = fleet::pod(&name, cpu * 100, cpu * 100 * ratio);
        let spec = &mut pod["spec"];
        let term = |key: &str| json!({ "topologyKey": key, "labelSelector": itself });
        let required = |terms: Value| json!({ "requiredDuringSchedulingIgnoredDuringExecution": terms });
        match asks {
            0 => spec["nodeSelector"] = json!({ ZONE: fleet::ZONES[index % 3] }),
            1 => spec["affinity"] = json!({ "podAntiAffinity": required(json!([term(HOST)])) }),
            2 => spec["affinity"] = json!({ "podAntiAffinity": required(json!([term(ZONE)])) }),
            3 => spec["affinity"] = json!({ "podAffinity": required(json!([term(ZONE)])) }),
            4 => {
                spec["topologySpreadConstraints"] = json!([{
                    "topologyKey": ZONE, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": itself,
                }]);
            }
            5 => {
                spec["containers"][0]["ports"] =
                    json!([{ "containerPort": 80, "hostPort": 8000 + index / 2 }]);
            }
            6 => spec["nodeSelector"] = json!({ "eks.amazonaws.com/capacityType": "SPOT" }),
            _ => {}
        }
        all.extend(fleet::replicas(&pod, *replicas));
    }
    all
}

struct Placed<'a> {
    pod: &'a Pod,
    offer: &'a Offer,
    node: usize,
}

impl Placed<'_> {
    fn domain(&self, key: &str) -> String {
        if key == HOST { self.node.to_string() } else { self.offer.labels[key].clone() }
    }
}

/// What is wrong with it.
fn faults(demand: &Demand, offers: &[Offer], packing: &Packing) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = vec![0; demand.pods.len()];
    let mut placed = Vec::new();
    for (index, node) in packing.nodes.iter().enumerate() {
        let offer = &offers[node.offer];
        let (mut cpu, mut memory) = (0, 0);
        // The fleet's DaemonSets run on every node.
        for daemon in &demand.daemons {
            cpu += daemon.requests.cpu;
            memory += daemon.requests.memory;
        }
        let mut ports = Vec::new();
        for pod in &node.pods {
            seen[*pod] += 1;
            let pod = &demand.pods[*pod];
            cpu += pod.requests.cpu;
            memory += pod.requests.memory;
            ports.extend(pod.host_ports.iter());
            if pod.node_selector.iter().any(|(key, value)| offer.labels.get(key) != Some(value)) {
                faults.push(format!("{} is on a node without its labels", pod.name));
            }
            placed.push(Placed { pod, offer, node: index });
        }
        if cpu > offer.allocatable.cpu || memory > offer.allocatable.memory {
            faults.push(format!("node {index} holds {cpu} m, {memory} bytes"));
        }
        if node.pods.len() + demand.daemons.len() > offer.max_pods as usize {
            faults.push(format!("node {index} has too many pods"));
        }
        let count = ports.len();
        ports.sort();
        ports.dedup();
        if ports.len() != count {
            faults.push(format!("node {index} has a host port twice"));
        }
    }
    packing.unplaced.iter().for_each(|left| seen[left.pod] += 1);
    if seen.iter().any(|times| *times != 1) {
        faults.push(format!("pods are there not once: {seen:?}"));
    }
    faults.extend(faults_between(&placed));
    faults
}

fn faults_between(placed: &[Placed<'_>]) -> Vec<String> {
    let mut faults = Vec::new();
    for one in placed {
        let mates = || placed.iter().filter(|other| other.pod.labels["app"] == one.pod.labels["app"]);
        for term in &one.pod.anti_affinity {
            let key = term.topology_key.as_str();
            if mates().filter(|other| other.domain(key) == one.domain(key)).count() > 1 {
                faults.push(format!("{} has one of its kind in its {key}", one.pod.name));
            }
        }
        for term in &one.pod.affinity {
            let key = term.topology_key.as_str();
            if mates().any(|other| other.domain(key) != one.domain(key)) {
                faults.push(format!("{} is away from its kind", one.pod.name));
            }
        }
        // Over all zones, whether they have nodes or not.
        for spread in &one.pod.spread {
            let zones = fleet::ZONES.map(|zone| (zone.to_owned(), 0));
            let mut counts: BTreeMap<String, i32> = zones.into();
            for other in placed {
                let same = other.pod.labels["app"] == one.pod.labels["app"];
                *counts.entry(other.domain(&spread.topology_key)).or_default() += i32::from(same);
            }
            let (most, least) = (counts.values().max(), counts.values().min());
            if most.zip(least).is_some_and(|(most, least)| most - least > spread.max_skew) {
                faults.push(format!("{} is spread {counts:?}", one.pod.name));
            }
        }
    }
    faults
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_packing_keeps_every_rule(
        workloads in prop::collection::vec(workload(), 1..9),
        nodes in 0..7_usize,
    ) {
        let demand = Demand::read(&cluster(&workloads, nodes));
        let offers = fleet::catalog(100).offers(&fleet::settings(3, &[Market::OnDemand, Market::Spot], Some(16)));
        let packing = pack(&demand, &offers);
        let found = faults(&demand, &offers, &packing);
        prop_assert!(found.is_empty(), "{found:?}");
        // Three zones hold three of those that keep each other out of a zone; all others have a place.
        let left: usize = workloads
            .iter()
            .filter(|(_, _, _, asks)| *asks == 2)
            .map(|(replicas, ..)| replicas.saturating_sub(3))
            .sum();
        prop_assert_eq!(packing.unplaced.len(), left, "{:?}", packing.unplaced);
    }

    #[test]
    fn the_same_input_has_the_same_nodes(workloads in prop::collection::vec(workload(), 1..6)) {
        let demand = Demand::read(&fleet::snapshot(pods(&workloads)));
        let offers = fleet::on_demand(100, 3, Some(8));
        let twice = [(), ()].map(|()| pack(&demand, &offers));
        prop_assert_eq!(&twice[0], &twice[1]);
    }
}
