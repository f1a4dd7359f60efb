//! What a proposal keeps to: shares of pools and zones, floors, and a price that is never above On-Demand.

use std::collections::{BTreeMap, BTreeSet};

use cast_spot_savings::{
    catalog::Market,
    choices::{Caps, Floors},
    compare::{Comparison, compare_rehearsed},
    report::{Report, Risk, Verdict},
};

use super::{Case, saves};

/// Pods of each workload on Spot nodes by `place`, as percent of its pods on Spot.
fn greatest_share(
    comparison: &Comparison,
    place: impl Fn(&cast_spot_savings::machines::Machine) -> String,
) -> usize {
    let mut greatest = 0;
    for judged in comparison.judged.iter().filter(|judged| judged.market == Some(Market::Spot)) {
        let mut by_place: BTreeMap<String, usize> = BTreeMap::new();
        for node in comparison.nodes.iter().filter(|node| node.is_spot()) {
            let here = node.pods.iter().filter(|pod| judged.owned.pods.contains(pod)).count();
            *by_place.entry(place(&node.machine)).or_default() += here;
        }
        let all: usize = by_place.values().sum();
        greatest = by_place.values().map(|here| here * 100 / all.max(1)).max().unwrap_or(0).max(greatest);
    }
    greatest
}

fn pool(machine: &cast_spot_savings::machines::Machine) -> String {
    format!("{:?} {:?}", machine.instance_type, machine.zone)
}

fn zone(machine: &cast_spot_savings::machines::Machine) -> String {
    format!("{:?}", machine.zone)
}

#[test]
fn no_pool_and_no_zone_has_most_of_a_workload() {
    for (case, in_zone) in [("one-pool-three-zones", 40), ("one-pool", 100)] {
        let comparison = Case::read(case).compare();
        // 34 % of 20 pods are 6, and three pools of 6 are too few: 7.
        assert!(greatest_share(&comparison, pool) <= 35, "{case}: {:?}", comparison.report.workloads);
        assert!(greatest_share(&comparison, zone) <= in_zone, "{case}");
    }
}

#[test]
fn a_pool_has_one_of_three_replicas_on_spot() {
    let comparison = Case::read("../../../examples/shop").compare();
    let search = comparison.judged.iter().find(|judged| judged.owned.name == "search").unwrap();
    let spot = comparison.nodes.iter().filter(|node| node.is_spot());
    let pools = spot.filter(|node| search.owned.pods.iter().any(|pod| node.pods.contains(pod)));
    let pools: BTreeSet<String> = pools.map(|node| pool(&node.machine)).collect();
    assert_eq!((search.owned.pods.len(), pools.len()), (3, 3), "{pools:?}");
}

#[test]
fn all_zones_and_two_nodes_of_today_are_kept() {
    for (case, zones) in
        [("whole-cluster-on-one-spot-node", 3), ("real-eks-ecommerce", 2), ("one-pool-three-zones", 3)]
    {
        let case_of = Case::read(case);
        let case_of =
            if case == "real-eks-ecommerce" { case_of.priced_by("real-eks-prices") } else { case_of };
        let report = case_of.compare().report;
        for proposal in [&report.on_demand, &report.spot] {
            let found: BTreeSet<_> = proposal.configuration.nodes.iter().map(|nodes| &nodes.zone).collect();
            assert_eq!(found.len(), zones, "{case}: {:?}", proposal.configuration.nodes);
            assert!(proposal.configuration.count >= 2, "{case}");
        }
        let on_demand =
            report.spot.configuration.nodes.iter().filter(|nodes| nodes.market == Some(Market::OnDemand));
        assert!(on_demand.count() > 0, "{case}: {:?}", report.spot.configuration.nodes);
    }
}

#[test]
fn the_smallest_workload_keeps_an_on_demand_node() {
    let report = Case::read("one-pool-three-zones").compare().report;
    let kept = report
        .workloads
        .iter()
        .filter(|workload| workload.reasons.iter().any(|reason| reason.code == "on-demand-floor"));
    assert_eq!(kept.count(), 1);
}

#[test]
fn spot_never_costs_more_than_on_demand() {
    let costs = |report: &Report| (report.spot.configuration.hourly, report.on_demand.configuration.hourly);
    for case in
        ["spot-above-on-demand", "pv-zones", "spark-executors", "job-of-minutes", "all-pods", "requests"]
    {
        let (spot, on_demand) = costs(&Case::read(case).compare().report);
        assert!(spot <= on_demand, "{case}: {spot} against {on_demand}");
    }
    // Two workloads of three small pods: one On-Demand node is enough for both.
    let small = Case::read("spot-above-on-demand");
    let small = small.choosing(|choices| (choices.caps, choices.floors) = (Caps::NONE, Floors::NONE));
    let report = small.compare().report;
    assert!(costs(&report).0 <= costs(&report).1);
    assert!(
        report
            .workloads
            .iter()
            .any(|workload| workload.reasons.iter().any(|reason| reason.code == "no-cheaper"))
    );
    // Spot at 110 % of On-Demand.
    let mut case = Case::read("one-pool");
    let list = case.prices.catalog.prices.clone();
    for price in case.prices.catalog.prices.iter_mut().filter(|price| price.market == Market::Spot) {
        let same = |other: &&cast_spot_savings::catalog::Price| {
            other.market == Market::OnDemand && other.instance_type == price.instance_type
        };
        if let Some(on_demand) = list.iter().find(same) {
            price.hourly = cast_spot_savings::money::Money::from_micros(on_demand.hourly.micros() * 11 / 10);
        }
    }
    let report = case.compare().report;
    assert_eq!(costs(&report).0, costs(&report).1);
    assert!(report.workloads.iter().all(|workload| workload.verdict != Verdict::Spot));
}

/// A rehearsal that kills every pod of more than 100 seconds of grace on Spot.
fn kills_slow_pods(case: &Case, comparison: &Comparison) -> BTreeMap<usize, Risk> {
    let slow = |pod: &usize| {
        let spec = case.snapshot.pods[*pod].spec.as_ref();
        spec.and_then(|spec| spec.termination_grace_period_seconds).is_some_and(|seconds| seconds > 100)
    };
    let spot = comparison.judged.iter().enumerate().filter(|(_, judged)| judged.market == Some(Market::Spot));
    let risks = spot.map(|(place, judged)| {
        let pods = judged.owned.pods.len();
        let killed = judged.owned.pods.iter().filter(|pod| slow(pod)).count();
        (place, Risk { pods, killed, ended: pods - killed, ..Risk::default() })
    });
    risks.collect()
}

#[test]
fn what_the_rehearsal_kills_is_not_counted() {
    let now = "2026-11-28T12:00:00Z".parse().unwrap();
    let rehearsed = |case: &Case| {
        let rehearse = |comparison: &Comparison| kills_slow_pods(case, comparison);
        compare_rehearsed(&case.snapshot, Some(&case.prices), &case.choices, now, rehearse).report
    };
    let report = rehearsed(&Case::read("killed-still-spot"));
    let queue = &report.workloads.iter().find(|workload| workload.name == "queue").unwrap();
    assert_eq!(
        (queue.verdict, queue.reasons[0].code),
        (Verdict::OnDemand, "rehearsal"),
        "{:?}",
        queue.reasons
    );
    assert!(queue.reasons[0].text.contains("6 of 6 pods"), "{:?}", queue.reasons);
    assert_eq!(
        report.spot.configuration.hourly, report.on_demand.configuration.hourly,
        "nothing is saved by Spot"
    );
    let accepted = rehearsed(&Case::read("killed-still-spot").choosing(|choices| choices.accept_risk = true));
    assert_eq!(accepted.workloads.iter().filter(|workload| workload.verdict == Verdict::Spot).count(), 1);
    assert_eq!(
        accepted
            .workloads
            .iter()
            .filter_map(|workload| workload.risk.as_ref())
            .map(|risk| risk.killed)
            .sum::<usize>(),
        6
    );
    assert_ne!(saves(&accepted.spot), saves(&report.spot));
}

#[test]
fn soft_constraints_are_kept_where_they_cost_little() {
    let spread = serde_json::json!([{
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": { "app.kubernetes.io/name": "web" } },
    }]);
    let zones = |percent: u32| {
        let mut case = Case::read("whole-cluster-on-one-spot-node").choosing(|choices| {
            (choices.caps, choices.floors, choices.soft_percent) = (Caps::NONE, Floors::NONE, percent);
            choices.platform_on_spot = true;
        });
        for pod in
            case.snapshot.pods.iter_mut().filter(|pod| pod.metadata.namespace.as_deref() == Some("shop"))
        {
            pod.spec.as_mut().unwrap().topology_spread_constraints =
                serde_json::from_value(spread.clone()).unwrap();
        }
        let comparison = case.compare();
        let spot = comparison.nodes.iter().filter(|node| node.is_spot());
        let zones: BTreeSet<_> = spot.map(|node| zone(&node.machine)).collect();
        (
            zones.len(),
            comparison
                .report
                .assumptions
                .iter()
                .any(|line| line.contains("soft spread or anti-affinity is not kept")),
        )
    };
    // One node takes all five pods; three nodes cost three times as much.
    assert_eq!(zones(5), (1, true));
    assert_eq!(zones(250), (3, false));
}

/// The most pods of a workload of one pool, and of all its pods on Spot.
fn most_in_pool(comparison: &Comparison, name: &str) -> (usize, usize) {
    let judged = comparison.judged.iter().find(|judged| judged.owned.name == name).unwrap();
    let mut pools: BTreeMap<String, usize> = BTreeMap::new();
    for node in comparison.nodes.iter().filter(|node| node.is_spot()) {
        let here = node.pods.iter().filter(|pod| judged.owned.pods.contains(pod)).count();
        *pools.entry(pool(&node.machine)).or_default() += here;
    }
    (pools.values().copied().max().unwrap_or(0), pools.values().sum())
}

#[test]
fn a_rollout_is_capped_as_one_workload() {
    // Four ReplicaSets of one pod each.
    let case = Case::read("rollouts-of-one-deployment").priced_by("prices-of-large-types");
    // On a second On-Demand node they would cost nothing.
    let case = case.choosing(|choices| choices.floors.on_demand = Some(1));
    assert_eq!(most_in_pool(&case.compare(), "web"), (2, 4));
}

#[test]
fn constraints_of_other_pods_leave_the_caps_as_they_are() {
    for case in ["free-pods-beside-bound-ones", "anti-affinity-of-twelve-workloads"] {
        let comparison = Case::read(case).priced_by("prices-of-many-pools").compare();
        assert_eq!(most_in_pool(&comparison, "w4"), (2, 6), "{case}");
    }
}

#[test]
fn a_workload_beyond_the_caps_has_a_caution() {
    // Types of one zone alone.
    let report = Case::read("one-pool").compare().report;
    for workload in report.workloads.iter().filter(|workload| workload.verdict == Verdict::Spot) {
        let cautions = workload.cautions.iter().filter(|caution| caution.code == "concentration");
        let texts: Vec<&str> = cautions.map(|caution| caution.text.as_str()).collect();
        let all = workload.pods;
        assert_eq!(texts, [format!("{all} of its {all} pods on Spot are in one zone, more than 40 %")]);
    }
}
