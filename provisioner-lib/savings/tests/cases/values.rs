//! What each proposal costs an hour, with the prices that it is the sum of.

use std::collections::BTreeMap;

use cast_spot_savings::{
    choices::{Caps, Floors},
    report::{Report, Verdict},
};

use crate::case::{Case, saves};

/// The sums of both proposals.
fn hourly(report: &Report) -> [String; 2] {
    [&report.on_demand, &report.spot].map(|proposal| proposal.configuration.hourly.to_string())
}

fn case(name: &str) -> Case {
    match name.split_once(" by ") {
        Some((name, prices)) => Case::read(name).priced_by(prices),
        None => Case::read(name),
    }
}

/// Prices in eu-west-1a, where nothing else is said: c6a.large 0.082, Spot 0.0287; each size costs twice the one before.
#[test]
fn a_proposal_costs_the_sum_of_its_nodes() {
    for (name, on_demand, spot) in [
        // All of the A100 stay: one p4d.24xlarge of 35.396, Spot 13; and for the rest an m5a.large of 0.096,
        // or beside Spot two c6a.large of 0.082.
        ("gpu-model-selected", "35.492", "13.164"),
        ("gpu-model-unselected", "35.492", "13.164"),
        // Two g5.xlarge of 1.123, Spot 0.45.
        ("gpu-model-swap by prices-with-gpus", "2.246", "0.90"),
        ("gpu-product-label by prices-with-gpus", "2.246", "0.90"),
        ("gpu-node-without-plugin", "2.246", "0.90"),
        // Two i3en.xlarge of 0.504, Spot 0.16.
        ("nfd-or-nvme-label", "1.008", "0.32"),
        // Four c5.xlarge of 0.192; on Spot at 0.07872 each, or as many vCPUs in bigger ones.
        ("auto-mode-instance-family", "0.768", "0.31488"),
        // Two m5a.large of 0.096; on Spot a pool for each of three pods: m5a.large in a for 0.037766, m6a.large in b for
        // 0.037949, and m7i.large in b for 0.040822.
        ("auto-mode-instance-category by prices-with-gpus", "0.192", "0.116537"),
        // A c6a.large of 0.082 in each of three zones. CoreDNS keeps two On-Demand, and a pool for each of three pods on
        // Spot would cost another 0.088683.
        ("whole-cluster-on-one-spot-node", "0.246", "0.246"),
        // A t3.micro of 0.0104 in each of two zones: the pods of CoreDNS are all that there are.
        ("real-eks-ecommerce by real-eks-prices", "0.0208", "0.0208"),
        // Of five workloads four keep two c6a.large On-Demand; two more each in a and b are Spot.
        ("system-critical-to-spot", "0.41", "0.280522"),
        // One m5.2xlarge of 0.428 must not be disrupted; a c6a.large of 0.082 is the second node, or on Spot a pool for each
        // of two pods: m5a.large for 0.03456 and c6a.large for 0.0287.
        ("node-not-to-be-disrupted", "0.51", "0.49126"),
        // Three m5.xlarge of 0.214 of the control plane stay, which pods do not tolerate. The others are in three zones: four
        // of six pods on an m5a.xlarge of 0.192, two on c6a.large of 0.082. On Spot two of six are in each zone, on two
        // c6a.large: 0.0574 in a, 0.059122 in b, and 0.060844 in c.
        ("control-plane-nodes", "0.998", "0.819366"),
        // Two of three m5.xlarge of 0.214 keep pods whose claims are not in the file, and have room for the others; a
        // c6a.large keeps the third zone, c: 0.082, on Spot 0.030422 unless a budget forbids every eviction.
        ("kubectl-nodes-pods-only", "0.51", "0.458422"),
        ("kubectl-with-pdb", "0.51", "0.51"),
        // Only m5.2xlarge of 0.428 have the device, one in each of three zones; on Spot 0.17976 in a, 0.185153 in b and
        // 0.190546 in c.
        ("pod-eni", "1.284", "0.555459"),
        ("fuse-device", "1.284", "0.555459"),
        // Each zone keeps the pod of its volume on a c6a.large, which has room for the others.
        ("pv-zones", "0.246", "0.246"),
        // Two c6a.xlarge; on Spot three pools for six pods: two m5a.large are 0.06912, two c6a.large 0.0574, and a
        // c6a.xlarge is 0.0574.
        ("cordoned", "0.328", "0.18392"),
        ("spark-executors", "0.576", "0.576"),
        ("job-of-minutes", "7.68", "7.68"),
        // Two pods of the family m5 on an m5.large of 0.107; 24 others on nodes of 0.768, 0.192 and 0.164.
        ("room-of-kept-nodes-not-used", "1.231", "1.231"),
    ] {
        assert_eq!(hourly(&case(name).compare().report), [on_demand, spot], "{name}");
    }
}

#[test]
fn without_caps_and_floors_a_proposal_costs_the_least() {
    for (name, on_demand, spot) in [
        // Six small pods fit one c6a.large.
        ("spot-above-on-demand", "0.082", "0.082"),
        ("pv-zones", "0.246", "0.246"),
        ("spark-executors", "0.576", "0.576"),
        ("job-of-minutes", "7.68", "7.68"),
        // All on one node.
        ("whole-cluster-on-one-spot-node", "0.082", "0.0287"),
        ("real-eks-ecommerce by real-eks-prices", "0.0104", "0.00364"),
        // 26 c6a.2xlarge and 3 c6a.large, all in one zone on Spot.
        ("one-pool-three-zones", "8.774", "3.0709"),
        // 30 r6a.4xlarge of 1.016, Spot 0.36576: they have as much memory as the r5.4xlarge of 1.128.
        ("memory-bound", "30.48", "10.9728"),
        // Two c6a.large, one in each of the two zones that there are.
        ("min-domains-3-of-2-zones", "0.164", "0.058261"),
        // Five c6a.large for five hosts.
        ("min-domains-5-hosts", "0.41", "0.1435"),
        ("cordoned", "0.328", "0.1148"),
        ("startup-taints", "0.164", "0.0574"),
        // One m5.2xlarge of 0.428 with hugepages has room for all.
        ("hugepages", "0.428", "0.17976"),
        ("all-pods", "3.62", "1.30156"),
        // One c6a.2xlarge, one c6a.large, and a c7g.large of 0.077 for the one pod of arm64.
        ("pending-pod-architecture", "0.4485", "0.182"),
    ] {
        let case = case(name).choosing(|choices| {
            (choices.caps, choices.floors) = (Caps::NONE, Floors::NONE);
            choices.platform_on_spot = true;
        });
        assert_eq!(hourly(&case.compare().report), [on_demand, spot], "{name}");
    }
}

/// A third of the Spot nodes in each zone, of which b costs 3 % more than a and c 6 %: 3 % of $3.0709.
#[test]
fn shares_of_zones_cost_3_percent_of_the_spot_nodes() {
    let hourly = |caps| {
        let case = Case::read("one-pool-three-zones");
        let case = case.choosing(|choices| (choices.caps, choices.floors) = (caps, Floors::NONE));
        case.compare().report.spot.configuration.hourly.micros()
    };
    let (free, capped) = (hourly(Caps::NONE), hourly(Caps::default()));
    assert!(capped * 1_000 <= free * 1_035, "{capped} against {free}");
}

/// 100 of 300 pods in each zone. Without the constraint all are in the zone with the lowest prices for 75.9 % less; a
/// third of three quarters of the nodes costs 3 % more, and another 6 %.
#[test]
fn spread_over_zones_leaves_the_savings_of_spot() {
    let case = Case::read("zone-spread-300-hard");
    let case = case.choosing(|choices| (choices.caps, choices.floors) = (Caps::NONE, Floors::NONE));
    let percent = saves(&case.compare().report.spot).unwrap();
    assert!(percent.parse::<f64>().unwrap() >= 75.0, "{percent}");
}

/// Two pods each of 3 CPU (its init container), 2 (with its sidecar), 1.25 (with overhead) and 2 (of the pod), and 150m
/// for the DaemonSets of three nodes: 16.95 of 11.76 CPU.
#[test]
fn requests_may_be_more_than_there_is() {
    let report = Case::read("requests").compare().report;
    assert_eq!(report.today.cpu_percent, Some(144));
    assert!(report.on_demand.as_today);
}

#[test]
fn a_budget_that_the_file_has_keeps_on_demand() {
    let reasons = |name| {
        let report = Case::read(name).compare().report;
        let web = report.workloads.into_iter().find(|workload| workload.name == "web").unwrap();
        let codes: BTreeMap<_, _> =
            web.reasons.into_iter().map(|reason| (reason.code, reason.text)).collect();
        (web.verdict, codes)
    };
    let (verdict, reasons_of) = reasons("kubectl-with-pdb");
    assert_eq!(verdict, Verdict::OnDemand);
    assert_eq!(reasons_of["budget"], "PodDisruptionBudget web never allows an eviction");
    assert!(!reasons("kubectl-nodes-pods-only").1.contains_key("budget"), "it is not in the file");
}

#[test]
fn nodes_of_an_unknown_market_are_named() {
    let report = Case::read("lifecycle-unknown-spot-as-od").compare().report;
    let named = "3 nodes do not say whether they are On-Demand or Spot";
    assert!(report.missing.iter().any(|missing| missing.what.starts_with(named)), "{:?}", report.missing);
    // Three m5.xlarge.
    assert_eq!(report.today.hourly_on_demand.to_string(), "0.642");
}
