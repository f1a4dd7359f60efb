//! Constraints of pods on each other and on nodes that stay.

use std::collections::BTreeMap;

use cast_spot_savings::{choices::Scoring, compare::Comparison, snapshot::Snapshot};
use serde_json::{from_value, json};

use crate::case::{Case, saves};

/// Pods of the workload by zone.
fn by_zone<'c>(found: &'c Comparison, snapshot: &Snapshot, workload: &str) -> BTreeMap<&'c str, usize> {
    let mut zones = BTreeMap::new();
    for node in &found.nodes {
        let is_of_it = |pod: &&usize| {
            let name = snapshot.pods[**pod].metadata.name.as_deref();
            name.is_some_and(|name| name.starts_with(workload))
        };
        let zone = node.machine.zone.as_deref().unwrap_or_default();
        *zones.entry(zone).or_default() += node.pods.iter().filter(is_of_it).count();
    }
    zones.retain(|_, pods| *pods > 0);
    zones
}

/// Without a saving at first. The right value is an explicit packing: 11 c6a.2xlarge and 6 m5a.2xlarge in each zone
/// hold 100 pods of `web` and 34 others for $17.736.
#[test]
fn pods_spread_over_zones_move_zone_by_zone() {
    let case = Case::read("zone-spread-300-hard");
    let found = case.compare();
    let hourly = found.report.on_demand.configuration.hourly.micros();
    assert!(hourly <= 17_736_000, "{hourly}");
    let zones = by_zone(&found, &case.snapshot, "web-");
    assert!(zones.len() == 3 && zones.values().all(|pods| *pods == 100), "{zones:?}");
}

/// 24 pods of 900m beside two m5.4xlarge that stay with 15.6 free cores each: 2 of 8 nodes are left.
#[test]
fn room_on_nodes_that_stay_is_used() {
    let mut case = Case::read("room-of-kept-nodes-not-used");
    for pod in &mut case.snapshot.pods {
        if pod.metadata.name.as_deref().is_some_and(|name| name.starts_with("pin-")) {
            let spec = pod.spec.get_or_insert_default();
            spec.affinity = None;
            spec.resource_claims = from_value(json!([{ "name": "device" }])).unwrap();
        }
    }
    let report = case.compare().report;
    assert_eq!(saves(&report.on_demand).as_deref(), Some("75.0"));
}

#[test]
fn new_nodes_have_the_families_and_sizes_chosen() {
    let case = Case::read("zone-spread-300-hard").choosing(|choices| {
        choices.min_vcpus = Some(16);
        choices.families.without.insert("c6a".to_owned());
    });
    let found = case.compare();
    let new: Vec<_> = found.nodes.iter().filter_map(|node| node.offer.as_ref()).collect();
    assert!(!new.is_empty());
    for offer in new {
        assert!(offer.vcpus >= 16 && !offer.instance_type.starts_with("c6a."), "{}", offer.instance_type);
    }
    let only = Case::read("zone-spread-300-hard").choosing(|choices| {
        choices.families.only.insert("m5".to_owned());
    });
    let mut new = only.compare().nodes.into_iter().filter_map(|node| node.offer);
    assert!(new.all(|offer| offer.instance_type.starts_with("m5.")));
}

#[test]
fn a_scheduler_that_fills_nodes_places_every_pod() {
    let case =
        Case::read("zone-spread-300-hard").choosing(|choices| choices.scoring = Some(Scoring::MostAllocated));
    let found = case.compare();
    let mut as_read = Case::read("zone-spread-300-hard");
    as_read.snapshot.scoring = Some(Scoring::MostAllocated);
    assert_eq!(as_read.compare(), found, "what EKS says");
    as_read.choices.scoring = Some(Scoring::LeastAllocated);
    let chosen = as_read.compare().nodes;
    assert_eq!(chosen, Case::read("zone-spread-300-hard").compare().nodes, "the choice overrides it");
    assert_eq!(found.report.unplaced, []);
    assert!(found.report.on_demand.configuration.hourly.micros() <= 17_736_000);
}

/// minDomains 3 in two zones: at most one pod a zone, and there are two.
#[test]
fn more_domains_than_zones_allow_one_pod_each() {
    let case = Case::read("min-domains-3-of-2-zones");
    let found = case.compare();
    assert_eq!(found.report.unplaced, []);
    let zones = by_zone(&found, &case.snapshot, "web-");
    assert_eq!(zones, [("eu-west-1a", 1), ("eu-west-1b", 1)].into());
}

/// minDomains 5 over host names: five nodes of one pod each.
#[test]
fn min_domains_of_hosts_keep_that_many_nodes() {
    let case = Case::read("min-domains-5-hosts");
    let found = case.compare();
    assert_eq!(found.report.unplaced, []);
    assert_eq!(found.nodes.iter().filter(|node| !node.pods.is_empty()).count(), 5);
}
