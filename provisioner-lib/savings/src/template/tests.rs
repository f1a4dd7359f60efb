use serde_json::{Value, from_value, json};

use super::*;
use crate::{catalog::tests::m5_large, snapshot::Snapshot};

/// A node of a type, with labels and the key of a taint.
fn node(instance_type: &str, labels: &Value, taint: Option<&str>) -> Value {
    let mut all = json!({ "node.kubernetes.io/instance-type": instance_type, "kubernetes.io/arch": "amd64" });
    for (key, value) in labels.as_object().unwrap() {
        all[key] = value.clone();
    }
    let taints: Vec<_> = taint.map(|key| json!({ "key": key, "effect": "NoSchedule" })).into_iter().collect();
    json!({ "metadata": { "labels": all }, "spec": { "taints": taints } })
}

fn named(name: &str) -> InstanceType {
    InstanceType { name: name.to_owned(), ..m5_large() }
}

/// A type without and one with local disks, and two with different accelerators.
fn types() -> [InstanceType; 4] {
    let gpu = |name| InstanceType { devices: [("nvidia.com/gpu".to_owned(), 1)].into(), ..named(name) };
    [
        named("m5.large"),
        InstanceType { local_disks: 1, ..named("i3en.large") },
        gpu("g4dn.xlarge"),
        gpu("g5.xlarge"),
    ]
}

/// The templates of nodes if a pod selects by `keys`.
fn of(nodes: &[Value], keys: &[&str]) -> Vec<Template> {
    let selector = keys.iter().map(|key| ((*key).to_owned(), "x".to_owned())).collect();
    let pod = crate::demand::Pod { node_selector: selector, ..Default::default() };
    let demand = Demand { pods: vec![pod], ..Demand::default() };
    let read_at = "2026-11-27T12:00:00Z".parse().ok();
    let snapshot: Snapshot = from_value(json!({ "nodes": nodes, "readAt": "2026-11-27T12:00:00Z" })).unwrap();
    let catalog = Catalog { types: types().to_vec(), ..Catalog::default() };
    let markets = MarketLabels::of(&snapshot);
    let context = Context { demand: &demand, catalog: &catalog, markets: &markets, read_at };
    templates(&snapshot.nodes, context)
}

/// Names of the types that a template admits On-Demand.
fn admitted(template: &Template) -> Vec<String> {
    let admitted = types().into_iter().filter(|found| template.admits(found, Market::OnDemand));
    admitted.map(|found| found.name).collect()
}

#[test]
fn only_selected_labels_of_the_group_and_lasting_taints_count() {
    let nodes = [
        node("m5.large", &json!({ "pool": "a", "made-by": "1" }), Some("node.kubernetes.io/unschedulable")),
        node("m5.large", &json!({ "pool": "a", "made-by": "2" }), Some("cast-spot/interruption")),
        node("m5.large", &json!({ "pool": "a" }), Some("efs.csi.aws.com/agent-not-ready")),
        node("m5.large", &json!({ "pool": "a" }), Some("aws-node-termination-handler/spot-itn")),
        node("m5.large", &json!({ "pool": "a" }), Some("karpenter.sh/disruption")),
        node("m5.large", &json!({ "pool": "b", "karpenter.k8s.aws/instance-family": "m5" }), Some("gpu")),
    ];
    let found = of(&nodes, &["pool", "kubernetes.io/arch", "karpenter.k8s.aws/instance-family"]);
    let pools: Vec<_> =
        found.iter().map(|found| (found.labels["pool"].as_str(), found.taints.len())).collect();
    assert_eq!(pools, [("a", 0), ("b", 1)]);
    assert!(found.iter().all(|found| found.labels.len() == 1), "{found:?}");
    assert_eq!(of(&[], &[]), [Template::default()]);
}

#[test]
fn taints_of_a_node_that_starts_or_is_not_ready_may_go() {
    let settled = node("m5.large", &json!({ "pool": "a" }), Some("gpu"));
    let mut young = node("m5.large", &json!({ "pool": "a" }), Some("example.com/starting"));
    young["metadata"]["creationTimestamp"] = "2026-11-27T11:59:00Z".into();
    let mut unready = node("m5.large", &json!({ "pool": "a" }), Some("example.com/broken"));
    unready["status"]["conditions"] = json!([{ "type": "Ready", "status": "Unknown" }]);
    let keys =
        |found: Vec<Template>| found.into_iter().map(|found| found.taints[0].key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(of(&[young.clone(), settled, unready], &["pool"])), ["gpu"]);
    assert_eq!(keys(of(&[young], &["pool"])), ["example.com/starting"], "no other node tells");
}

#[test]
fn a_group_keeps_its_accelerator() {
    let gpu = node("g5.xlarge", &json!({ "pool": "gpu" }), Some("nvidia.com/gpu"));
    let plain = node("m5.large", &json!({ "pool": "web" }), None);
    let found = of(&[gpu.clone(), plain], &[]);
    assert_eq!(admitted(&found[0]), ["g4dn.xlarge", "g5.xlarge"], "no node has a T4 today");
    assert_eq!(admitted(&found[1]), ["m5.large", "i3en.large", "g4dn.xlarge"]);
    let found = of(&[gpu], &[]);
    assert_eq!(
        admitted(&found[1]),
        ["m5.large", "i3en.large", "g4dn.xlarge"],
        "for pods without accelerators"
    );
    let found = of(&[node("g5.xlarge", &json!({}), None)], &[]);
    assert_eq!(admitted(&found[0]).len(), 4, "nothing keeps other pods off its nodes");
}

#[test]
fn a_selected_group_keeps_its_local_disks() {
    let nodes = [node("i3en.large", &json!({ "storage": "nvme" }), None)];
    assert_eq!(admitted(&of(&nodes, &["storage"])[0]), ["i3en.large"]);
    assert!(admitted(&of(&nodes, &[])[0]).contains(&"m5.large".to_owned()), "no pod selects it");
}

#[test]
fn a_selected_managed_group_keeps_its_types_and_market() {
    let nodes = [node(
        "m5.large",
        &json!({ "eks.amazonaws.com/nodegroup": "general", "eks.amazonaws.com/capacityType": "ON_DEMAND" }),
        None,
    )];
    let [general, new] = &of(&nodes, &["eks.amazonaws.com/nodegroup"])[..] else { panic!() };
    assert_eq!(
        (admitted(general).as_slice(), general.market),
        (&["m5.large".to_owned()][..], Some(Market::OnDemand))
    );
    assert_eq!((admitted(new).len(), new.market, new.labels.len()), (4, None, 0), "for other pods");
}

#[test]
fn a_label_of_one_market_is_offered_in_it_alone() {
    let labels = |market: &str, pool: &str| json!({ "karpenter.sh/capacity-type": market, "pool": pool });
    let nodes =
        [node("m5.large", &labels("spot", "a"), None), node("m5.large", &labels("on-demand", "b"), None)];
    let markets: Vec<_> = of(&nodes, &["pool"]).into_iter().map(|found| found.market).collect();
    assert_eq!(markets, [Some(Market::Spot), Some(Market::OnDemand)]);
}
