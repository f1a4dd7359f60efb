//! The least that a proposal keeps: On-Demand nodes, and zones where pods may be.

use cast_spot_savings::{
    catalog::Market,
    compare::Comparison,
    report::{Proposal, Report},
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{from_value, json};

use super::Case;

/// CoreDNS and a workload whose budget allows no eviction, three pods each, on nine nodes in three zones; beside them
/// nine pods that tolerate Spot.
fn two_workloads_on_demand() -> Case {
    Case::read("on-demand-pods-of-two-workloads").priced_by("prices-of-large-types")
}

fn on_demand_nodes(proposal: &Proposal) -> usize {
    let nodes = proposal.configuration.nodes.iter();
    nodes.filter(|nodes| nodes.market == Some(Market::OnDemand)).map(|nodes| nodes.count).sum()
}

fn says(report: &Report, words: &str) -> bool {
    report.assumptions.iter().any(|line| line.contains(words))
}

#[test]
fn on_demand_pods_are_on_as_many_nodes_as_the_floor() {
    // Three m5.large Spot of $0.035 an hour; a c5.large On-Demand of $0.085 takes all six pods. Three m5.large On-Demand
    // of $0.1 take all fifteen, which is less than three c5.large beside Spot.
    for (least, nodes, hourly) in
        [(Some(1), 1, 190_000), (None, 2, 275_000), (Some(2), 2, 275_000), (Some(3), 3, 300_000)]
    {
        let case = two_workloads_on_demand().choosing(|choices| choices.floors.on_demand = least);
        let report = case.compare().report;
        assert_eq!(on_demand_nodes(&report.spot), nodes, "{least:?}");
        assert_eq!(report.spot.configuration.hourly.micros(), hourly, "{least:?}");
        assert!(!says(&report, "On-Demand nodes"), "{least:?}: {:?}", report.assumptions);
        assert!(
            report.workloads.iter().flat_map(|found| &found.reasons).all(|one| one.code != "on-demand-floor")
        );
    }
}

#[test]
fn on_demand_nodes_that_pods_do_not_fill_are_named() {
    // All six pods and those of the nine that may leave Spot, but the last workload on Spot stays there.
    let case = two_workloads_on_demand().choosing(|choices| choices.floors.on_demand = Some(8));
    let report = case.compare().report;
    assert_eq!(on_demand_nodes(&report.spot), 6);
    assert!(says(&report, "6 of 8 On-Demand nodes"), "{:?}", report.assumptions);
}

fn zones(comparison: &Comparison) -> Vec<&str> {
    let mut zones: Vec<&str> =
        comparison.nodes.iter().filter_map(|node| node.machine.zone.as_deref()).collect();
    zones.sort_unstable();
    zones.dedup();
    zones
}

#[test]
fn a_proposal_has_no_node_without_pods() {
    // All pods are in the zone of one of them.
    let case = Case::read("affinity-to-one-pod").priced_by("prices-of-large-types");
    let case = case.choosing(|choices| choices.floors.on_demand = Some(1));
    let comparison = case.compare();
    for node in &comparison.nodes {
        assert!(!node.pods.is_empty(), "{:?} {:?}", node.machine.instance_type, node.machine.zone);
    }
    assert_eq!(zones(&comparison).len(), 1);
    // One c5.large On-Demand of $0.085 and two on Spot of $0.02975.
    assert_eq!(comparison.report.spot.configuration.hourly.micros(), 144_500);
}

#[test]
fn pods_that_must_share_a_node_do_so_below_the_floor() {
    // A database and its exporter; three pods, and twelve, that go with each other. One c5.large On-Demand of $0.085.
    for (pods, of, copies) in
        [(&["coredns-abc-0", "pay-abc-0"][..], "coredns", 0), (&["pay-"], "pay", 0), (&["pay-"], "pay", 9)]
    {
        let mut case = two_workloads_on_demand();
        let found = &mut case.snapshot.pods;
        let is_of = |pod: &Pod, name: &str| pod.metadata.name.as_ref().unwrap().starts_with(name);
        found.retain(|pod| is_of(pod, "aws-node") || pods.iter().any(|name| is_of(pod, name)));
        let selector = json!({ "matchLabels": { "app": of } });
        let term = json!({
            "topologyKey": "kubernetes.io/hostname", "labelSelector": selector, "namespaces": ["app", "kube-system"],
        });
        let affinity = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } });
        for pod in found.iter_mut().filter(|pod| is_of(pod, "pay-")) {
            pod.spec.as_mut().unwrap().affinity = from_value(affinity.clone()).unwrap();
        }
        let last = found.last().unwrap().clone();
        for copy in 0..copies {
            let mut pod = last.clone();
            (pod.metadata.name, pod.metadata.uid) = (Some(format!("pay-copy-{copy}")), None);
            found.push(pod);
        }
        let report = case.compare().report;
        assert_eq!(report.unplaced, [], "{pods:?} and {copies}");
        assert_eq!(report.spot.configuration.hourly.micros(), 85_000, "{pods:?} and {copies}");
    }
}
