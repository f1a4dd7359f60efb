//! A small cluster, and what may be missing of it.

use serde_json::{Value, from_value, json};

use super::{proposal::percent, *};
use crate::{
    choices::Floors,
    report::{Configuration, Verdict},
};

mod costs;
mod kept;
mod unknown;

const NOW: &str = "2026-11-27T12:00:00Z";

fn node(name: &str, instance_type: &str, more: &Value) -> Value {
    let mut labels = json!({
        "kubernetes.io/arch": "amd64", "node.kubernetes.io/instance-type": instance_type,
        "topology.kubernetes.io/zone": "eu-west-1a", "eks.amazonaws.com/capacityType": "ON_DEMAND",
    });
    for (key, value) in more.as_object().unwrap() {
        labels[key] = value.clone();
    }
    json!({
        "metadata": { "name": name, "labels": labels },
        "spec": { "providerID": format!("aws:///eu-west-1a/i-{name}") },
        "status": {
            "capacity": { "cpu": "8", "memory": "32Gi" },
            "allocatable": { "cpu": "7910m", "memory": "29Gi", "pods": "58", "ephemeral-storage": "70Gi" },
        },
    })
}

fn pod(name: &str, node: Option<&str>, requests: &Value) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "labels": { "pod-template-hash": "7d9f" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9f", "uid": "1", "controller": true }],
        },
        "spec": { "nodeName": node, "containers": [{ "name": "c", "resources": { "requests": requests } }] },
    })
}

fn cluster() -> Value {
    let requests = json!({ "cpu": "1500m", "memory": "2Gi" });
    json!({
        "readAt": "2026-11-27T11:00:00Z", "cluster": "shop",
        "nodes": [node("a", "m5.2xlarge", &json!({})), node("b", "m5.2xlarge", &json!({}))],
        "pods": [pod("web-1", Some("a"), &requests), pod("web-2", Some("b"), &requests)],
    })
}

fn prices() -> Value {
    let kind = |name: &str, vcpus: u32, memory: u64| {
        json!({ "name": name, "vcpus": vcpus, "memoryMib": memory, "architecture": "amd64",
                "networkInterfaces": 4, "addressesPerInterface": 15 })
    };
    json!({
        "readAt": "2026-11-27T11:00:00Z", "spotDays": 7, "region": "eu-west-1",
        "types": [kind("m5.2xlarge", 8, 32_768), kind("m5.large", 2, 8_192)],
        "prices": [
            { "instanceType": "m5.2xlarge", "market": "on-demand", "hourly": "0.428" },
            { "instanceType": "m5.large", "market": "on-demand", "hourly": "0.107" },
            { "instanceType": "m5.large", "market": "spot", "zone": "eu-west-1a", "hourly": "0.04" },
        ],
    })
}

fn compared(cluster: Value, prices: Option<Value>) -> Report {
    let snapshot: Snapshot = from_value(cluster).unwrap();
    let prices: Option<PriceList> = prices.map(|prices| from_value(prices).unwrap());
    compare(&snapshot, prices.as_ref(), &Choices::default(), NOW.parse().unwrap()).report
}

/// A comparison in which one node may be enough.
fn compared_without_floors(cluster: Value) -> Comparison {
    compared_choosing(cluster, &Choices { floors: Floors::NONE, ..Choices::default() })
}

fn compared_choosing(cluster: Value, choices: &Choices) -> Comparison {
    let snapshot: Snapshot = from_value(cluster).unwrap();
    let prices: PriceList = from_value(prices()).unwrap();
    compare(&snapshot, Some(&prices), choices, NOW.parse().unwrap())
}

fn says(report: &Report, words: &str) -> bool {
    report.missing.iter().any(|missing| missing.what.contains(words) || missing.hint.contains(words))
}

#[test]
fn three_configurations_are_compared() {
    let report = compared(cluster(), Some(prices()));
    assert_eq!(
        (report.today.hourly.to_string(), report.today.monthly.to_string()),
        ("0.856".into(), "624.88".into())
    );
    assert_eq!(report.on_demand.configuration.hourly.to_string(), "0.214");
    assert_eq!(report.on_demand.saves.as_ref().unwrap().percent, "75.0");
    assert_eq!(report.spot.configuration.hourly.to_string(), "0.08");
    let saves = report.spot.saves.as_ref().unwrap();
    assert_eq!((saves.monthly.to_string(), saves.percent.as_str()), ("566.48".into(), "90.6"));
    assert_eq!(report.today.cpu_percent, Some(18));
    assert_eq!(report.prices.age_seconds, Some(3_600));
    assert_eq!(report.workloads[0].proposed, [("m5.large spot eu-west-1a".to_owned(), 2)].into());
    assert_eq!((report.missing.as_slice(), report.unplaced.as_slice()), (&[][..], &[][..]));
}

#[test]
fn a_cluster_of_spot_nodes_is_compared_with_what_they_cost() {
    let mut cluster = cluster();
    for node in cluster["nodes"].as_array_mut().unwrap() {
        node["metadata"]["labels"]["eks.amazonaws.com/capacityType"] = "SPOT".into();
        node["metadata"]["labels"]["node.kubernetes.io/instance-type"] = "m5.large".into();
    }
    let report = compared(cluster, Some(prices()));
    assert_eq!(
        (report.today.hourly.to_string(), report.today.hourly_spot.to_string()),
        ("0.08".into(), "0.08".into())
    );
    assert_eq!(report.workloads[0].on_spot_today, 2);
    assert!(report.on_demand.as_today, "On-Demand costs more than Spot");
    assert_eq!(report.on_demand.saves.unwrap().percent, "0.0");
    assert_eq!(report.on_demand.configuration, report.today);
}

#[test]
fn without_prices_there_are_verdicts_but_no_savings() {
    let report = compared(cluster(), None);
    assert!(says(&report, "no prices") && says(&report, "--prices FILE"), "{:?}", report.missing);
    assert_eq!(report.workloads[0].verdict, Verdict::Spot);
    assert_eq!((report.today.unpriced, &report.spot.saves), (2, &None));
    assert_eq!(report.unplaced, [], "no pod is blamed for it");
}

#[test]
fn missing_prices_and_types_name_the_iam_action() {
    let mut no_spot = prices();
    no_spot["prices"].as_array_mut().unwrap().pop();
    let report = compared(cluster(), Some(no_spot));
    assert!(says(&report, "ec2:DescribeSpotPriceHistory"), "{:?}", report.missing);
    assert_eq!(report.spot.configuration.hourly, report.on_demand.configuration.hourly);
    assert_eq!(report.workloads[0].verdict, Verdict::OnDemand);
    assert_eq!(report.workloads[0].reasons[0].code, "no-spot-node");
    let mut no_types = prices();
    no_types["types"] = json!([]);
    let report = compared(cluster(), Some(no_types));
    assert!(says(&report, "ec2:DescribeInstanceTypes"), "{:?}", report.missing);
    assert_eq!(report.today.hourly.to_string(), "0.856", "prices alone tell what today costs");
    assert_eq!(report.spot.saves, None);
}

#[test]
fn a_type_without_a_price_is_missing_and_not_free() {
    let mut cluster = cluster();
    cluster["nodes"][0]["metadata"]["labels"]["node.kubernetes.io/instance-type"] = "x9.huge".into();
    let report = compared(cluster, Some(prices()));
    assert!(
        says(&report, "1 × x9.huge in eu-west-1a: no On-Demand price, and its type is not known"),
        "{:?}",
        report.missing
    );
    assert_eq!((report.today.unpriced, report.today.hourly.to_string()), (1, "0.428".into()));
}

#[test]
fn fargate_and_nodes_on_premises_stay_with_their_pods() {
    let mut cluster = cluster();
    let fargate = json!({ "eks.amazonaws.com/compute-type": "fargate" });
    cluster["nodes"].as_array_mut().unwrap().push(node("f", "x", &fargate));
    let mut hall = node("h", "x", &json!({}));
    hall["spec"]["providerID"] = "metal://rack-7".into();
    cluster["nodes"].as_array_mut().unwrap().push(hall);
    for (name, place) in [("reports-1", "f"), ("press-1", "h")] {
        let mut pod = pod(name, Some(place), &json!({ "cpu": "1", "memory": "1Gi" }));
        pod["metadata"]["ownerReferences"][0]["name"] = name.trim_end_matches("-1").into();
        cluster["pods"].as_array_mut().unwrap().push(pod);
    }
    let report = compared(cluster, Some(prices()));
    assert!(says(&report, "of AWS Fargate") && says(&report, "not of EC2"), "{:?}", report.missing);
    let stays: Vec<_> =
        report.workloads.iter().filter(|w| w.verdict == Verdict::Stays).map(|w| &w.name).collect();
    assert_eq!(stays, ["press", "reports"]);
    assert_eq!(report.spot.configuration.count, 4, "two new ones, and the two that stay");
    assert_eq!(report.today.unpriced, 0, "they are not of EC2");
}

#[test]
fn prices_are_in_the_currency_of_their_partition() {
    for (region, currency) in [("eu-west-1", "USD"), ("cn-north-1", "CNY"), ("eusc-de-east-1", "EUR")] {
        let mut prices = prices();
        prices["region"] = region.into();
        assert_eq!(compared(cluster(), Some(prices.clone())).currency, currency);
        prices["currency"] = "CHF".into();
        assert_eq!(compared(cluster(), Some(prices)).currency, "CHF", "the given one counts");
    }
    assert_eq!(compared(cluster(), None).currency, "USD");
}

#[test]
fn assumptions_name_the_volume_and_pods_of_new_types() {
    let assumes = |cluster: Value, words: &str| {
        let report = compared(cluster, Some(prices()));
        assert!(report.assumptions.iter().any(|line| line.contains(words)), "{:?}", report.assumptions);
    };
    assumes(cluster(), "Root volumes have 20 GiB");
    let mut cluster = cluster();
    for (node, size) in [(0, "100Gi"), (1, "83873772Ki")] {
        cluster["nodes"][node]["status"]["capacity"]["ephemeral-storage"] = size.into();
    }
    assumes(cluster.clone(), "does not run today has 80 GiB, as the smallest");
    assumes(cluster.clone(), "custom networking lowers that, prefix delegation raises it");
    // Two such pods have no room on a volume of 20 GiB.
    for pod in 0..2 {
        let requests = &mut cluster["pods"][pod]["spec"]["containers"][0]["resources"]["requests"];
        *requests = json!({ "cpu": "500m", "memory": "1Gi", "ephemeral-storage": "30Gi" });
    }
    let choices = Choices { floors: Floors::NONE, ..Choices::default() };
    let (snapshot, prices) = (from_value(cluster).unwrap(), from_value(prices()).unwrap());
    let report = compare(&snapshot, Some(&prices), &choices, NOW.parse().unwrap()).report;
    assert_eq!(report.spot.configuration.count, 1, "{:?}", report.unplaced);
}

#[test]
fn windows_nodes_stay_and_have_no_linux_price() {
    let mut cluster = cluster();
    let mut windows = node("w", "m5.large", &json!({ "kubernetes.io/os": "windows" }));
    windows["spec"]["taints"] = json!([{ "key": "os", "value": "windows", "effect": "NoSchedule" }]);
    cluster["nodes"].as_array_mut().unwrap().push(windows);
    for (name, place) in [("iis-1", Some("w")), ("iis-2", None)] {
        let mut pod = pod(name, place, &json!({ "cpu": "1", "memory": "1Gi" }));
        pod["metadata"]["ownerReferences"][0]["name"] = "iis".into();
        pod["spec"]["nodeSelector"] = json!({ "kubernetes.io/os": "windows" });
        cluster["pods"].as_array_mut().unwrap().push(pod);
    }
    let report = compared(cluster, Some(prices()));
    assert!(says(&report, "1 node runs Windows"), "{:?}", report.missing);
    assert!(!says(&report, "no On-Demand price"), "reported once: {:?}", report.missing);
    let costs = |found: &Configuration| (found.hourly.to_string(), found.unpriced, found.count);
    assert_eq!(costs(&report.today), ("0.856".into(), 1, 3));
    // Neither size nor taints of a Windows node are those of an m5.large with Linux.
    assert_eq!(costs(&report.spot.configuration), ("0.08".into(), 1, 3));
    let iis = report.workloads.iter().find(|workload| workload.name == "iis").unwrap();
    assert_eq!((iis.verdict, iis.reasons[0].text.as_str()), (Verdict::Stays, "runs on Windows"));
    assert_eq!(report.unplaced[0].pod, "iis-2", "what waits for Windows has no other place");
}

/// Mistyped requests, capacities and prices end at the greatest amount.
#[test]
fn huge_amounts_saturate() {
    for (case, requests, capacity) in [
        ("9E of each", json!({ "cpu": "9E", "memory": "9E", "ephemeral-storage": "9E" }), "8"),
        ("12E of each", json!({ "cpu": "12E", "memory": "12E", "nvidia.com/gpu": "12E" }), "12E"),
        ("huge nodes", json!({ "cpu": "1", "memory": "9E" }), "18E"),
        ("small pods on huge nodes", json!({ "cpu": "1", "memory": "1Gi" }), "18E"),
    ] {
        let mut cluster = cluster();
        for node in cluster["nodes"].as_array_mut().unwrap() {
            let all = json!({ "cpu": capacity, "memory": capacity, "pods": capacity, "ephemeral-storage": capacity });
            node["status"] = json!({ "capacity": all, "allocatable": all });
            node["metadata"]["labels"]["node.kubernetes.io/instance-type"] = "unknown.type".into();
        }
        let more = (3..9).map(|number| pod(&format!("web-{number}"), Some("a"), &requests));
        cluster["pods"].as_array_mut().unwrap().extend(more);
        cluster["podDisruptionBudgets"] = json!([{
            "metadata": { "name": "all", "namespace": "shop" },
            "spec": { "selector": {}, "minAvailable": "18446744073709551615%" },
        }]);
        let mut prices = prices();
        for found in prices["types"].as_array_mut().unwrap() {
            found["vcpus"] = u32::MAX.into();
            found["memoryMib"] = u64::MAX.into();
            found["networkInterfaces"] = u32::MAX.into();
            found["addressesPerInterface"] = u32::MAX.into();
            found["localDisks"] = u32::MAX.into();
            if requests["nvidia.com/gpu"].is_string() {
                found["devices"] = json!({ "nvidia.com/gpu": u64::MAX });
            }
        }
        for price in prices["prices"].as_array_mut().unwrap() {
            price["hourly"] = "9223372036854".into();
        }
        let report = compared(cluster, Some(prices));
        if requests["memory"] != "1Gi" {
            assert_eq!(report.workloads[0].memory_mib, u64::MAX >> 20, "{case}");
        }
        assert_eq!(report.workloads[0].reasons[0].code, "budget", "{case}");
        if capacity == "18E" {
            assert_eq!(report.today.vcpus, u32::MAX, "{case}");
            assert_eq!(report.on_demand.configuration.vcpus, u32::MAX, "{case}");
            assert_eq!(report.on_demand.configuration.monthly.micros(), i64::MAX, "{case}");
        }
        assert!(crate::render::table::render(&report, 80).contains("Available savings"), "{case}");
        assert!(crate::render::page::render(&report).is_ok() && report.to_json().is_ok(), "{case}");
    }
}

#[test]
fn pending_pods_and_pods_without_requests_are_counted() {
    let mut cluster = cluster();
    cluster["pods"].as_array_mut().unwrap().push(pod("web-3", None, &json!({ "cpu": "1", "memory": "1Gi" })));
    cluster["pods"].as_array_mut().unwrap().push(pod("web-4", Some("a"), &json!({})));
    let report = compared(cluster, Some(prices()));
    assert!(says(&report, "1 pod waits for a node today"), "{:?}", report.missing);
    assert!(says(&report, "1 pod does not request both CPU and memory"), "{:?}", report.missing);
    assert_eq!(report.workloads[0].cautions.last().unwrap().code, "requests");
}

#[test]
fn an_empty_cluster_has_a_report() {
    let report = compared(json!({}), Some(prices()));
    assert!(says(&report, "the cluster has no nodes"), "{:?}", report.missing);
    assert_eq!((report.today.count, report.workloads.len(), &report.spot.saves), (0, 0, &None));
    assert!(crate::render::table::render(&report, 80).contains("nothing can be saved"));
}

#[test]
fn a_pod_without_a_place_keeps_its_node_at_a_cost() {
    let mut cluster = cluster();
    cluster["nodes"][0]["metadata"]["labels"]["node.kubernetes.io/instance-type"] = "m5.2xlarge".into();
    cluster["pods"].as_array_mut().unwrap().push(pod(
        "big-1",
        Some("a"),
        &json!({ "cpu": "9", "memory": "1Gi" }),
    ));
    cluster["pods"].as_array_mut().unwrap().push(pod("big-2", None, &json!({ "cpu": "9", "memory": "1Gi" })));
    let report = compared(cluster, Some(prices()));
    let unplaced: Vec<_> = report
        .unplaced
        .iter()
        .filter(|pod| pod.configuration == Name::OnDemand)
        .map(|pod| (pod.pod.as_str(), pod.keeps_node.as_deref()))
        .collect();
    assert_eq!(unplaced, [("big-1", Some("a")), ("big-2", None)]);
    assert!(report.unplaced[0].reason.contains("CPU"), "{:?}", report.unplaced);
    assert_eq!(report.on_demand.configuration.hourly.to_string(), "0.535", "its node, and a new one");
}

#[test]
fn a_node_of_unknown_market_is_assumed_on_demand() {
    let mut cluster = cluster();
    for node in cluster["nodes"].as_array_mut().unwrap() {
        node["metadata"]["labels"].as_object_mut().unwrap().remove("eks.amazonaws.com/capacityType");
    }
    cluster["lifecycles"] = json!({ "i-a": "spot" });
    let report = compared(cluster, Some(prices()));
    assert!(
        says(&report, "1 node does not say") && says(&report, "ec2:DescribeInstances"),
        "{:?}",
        report.missing
    );
}

#[test]
fn percent_is_rounded_down() {
    for (part, whole, text) in [
        (1, 3, "33.3"),
        (2, 3, "66.6"),
        (0, 5, "0.0"),
        (-1, 3, "-33.4"),
        (-1, 10_000, "-0.1"),
        (5, 5, "100.0"),
    ] {
        assert_eq!(percent(part, whole), text);
    }
}
