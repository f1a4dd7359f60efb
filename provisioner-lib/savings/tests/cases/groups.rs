//! Node groups: their markets, zones and taints.

use cast_spot_savings::{catalog::Market, choices::Floors, report::Verdict};

use crate::case::{Case, nodes, saves, types};

#[test]
fn nodes_of_each_market_take_their_part_of_a_spread_over_it() {
    let report = Case::read("karpenter-ratio-split").priced_by("prices-with-gpus").compare().report;
    let count = |market| {
        let nodes = report.spot.configuration.nodes.iter().filter(|node| node.market == Some(market));
        nodes.map(|node| node.count).sum::<usize>()
    };
    assert_eq!((count(Market::OnDemand), count(Market::Spot)), (1, 4), "{:?}", nodes(&report.spot));
}

#[test]
fn a_lifecycle_label_means_the_market() {
    let report = Case::read("lifecycle-label").priced_by("prices-with-gpus").compare().report;
    assert!(!report.missing.iter().any(|missing| missing.what.contains("whether it is On-Demand")));
    // An m6i.large On-Demand and one of Spot, in place of two On-Demand.
    assert!(report.today.hourly_spot.micros() > 0);
    for (name, verdict) in [("web", Verdict::OnDemand), ("cheap", Verdict::Spot)] {
        let found = report.workloads.iter().find(|workload| workload.name == name).unwrap();
        assert_eq!((found.verdict, found.reasons[0].code), (verdict, "affinity"), "{name}");
        assert!(found.reasons[0].text.contains("lifecycle"), "{:?}", found.reasons);
    }
    assert_eq!(report.unplaced, []);
}

#[test]
fn a_local_zone_has_no_price_of_the_region() {
    let report = Case::read("local-zone").priced_by("prices-with-gpus").compare().report;
    assert_eq!(report.today.unpriced, 1);
    let names = |what: &str| what.contains("m6i.large in eu-west-1-lax-1a: no On-Demand price");
    assert!(report.missing.iter().any(|missing| names(&missing.what)), "{:?}", report.missing);
    for proposal in [&report.on_demand, &report.spot] {
        let local = proposal.configuration.nodes.iter();
        let local = local.filter(|node| node.zone.as_deref() == Some("eu-west-1-lax-1a"));
        let local: Vec<_> = local.map(|node| (node.instance_type.as_str(), node.hourly)).collect();
        assert_eq!(local, [("m6i.large", None)], "it stays");
    }
}

#[test]
fn pods_that_select_a_zone_id_are_in_its_zone() {
    let report = Case::read("zone-id-selector").priced_by("prices-with-gpus").compare().report;
    for proposal in [&report.on_demand, &report.spot] {
        let zones = proposal.configuration.nodes.iter().map(|node| node.zone.as_deref());
        assert!(zones.clone().all(|zone| zone == Some("eu-west-1b")), "{:?}", nodes(proposal));
        assert!(!proposal.as_today);
    }
}

#[test]
fn pods_spread_over_zone_ids_are_spread_over_zones() {
    let report = Case::read("zone-id-spread").priced_by("prices-with-gpus").compare().report;
    for proposal in [&report.on_demand, &report.spot] {
        let mut zones: Vec<_> =
            proposal.configuration.nodes.iter().filter_map(|node| node.zone.as_deref()).collect();
        zones.sort_unstable();
        assert_eq!(zones, ["eu-west-1a", "eu-west-1b"], "{:?}", nodes(proposal));
    }
}

#[test]
fn start_up_taints_are_not_of_the_node_group() {
    let report = Case::read("startup-taints").compare().report;
    assert_eq!(report.unplaced, []);
    assert_eq!(saves(&report.on_demand).as_deref(), Some("80.8"));
}

#[test]
fn taints_of_a_notice_are_not_of_the_node_group() {
    let case = Case::read("nth-rebalance-taint").priced_by("prices-with-gpus");
    let mut without = Case { snapshot: case.snapshot.clone(), ..Case::read("nth-rebalance-taint") };
    without.prices = case.prices.clone();
    for node in &mut without.snapshot.nodes {
        node.spec.as_mut().unwrap().taints = None;
    }
    let (report, without) = (case.compare().report, without.compare().report);
    assert_eq!(types(&report.spot), types(&without.spot));
    assert_eq!(report.spot.configuration, without.spot.configuration);
    assert_eq!(report.workloads[0].verdict, Verdict::Spot, "{:?}", report.workloads[0].reasons);
    assert!(!report.spot.as_today);
}

/// `w0` selects the managed group `general` of 20 m5.4xlarge On-Demand; the eleven other workloads select nothing.
#[test]
fn a_managed_group_has_fixed_types_and_one_market() {
    let mut case = Case::read("one-pool");
    let group = ("eks.amazonaws.com/nodegroup".to_owned(), "general".to_owned());
    for node in &mut case.snapshot.nodes {
        node.metadata.labels.get_or_insert_default().extend([group.clone()]);
    }
    for pod in &mut case.snapshot.pods {
        if pod.metadata.name.as_deref().is_some_and(|name| name.starts_with("w0-")) {
            pod.spec.get_or_insert_default().node_selector = Some([group.clone()].into());
        }
    }
    for floors in [Floors::default(), Floors::NONE] {
        case.choices.floors = floors;
        let report = case.compare().report;
        let of = |name: &str| report.workloads.iter().find(|workload| workload.name == name).unwrap();
        assert_eq!(of("w0").verdict, Verdict::OnDemand, "{:?}", of("w0"));
        assert_eq!(of("w0").proposed, [("m5.4xlarge on-demand eu-west-1a".to_owned(), 20)].into());
        assert!(of("w0").reasons[0].text.contains("eks.amazonaws.com/nodegroup=general"), "{:?}", of("w0"));
        assert_eq!(of("w1").verdict, Verdict::Spot);
        assert!(of("w1").proposed.keys().all(|node| node.starts_with("c6a.")), "{:?}", of("w1"));
    }
}
