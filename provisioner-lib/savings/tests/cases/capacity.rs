//! Capacity of nodes: DaemonSets as they run, memory and pods of types that do not run.

use cast_spot_savings::{
    choices::{Choices, Floors},
    machines::{machines, observed},
    snapshot::{Snapshot, read_prices},
};
use serde_json::{Value, json};

use crate::case::{Case, saves};

/// Nodes of m5.large with these allocatable resources and volumes, and pods of a StatefulSet: the node and CPU of each.
fn of_one_type(nodes: &[(Value, u32)], pods: &[(usize, &str)], types: &[(&str, &str)]) -> Case {
    let objects = nodes.iter().enumerate().flat_map(|(place, (allocatable, volumes))| {
        let name = format!("n{place}");
        let node = json!({
            "kind": "Node",
            "metadata": { "name": name, "labels": {
                "node.kubernetes.io/instance-type": "m5.large", "topology.kubernetes.io/zone": "eu-west-1a",
                "kubernetes.io/arch": "amd64", "eks.amazonaws.com/capacityType": "ON_DEMAND",
            } },
            "spec": { "providerID": format!("aws:///eu-west-1a/i-{place}") },
            "status": { "allocatable": allocatable },
        });
        let csi = json!({ "kind": "CSINode", "metadata": { "name": name }, "spec": { "drivers": [
            { "name": "ebs.csi.aws.com", "nodeID": name, "allocatable": { "count": volumes } },
        ] } });
        [node, csi]
    });
    let owner = json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u", "controller": true }]);
    let pods = pods.iter().enumerate().map(|(place, (node, cpu))| {
        json!({
            "kind": "Pod",
            "metadata": { "name": format!("db-{place}"), "namespace": "app", "ownerReferences": owner },
            "spec": { "nodeName": format!("n{node}"), "containers": [
                { "name": "c", "resources": { "requests": { "cpu": cpu, "memory": "16Mi" } } },
            ] },
            "status": { "phase": "Running" },
        })
    });
    let of_type = |(name, _): &(&str, &str)| {
        json!({
            "name": name, "vcpus": 2, "memoryMib": 8192, "architecture": "amd64", "networkInterfaces": 3,
            "addressesPerInterface": 10,
        })
    };
    let price = |(name, hourly): &(&str, &str)| json!({ "instanceType": name, "market": "on-demand", "hourly": hourly });
    let prices = json!({
        "schema": "cast-spot.prices/1", "region": "eu-west-1",
        "types": types.iter().map(of_type).collect::<Vec<_>>(),
        "prices": types.iter().map(price).collect::<Vec<_>>(),
    });
    let objects: Vec<Value> = objects.chain(pods).collect();
    Case {
        snapshot: Snapshot::parse(&json!({ "kind": "List", "items": objects }).to_string()).unwrap(),
        prices: read_prices(prices.to_string().as_bytes()).unwrap(),
        choices: Choices::default(),
    }
}

fn sized(cpu: &str, memory: &str, pods: &str) -> Value {
    json!({ "cpu": cpu, "memory": memory, "pods": pods, "ephemeral-storage": "17Gi" })
}

#[test]
fn a_type_has_the_least_of_each_resource_of_its_nodes() {
    let nodes = [
        (
            json!({ "cpu": "1930m", "memory": "6Gi", "pods": "110", "ephemeral-storage": "17Gi", "a.b/c": "4" }),
            25,
        ),
        (
            json!({ "cpu": "1500m", "memory": "7Gi", "pods": "29", "ephemeral-storage": "9Gi", "a.b/c": "2" }),
            10,
        ),
        // Neither its device plugin nor more than its CPU is reported yet.
        (json!({ "cpu": "1930m" }), 25),
    ];
    let case = of_one_type(&nodes, &[], &[("m5.large", "0.1")]);
    let catalog = &case.prices.catalog;
    let seen = &observed(&case.snapshot, &machines(&case.snapshot, catalog), catalog)["m5.large"];
    let (all, gib) = (&seen.allocatable, 1_u64 << 30);
    assert_eq!((all.cpu, all.memory / gib, all.ephemeral_storage / gib), (1_500, 6, 9));
    assert_eq!((all.extended["a.b/c"], seen.max_pods, seen.max_volumes), (2, Some(29), Some(10)));
}

#[test]
fn no_node_is_promised_that_only_the_biggest_of_a_type_is() {
    // The node with the least memory takes 110 pods, and the others 29: 120 pods take five of these, four run.
    let small = || sized("1930m", "7Gi", "29");
    let nodes = [(sized("1930m", "6Gi", "110"), 25), (small(), 25), (small(), 25), (small(), 25)];
    let pods: Vec<_> = (0..120).map(|pod| (pod % 4, "10m")).collect();
    // Of m5a.large five are cheaper: 1 − 5 × 0.05 / 0.4. With prefixes two would do.
    for (types, expected) in
        [(&[("m5.large", "0.1")][..], "0.0"), (&[("m5.large", "0.1"), ("m5a.large", "0.05")], "37.5")]
    {
        let report = of_one_type(&nodes, &pods, types).compare().report;
        assert_eq!(saves(&report.on_demand).as_deref(), Some(expected), "{types:?}");
    }
    // The node with the least memory has most CPU: two pods of 1,900m fit it, and one the others.
    let nodes = [
        (sized("3920m", "6Gi", "29"), 25),
        (sized("2000m", "7Gi", "29"), 25),
        (sized("2000m", "7Gi", "29"), 25),
    ];
    let pods = [(0, "1900m"), (0, "1900m"), (1, "1900m"), (2, "1900m")];
    let report = of_one_type(&nodes, &pods, &[("m5.large", "0.1")]).compare().report;
    assert_eq!(saves(&report.on_demand).as_deref(), Some("0.0"));
}

#[test]
fn daemon_sets_count_as_they_run() {
    // Its pods have 500m and 1536Mi, its template nothing: eight pods of 950m and the agent want 8,250m of 7,910m.
    let report = Case::read("daemonset-of-vpa-or-limitrange").compare().report;
    assert_eq!(
        (report.on_demand.configuration.hourly.to_string(), saves(&report.on_demand).as_deref()),
        ("0.656".to_owned(), Some("23.3"))
    );
}

#[test]
fn memory_of_other_types_is_as_running_nodes_show() {
    // 30 × r6a.4xlarge for 30 × r5.4xlarge: 1 − 0.9072 / 1.128, rounded down, is what one saves.
    let report = Case::read("memory-bound").compare().report;
    let nodes = &report.on_demand.configuration.nodes;
    assert!(nodes.iter().all(|node| node.instance_type.starts_with("r6a.")), "{nodes:?}");
    assert_eq!(
        (report.on_demand.configuration.count, saves(&report.on_demand).as_deref()),
        (30, Some("9.9"))
    );
}

#[test]
fn running_nodes_show_prefix_delegation() {
    let case = Case::read("observed-max-pods").priced_by("prices");
    let mut case = case.choosing(|choices| choices.floors = Floors::NONE);
    let assumes = |line: &String| line.contains("assigns prefixes");
    // One m5.large takes 110 pods, the other 29 by its 27 single addresses: 102 pods take four of those, two run.
    let report = case.compare().report;
    assert!(report.on_demand.as_today && !report.assumptions.iter().any(assumes), "{:?}", report.on_demand);
    // With 110 on each, a c6a.large of 4 GiB takes all, which request 1,150m and 2,064 MiB with their DaemonSets.
    for node in &mut case.snapshot.nodes {
        let allocatable = node.status.as_mut().unwrap().allocatable.as_mut().unwrap();
        allocatable.get_mut("pods").unwrap().0 = "110".to_owned();
    }
    let report = case.choosing(|choices| choices.floors = Floors::NONE).compare().report;
    let nodes = &report.on_demand.configuration.nodes;
    assert_eq!(
        (nodes.len(), nodes[0].count, nodes[0].instance_type.as_str()),
        (1, 1, "c6a.large"),
        "{nodes:?}"
    );
    assert!(report.assumptions.iter().any(assumes));
}
