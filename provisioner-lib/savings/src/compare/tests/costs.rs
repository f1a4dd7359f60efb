//! The cost of workloads and namespaces.

use super::*;
use crate::{money::Money, report::Cost};

fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn a_pod_costs_its_largest_share_of_its_node() {
    let report = compared(cluster(), Some(prices()));
    // 1,500 of 7,910 thousandths of a CPU are more than 2 of 29 GiB: 0.428 × 1500/7910 = 0.081163 each.
    assert_eq!(report.workloads[0].cost.monthly_today, Some(dollars("118.49798")));
    assert_eq!(report.unrequested.monthly_today, Some(dollars("506.38202")));
    // 1,500 of 1,930 on a Spot node of $0.04: 0.031088 each.
    assert_eq!(report.workloads[0].cost.monthly_proposed, Some(dollars("45.38848")));
    assert_eq!(report.namespaces.len(), 1);
    assert_eq!(report.namespaces[0].cost, report.workloads[0].cost);
}

#[test]
fn a_gpu_counts_as_the_whole_node() {
    let mut cluster = cluster();
    for part in ["capacity", "allocatable"] {
        cluster["nodes"][0]["status"][part]["nvidia.com/gpu"] = "1".into();
    }
    let requests = json!({ "cpu": "100m", "memory": "1Gi", "nvidia.com/gpu": "1" });
    cluster["pods"] = json!([pod("web-1", Some("a"), &requests)]);
    let report = compared(cluster, Some(prices()));
    assert_eq!(report.workloads[0].cost.monthly_today, Some(dollars("312.44")));
}

#[test]
fn shares_above_the_whole_node_are_scaled_to_it() {
    let mut cluster = cluster();
    let requests = [json!({ "cpu": "7", "memory": "1Gi" }), json!({ "cpu": "100m", "memory": "28Gi" })];
    cluster["pods"] = json!([pod("web-1", Some("a"), &requests[0]), pod("web-2", Some("a"), &requests[1])]);
    let report = compared(cluster, Some(prices()));
    let (workload, rest) = (&report.workloads[0].cost, &report.unrequested);
    // One micro-dollar for each of 730 hours is lost to rounding.
    assert_eq!(workload.monthly_today, Some(dollars("312.43927")));
    assert_eq!(rest.monthly_today, Some(dollars("312.44073")), "the node without pods");
}

#[test]
fn without_prices_no_workload_has_a_cost() {
    let report = compared(cluster(), None);
    assert_eq!(report.workloads[0].cost, Cost::default());
    assert_eq!(report.unrequested, Cost::default());
}

#[test]
fn pods_that_move_to_a_node_that_stays_cost_their_share() {
    let mut cluster = cluster();
    cluster["nodes"][0]["metadata"]["annotations"] = json!({ "karpenter.sh/do-not-disrupt": "true" });
    let report = compared_without_floors(cluster).report;
    assert_eq!(report.spot.configuration.hourly, dollars("0.428"), "b's pod moves to a");
    assert_eq!(report.workloads[0].cost.monthly_proposed, Some(dollars("118.49798")));
}

#[test]
fn spot_prices_of_the_region_have_extremes_too() {
    let mut prices = prices();
    let spot = json!({ "instanceType": "m5.large", "market": "spot", "hourly": "0.04",
                       "spread": { "lowest": "0.03", "highest": "0.05" } });
    prices["prices"][2] = spot;
    let spread = compared(cluster(), Some(prices)).spot_spread.unwrap();
    assert_eq!((spread.lowest, spread.highest), (dollars("43.80"), dollars("73.00")));
}

#[test]
fn requested_shares_are_of_the_nodes_that_are_compared() {
    let mut cluster = cluster();
    let mut fargate = node("f", "fargate", &json!({ "eks.amazonaws.com/compute-type": "fargate" }));
    fargate["spec"]["providerID"] = "aws:///eu-west-1a/0a/fargate-ip-10-0-0-1".into();
    cluster["nodes"].as_array_mut().unwrap().push(fargate);
    let report = compared(cluster, Some(prices()));
    assert_eq!(report.today.count, 3);
    assert_eq!((report.today.cpu_percent, report.spot.configuration.cpu_percent), (Some(18), Some(77)));
}
