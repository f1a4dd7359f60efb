//! The proposal as objects to apply.

use std::{collections::BTreeSet, slice};

use cast_spot_savings::{
    apply::{Manifests, manifests},
    catalog::Market,
    compare::Comparison,
    fit::untolerated,
    money::Money,
    prices::PriceList,
};
use k8s_openapi::api::core::v1::{Taint, Toleration};
use serde_json::{Value, from_value};

use crate::case::Case;

const CASES: [&str; 5] =
    ["all-pods", "one-pool-three-zones", "job-of-minutes", "pv-zones", "spark-executors"];

fn applied(case: &Case) -> (Comparison, Manifests) {
    let comparison = case.compare();
    let found = manifests(&comparison, &case.snapshot, &case.prices).unwrap();
    (comparison, found)
}

#[test]
fn a_proposal_is_one_file_for_kubectl() {
    let (_, found) = applied(&Case::read("all-pods"));
    insta::assert_snapshot!(found.to_yaml().unwrap());
}

#[test]
fn all_steps_together_save_what_the_report_says() {
    for name in CASES {
        let (comparison, found) = applied(&Case::read(name));
        let sum = found.steps.iter().fold(Money::ZERO, |sum, step| sum + step.hourly);
        assert_eq!(sum, comparison.report.spot.saves.unwrap().hourly, "{name}");
    }
}

#[test]
fn limits_of_a_pool_are_within_what_numbers_hold() {
    let mut case = Case::read("all-pods");
    case.prices.catalog.types.iter_mut().for_each(|found| found.memory_mib = u64::MAX);
    let (_, found) = applied(&case);
    assert_eq!(found.pools[0].0["spec"]["limits"]["memory"], format!("{}Mi", u64::MAX));
}

#[test]
fn pools_have_the_types_zones_and_market_of_each_proposed_node() {
    for name in CASES {
        let (comparison, found) = applied(&Case::read(name));
        let names: BTreeSet<_> =
            found.pools.iter().map(|(pool, _)| pool["metadata"]["name"].as_str()).collect();
        assert_eq!(names.len(), found.pools.len(), "{name}");
        for offer in comparison.nodes.iter().filter_map(|node| node.offer.as_ref()) {
            let market = if offer.market == Market::Spot { "spot" } else { "on-demand" };
            let (family, size) = offer.instance_type.split_once('.').unwrap();
            let allows = |key: &str, value: &str| {
                found.pools.iter().any(|(pool, _)| {
                    let requirements = pool["spec"]["template"]["spec"]["requirements"].as_array().unwrap();
                    let has = |key: &str, value: &str| {
                        let is_one =
                            |found: &Value| found["values"].as_array().unwrap().contains(&value.into());
                        requirements.iter().all(|found| found["key"] != key || is_one(found))
                    };
                    has(key, value)
                        && has("topology.kubernetes.io/zone", &offer.zone)
                        && has("karpenter.sh/capacity-type", market)
                })
            };
            assert!(allows("node.kubernetes.io/instance-type", &offer.instance_type), "{name}: {offer:?}");
            assert!(allows("karpenter.k8s.aws/instance-family", family), "{name}: {offer:?}");
            assert!(allows("karpenter.k8s.aws/instance-size", size), "{name}: {offer:?}");
        }
    }
}

#[test]
fn what_is_on_spot_tolerates_its_nodes_once_patched() {
    for name in CASES {
        let (comparison, found) = applied(&Case::read(name));
        let taints = found.pools.iter().map(|(pool, _)| pool["spec"]["template"]["spec"]["taints"].clone());
        let mut taints =
            taints.flat_map(|taints| from_value::<Option<Vec<Taint>>>(taints).unwrap().unwrap_or_default());
        let taint = taints.find(|taint| taint.key == "karpenter.sh/capacity-type");
        for judged in comparison.judged.iter().filter(|judged| judged.market == Some(Market::Spot)) {
            let taint = taint.as_ref().unwrap();
            let patch = found.patches.iter().find(|patch| patch.name == judged.owned.name).unwrap();
            let tolerations = patch.body["spec"]["template"]["spec"]["tolerations"].clone();
            let tolerations: Vec<Toleration> = from_value(tolerations).unwrap();
            assert!(untolerated(&tolerations, slice::from_ref(taint)).is_none(), "{name}: {patch:?}");
        }
    }
}

#[test]
fn nodes_of_jobs_go_only_when_they_are_empty() {
    let mut case = Case::read("job-of-minutes");
    // The nodes of the Job have room for all others, which therefore would stay On-Demand.
    for pod in &mut case.snapshot.pods {
        let is_of =
            |kind: &str| pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == kind);
        if is_of("ReplicaSet") {
            let spot = ("eks.amazonaws.com/capacityType".to_owned(), "SPOT".to_owned());
            pod.spec.as_mut().unwrap().node_selector = Some([spot].into());
        }
    }
    let (_, found) = applied(&case);
    let policy = |market: &str| {
        let mut pools = found.pools.iter().map(|(pool, _)| pool);
        let pool = pools.find(|pool| pool["metadata"]["name"].as_str().unwrap().ends_with(market)).unwrap();
        pool["spec"]["disruption"]["consolidationPolicy"].clone()
    };
    assert_eq!([policy("on-demand"), policy("spot")], ["WhenEmpty", "WhenEmptyOrUnderutilized"]);
}

#[test]
fn without_a_proposal_nothing_is_applied() {
    let case = Case { prices: PriceList::default(), ..Case::read("all-pods") };
    let comparison = case.compare();
    let refused = manifests(&comparison, &case.snapshot, &case.prices).unwrap_err();
    assert!(refused.to_string().starts_with("there is nothing to apply: "), "{refused}");
}
