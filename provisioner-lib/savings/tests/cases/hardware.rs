//! Nodes by what they are: accelerators, architectures, local disks, properties of the instance type.

use cast_spot_savings::choices::{Caps, Floors};
use cast_spot_savings::{choices::Architectures, report::Report};
use serde_json::{from_value, json, to_value};

use crate::case::{Case, saves, types};

fn both(report: &Report) -> [Vec<&str>; 2] {
    [types(&report.on_demand), types(&report.spot)]
}

#[test]
fn gpu_work_stays_on_its_accelerator() {
    for (name, prices, accelerator) in [
        ("gpu-model-selected", None, "p4d.24xlarge"),
        ("gpu-model-unselected", None, "p4d.24xlarge"),
        ("gpu-model-swap", Some("prices-with-gpus"), "g5.xlarge"),
        ("gpu-product-label", Some("prices-with-gpus"), "g5.xlarge"),
    ] {
        let case = Case::read(name);
        let case = if let Some(prices) = prices { case.priced_by(prices) } else { case };
        let report = case.compare().report;
        for types in both(&report) {
            let gpus: Vec<_> = types.iter().filter(|name| name.starts_with(['g', 'p'])).collect();
            assert_eq!(gpus, [&accelerator], "{name}: {types:?}");
        }
    }
}

#[test]
fn pods_without_accelerators_stay_off_nodes_for_them() {
    let comparison = Case::read("gpu-model-unselected").compare();
    let web = comparison.report.workloads.iter().find(|workload| workload.name == "web").unwrap();
    assert!(web.proposed.keys().all(|node| !node.starts_with('g')), "{:?}", web.proposed);
}

#[test]
fn a_node_without_its_device_plugin_hides_no_devices() {
    let report = Case::read("gpu-node-without-plugin").compare().report;
    assert_eq!(report.unplaced, []);
    assert_eq!(both(&report), [["g5.xlarge"], ["g5.xlarge"]]);
}

#[test]
fn pods_stay_on_types_with_the_property_that_they_select() {
    let report = Case::read("auto-mode-instance-family").compare().report;
    for types in both(&report) {
        assert!(types.iter().all(|name| name.starts_with("c5.")), "{types:?}");
    }
    let report = Case::read("auto-mode-instance-category").priced_by("prices-with-gpus").compare().report;
    for types in both(&report) {
        assert!(types.iter().all(|name| name.starts_with('m')), "{types:?}");
    }
}

#[test]
fn labels_of_karpenter_follow_from_the_type() {
    let case = Case::read("karpenter-instance-labels").choosing(|choices| {
        (choices.caps, choices.floors) = (Caps::NONE, Floors::NONE);
    });
    let report = case.compare().report;
    assert_eq!(report.unplaced, []);
    assert_eq!(saves(&report.on_demand).as_deref(), Some("78.1"));
    assert_eq!(saves(&report.spot).as_deref(), Some("92.1"));
}

#[test]
fn pods_selected_onto_local_disks_keep_them() {
    let report = Case::read("nfd-or-nvme-label").compare().report;
    assert_eq!(both(&report), [["i3en.xlarge"], ["i3en.xlarge"]]);
}

#[test]
fn resources_that_only_todays_types_have_are_named() {
    for (name, resource) in
        [("pod-eni", "vpc.amazonaws.com/pod-eni"), ("fuse-device", "smarter-devices/fuse")]
    {
        let report = Case::read(name).compare().report;
        assert_eq!(both(&report), [["m5.2xlarge"], ["m5.2xlarge"]], "{name}");
        let says = |line: &String| line.contains(resource) && line.contains("only types that run today");
        assert!(report.assumptions.iter().any(says), "{name}: {:?}", report.assumptions);
    }
}

#[test]
fn pending_pods_have_the_architecture_of_their_workload() {
    let report = Case::read("pending-pod-architecture").compare().report;
    let web = report.workloads.iter().find(|workload| workload.name == "web").unwrap();
    assert_eq!(web.proposed.values().sum::<usize>(), 6);
    assert!(web.proposed.keys().all(|node| !node.contains("g.")), "{:?}", web.proposed);
}

#[test]
fn graviton_is_offered_to_pods_that_name_it() {
    let mut case = Case::read("pending-pod-architecture");
    // Only the node of amd64, with its pods and those that wait.
    case.snapshot.nodes.truncate(1);
    let node = case.snapshot.nodes[0].metadata.name.clone();
    case.snapshot.pods.retain(|pod| {
        let own = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
        own.is_none() || own == node.as_ref()
    });
    let terms = json!([{ "matchExpressions": [{ "key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"] }] }]);
    for pod in &mut case.snapshot.pods {
        let is_web = pod.metadata.name.as_deref().unwrap_or_default().starts_with("web");
        if is_web {
            let mut changed = to_value(&*pod).unwrap();
            changed["spec"]["affinity"] = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } } });
            *pod = from_value(changed).unwrap();
        }
    }
    let is_graviton = |name: &&str| name.split('.').next().is_some_and(|family| family.ends_with('g'));
    let report = case.compare().report;
    assert!(both(&report).iter().all(|types| types.iter().any(is_graviton)), "{:?}", both(&report));
    let says = |line: &String| line.contains("names another architecture");
    assert!(report.assumptions.iter().any(says), "{:?}", report.assumptions);
    let report = case.choosing(|choices| choices.architectures = Architectures::AsToday).compare().report;
    assert!(!both(&report).iter().any(|types| types.iter().any(is_graviton)), "{:?}", both(&report));
}
