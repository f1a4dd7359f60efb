//! Today's nodes that stay in a proposal, and proposals that would cost more than today.

use super::*;

fn claiming(name: &str, node: &str) -> Value {
    let mut pod = pod(name, Some(node), &json!({ "cpu": "100m", "memory": "128Mi" }));
    pod["metadata"]["ownerReferences"][0]["name"] = "device".into();
    pod["spec"]["resourceClaims"] = json!([{ "name": "gpu", "resourceClaimName": "gpu" }]);
    pod
}

fn add(cluster: &mut Value, pod: Value) {
    cluster["pods"].as_array_mut().unwrap().push(pod);
}

/// `pod` as one of another Deployment, with labels.
fn of(owner: &str, name: &str, node: &str, spec: &Value) -> Value {
    let mut pod = pod(name, Some(node), &json!({ "cpu": "50m", "memory": "256Mi" }));
    pod["metadata"]["ownerReferences"][0]["name"] = owner.into();
    pod["metadata"]["labels"]["app"] = owner.into();
    for (key, value) in spec.as_object().unwrap() {
        pod["spec"][key] = value.clone();
    }
    pod
}

#[test]
fn unplaceable_pods_on_every_node_keep_all_nodes() {
    let mut cluster = cluster();
    add(&mut cluster, claiming("device-1", "a"));
    add(&mut cluster, claiming("device-2", "b"));
    let report = compared(cluster, Some(prices()));
    for proposal in [&report.on_demand, &report.spot] {
        assert_eq!(proposal.configuration.hourly, report.today.hourly);
        assert_eq!(proposal.configuration.nodes, report.today.nodes);
        assert_eq!(proposal.saves.as_ref().unwrap().percent, "0.0");
    }
    let text = crate::render::table::render(&report, 80);
    assert!(text.contains("nothing cheaper was found"), "{text}");
    assert!(!text.contains("as cheap as it gets"), "{text}");
}

#[test]
fn the_other_pods_of_a_node_that_stays_stay_on_it() {
    let mut cluster = cluster();
    add(&mut cluster, claiming("device-1", "a"));
    let with_floors = compared(cluster.clone(), Some(prices()));
    assert_eq!(with_floors.on_demand.configuration.hourly.to_string(), "0.535", "a second node for 0.107");
    let found = compared_without_floors(cluster);
    assert_eq!(found.report.on_demand.configuration.hourly.to_string(), "0.428", "a has room for web-2");
    assert_eq!(found.report.spot.configuration.hourly.to_string(), "0.428", "a Spot node would be on top");
    let [kept] = &found.nodes[..] else { panic!("{:?}", found.nodes) };
    assert_eq!((kept.offer.is_some(), kept.machine.name.as_str()), (false, "a"));
    assert_eq!(kept.pods, [0, 2, 1], "web-1 and device-1, and web-2 that moves");
    let web = found.report.workloads.iter().find(|found| found.name == "web").unwrap();
    assert_eq!(web.proposed, [("m5.2xlarge on-demand eu-west-1a".to_owned(), 2)].into());
    assert_eq!(web.reasons[0].code, "no-cheaper");
}

#[test]
fn pending_pods_stay_pending_if_today_is_cheaper() {
    let mut cluster = cluster();
    for name in ["web-3", "web-4", "web-5", "web-6", "web-7", "web-8", "web-9", "web-10", "web-11"] {
        add(&mut cluster, pod(name, None, &json!({ "cpu": "1500m", "memory": "2Gi" })));
    }
    let report = compared(cluster, Some(prices()));
    assert!(report.on_demand.as_today);
    assert_eq!(report.on_demand.configuration, report.today);
    let waiting: Vec<_> = report.unplaced.iter().filter(|pod| pod.configuration == Name::OnDemand).collect();
    assert_eq!(waiting.len(), 9);
    assert!(waiting.iter().all(|pod| pod.keeps_node.is_none()), "{waiting:?}");
    assert!(!report.spot.as_today, "with Spot they have room for less");
    assert!(says(&report, "unless it is as today"), "{:?}", report.missing);
}

#[test]
fn unpriced_nodes_of_today_prevent_a_comparison() {
    let mut cluster = cluster();
    for node in cluster["nodes"].as_array_mut().unwrap() {
        node["metadata"]["labels"]["node.kubernetes.io/instance-type"] = "m5.large".into();
        node["metadata"]["labels"]["eks.amazonaws.com/capacityType"] = "SPOT".into();
    }
    cluster["nodes"][0]["metadata"]["labels"]["node.kubernetes.io/instance-type"] = "x9.huge".into();
    let report = compared(cluster, Some(prices()));
    assert!(!report.on_demand.as_today);
    assert_eq!(report.on_demand.saves, None);
    let text = crate::render::table::render(&report, 200);
    assert!(text.contains("not known: 1 node of today has no price"), "{text}");
}

#[test]
fn pods_that_stay_count_in_anti_affinity() {
    let apart = json!({ "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{
        "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "apart" } },
    }]}}});
    let mut cluster = cluster();
    add(&mut cluster, of("apart", "apart-1", "a", &apart));
    add(&mut cluster, of("apart", "apart-2", "b", &apart));
    add(&mut cluster, claiming("device-1", "a"));
    let report = compared(cluster, Some(prices()));
    assert_eq!(report.on_demand.configuration.hourly.to_string(), "0.535", "apart-2 needs another node");
}

#[test]
fn a_cordoned_node_that_stays_takes_no_pods() {
    let mut cluster = cluster();
    cluster["nodes"][0]["spec"]["unschedulable"] = true.into();
    add(&mut cluster, claiming("device-1", "a"));
    let report = compared(cluster, Some(prices()));
    assert_eq!(report.on_demand.configuration.hourly.to_string(), "0.535");
}

#[test]
fn affinity_follows_a_workload_back_to_on_demand() {
    // One pod of `head` is bigger than the Spot type. `tail` has its place beside the other one, until all of `head`
    // stays On-Demand.
    let beside = |app: &str, key: &str| {
        json!({ "affinity": { "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": key, "labelSelector": { "matchLabels": { "app": app } },
        }]}}})
    };
    let mut cluster = cluster();
    for (index, node) in ["a", "b"].into_iter().enumerate() {
        let mut head = of("head", &format!("head-{index}"), node, &json!({}));
        if index == 0 {
            head["spec"]["containers"][0]["resources"]["requests"] = json!({ "cpu": "3", "memory": "1Gi" });
        }
        add(&mut cluster, head);
        let tail = beside("head", "kubernetes.io/hostname");
        add(&mut cluster, of("tail", &format!("tail-{index}"), node, &tail));
    }
    let floors = Floors { on_demand: Some(1), ..Floors::default() };
    let report = compared_choosing(cluster, &Choices { floors, ..Choices::default() }).report;
    assert_eq!(report.unplaced, []);
    let of = |name: &str| report.workloads.iter().find(|found| found.name == name).unwrap();
    for (name, code) in [("head", "no-spot-node"), ("tail", "affinity")] {
        let found = of(name);
        assert_eq!((found.verdict, found.reasons[0].code), (Verdict::OnDemand, code), "{found:?}");
    }
    assert_eq!(of("web").verdict, Verdict::Spot);
}
