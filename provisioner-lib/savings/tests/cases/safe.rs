//! What is safe to follow: who may run on Spot, and which nodes stay.

use cast_spot_savings::{
    choices::{Caps, Floors},
    money::Money,
    render::{page, table},
    report::{Report, Verdict, Workload},
};

use super::{Case, saves};

fn workload<'r>(report: &'r Report, name: &str) -> &'r Workload {
    report
        .workloads
        .iter()
        .find(|workload| workload.name == name)
        .unwrap_or_else(|| panic!("no workload {name}"))
}

/// The case with neither caps nor floors.
fn unlimited(name: &str) -> Case {
    Case::read(name).choosing(|choices| (choices.caps, choices.floors) = (Caps::NONE, Floors::NONE))
}

fn has(reasons: &[cast_spot_savings::verdict::Reason], code: &str, words: &str) -> bool {
    reasons.iter().any(|reason| reason.code == code && reason.text.contains(words))
}

#[test]
fn a_budget_counts_all_workloads_that_it_covers() {
    for (case, names) in [
        ("pdb-over-two-workloads", ["web-blue", "web-green"]),
        ("pdb-over-two-deployments", ["edge-stable", "edge-canary"]),
    ] {
        let report = unlimited(case).compare().report;
        for name in names {
            let found = workload(&report, name);
            assert_eq!(found.verdict, Verdict::Spot, "{case}, {name}: {:?}", found.reasons);
        }
    }
    // Three m5.xlarge at $0.642 an hour; four pods on one c6a.xlarge of $0.0574.
    assert_eq!(saves(&unlimited("pdb-over-two-workloads").compare().report.spot).as_deref(), Some("91.0"));
}

#[test]
fn platform_pods_stay_on_demand_by_default() {
    let report = Case::read("system-critical-to-spot").compare().report;
    for name in ["coredns", "karpenter", "aws-load-balancer-controller", "ebs-csi-controller"] {
        let found = workload(&report, name);
        assert_eq!(found.verdict, Verdict::OnDemand, "{name}");
        assert!(has(&found.reasons, "platform", "system-cluster-critical"), "{:?}", found.reasons);
    }
    assert_eq!(workload(&report, "web").verdict, Verdict::Spot);
    let allowed = Case::read("system-critical-to-spot").choosing(|choices| choices.platform_on_spot = true);
    assert!(!has(&workload(&allowed.compare().report, "coredns").reasons, "platform", ""));
    let by_namespace = Case::read("whole-cluster-on-one-spot-node").compare().report;
    assert!(has(&workload(&by_namespace, "coredns").reasons, "platform", "kube-system"));
}

#[test]
fn workloads_on_spot_today_may_stay_there() {
    // Twenty pods of 300m and 1 GiB on three m5.xlarge Spot nodes; the value is that of the same services with two
    // replicas each, which tolerate Spot without more ado.
    let report = unlimited("all-on-spot-today").compare().report;
    let found = workload(&report, "svc0");
    assert!(has(&found.reasons, "on-spot-today", "runs on Spot"), "{:?}", found.reasons);
    assert!(has(&found.cautions, "replicas", "1 replica"), "{:?}", found.cautions);
    assert_eq!(saves(&report.spot).as_deref(), Some("50.2"));
    let report = Case::read("all-spot-two-replicas").compare().report;
    assert_eq!(workload(&report, "one").verdict, Verdict::Spot);
}

#[test]
fn on_demand_is_shown_where_all_nodes_are_spot_today() {
    for (case, hourly) in
        [(unlimited("all-on-spot-today"), "0.384"), (Case::read("all-on-spot-today"), "0.384")]
    {
        let report = case.compare().report;
        assert!(report.on_demand.as_today, "today's Spot nodes cost less");
        let (_, shown, _) = report.configurations()[1];
        assert_eq!((shown.hourly.to_string().as_str(), shown.hourly_spot), (hourly, Money::ZERO));
        let table = table::render(&report, 200);
        assert!(table.contains("costs more"), "{table}");
        assert!(page::render(&report).unwrap().contains("costs more than today&#39;s Spot nodes"));
    }
}

#[test]
fn root_volumes_are_counted_of_the_nodes_that_are_shown() {
    // Small types make more On-Demand nodes than the three of today.
    let report =
        unlimited("all-on-spot-today").choosing(|choices| choices.max_vcpus = Some(2)).compare().report;
    let (_, shown, _) = report.configurations()[1];
    assert!(report.on_demand.as_today && shown.count > 3, "{shown:?}");
    let volumes = format!("today 3, On-Demand {},", shown.count);
    assert!(report.left_out.iter().any(|line| line.contains(&volumes)), "{:?}", report.left_out);
}

#[test]
fn a_mark_against_removal_counts_as_a_label() {
    let found = Case::read("removal-disabled-label").compare().report;
    let found = workload(&found, "web");
    assert_eq!(found.verdict, Verdict::OnDemand);
    assert!(has(&found.reasons, "annotation", "removal-disabled"), "{:?}", found.reasons);
}

#[test]
fn do_not_disrupt_may_be_a_duration() {
    let report = Case::read("do-not-disrupt-duration").compare().report;
    let d = workload(&report, "d");
    assert!(has(&d.cautions, "annotation", "30m after its start"), "{:?}", d.cautions);
    assert!(!has(&workload(&report, "b").cautions, "annotation", ""), "false is no duration");
    assert!(has(&workload(&report, "a").reasons, "annotation", "do-not-disrupt: true"));
}

#[test]
fn protected_nodes_stay_with_their_pods() {
    let comparison = unlimited("node-not-to-be-disrupted").compare();
    let kept: Vec<_> = comparison.nodes.iter().filter(|node| node.offer.is_none()).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].machine.instance_type.as_deref(), kept[0].pods.len()),
        (Some("m5.2xlarge"), 3),
        "it has room for the others"
    );
    let says = |words: &str| comparison.report.assumptions.iter().any(|line| line.contains(words));
    assert!(
        says("stays in every proposal, as it must not be disrupted"),
        "{:?}",
        comparison.report.assumptions
    );
    let removed = Case::read("node-not-to-be-disrupted").choosing(|choices| choices.remove_protected = true);
    assert!(removed.compare().nodes.iter().all(|node| node.offer.is_some()));
}

#[test]
fn control_plane_nodes_stay() {
    let comparison = Case::read("control-plane-nodes").compare();
    for proposal in [&comparison.report.on_demand, &comparison.report.spot] {
        let kept = proposal.configuration.nodes.iter().filter(|nodes| nodes.instance_type == "m5.xlarge");
        assert!(kept.map(|nodes| nodes.count).sum::<usize>() >= 3, "{:?}", proposal.configuration.nodes);
    }
}

#[test]
fn a_capacity_block_stays_and_has_no_hourly_price() {
    let mut case = Case::read("node-not-to-be-disrupted");
    case.snapshot.nodes[0].metadata.annotations = None;
    let labels = case.snapshot.nodes[0].metadata.labels.as_mut().unwrap();
    labels.insert("eks.amazonaws.com/capacityType".to_owned(), "CAPACITY_BLOCK".to_owned());
    let report = case.compare().report;
    assert_eq!((report.today.unpriced, report.spot.configuration.unpriced), (1, 1));
    assert!(
        report.assumptions.iter().any(|line| line.contains("CAPACITY_BLOCK")),
        "{:?}",
        report.assumptions
    );
}

#[test]
fn headroom_and_surplus_pods_are_named() {
    let headroom = Case::read("overprovisioning").compare().report;
    let found = workload(&headroom, "overprovisioning");
    assert!(has(&found.cautions, "headroom", "only holds room"), "{:?}", found.cautions);
    assert!(!has(&found.reasons, "platform", ""), "{:?}", found.reasons);
    let rollout = Case::read("rollout-under-way").compare().report;
    assert!(has(&workload(&rollout, "web").cautions, "surplus", "8 pods for 4 replicas"));
}

#[test]
fn one_burstable_node_does_not_bring_burstable_types() {
    let report = Case::read("one-burstable-node").compare().report;
    for proposal in [&report.on_demand, &report.spot] {
        let burstable =
            proposal.configuration.nodes.iter().filter(|nodes| nodes.instance_type.starts_with('t'));
        assert_eq!(burstable.count(), 0, "{:?}", proposal.configuration.nodes);
    }
}
