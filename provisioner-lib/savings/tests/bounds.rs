//! The cost of packings beside a lower bound that no packing can beat.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

mod fleet;

use std::collections::{BTreeMap, BTreeSet};

use cast_spot_savings::{
    catalog::Market,
    demand::{Demand, Pod},
    fit,
    money::Money,
    offers::Offer,
    pack::{Packing, pack},
};
use fastrand::Rng;
use microlp::{ComparisonOp, OptimizationDirection, Problem};
use serde_json::json;

/// The price of the nodes for an hour.
fn hourly(packing: &Packing, offers: &[Offer]) -> Money {
    packing.nodes.iter().map(|node| offers[node.offer].hourly).sum()
}

/// Room beside the DaemonSets, in cores, GiB and pods.
fn room(demand: &Demand, offer: &Offer) -> [f64; 3] {
    let daemons = fit::daemons_on(&demand.daemons, offer);
    let cpu: u64 = daemons.iter().map(|daemon| daemon.requests.cpu).sum();
    let memory: u64 = daemons.iter().map(|daemon| daemon.requests.memory).sum();
    [
        (offer.allocatable.cpu - cpu) as f64 / 1000.0,
        (offer.allocatable.memory - memory) as f64 / f64::from(1 << 30),
        f64::from(offer.max_pods) - daemons.len() as f64,
    ]
}

/// Pods that the same offers take.
#[derive(Default)]
struct Class {
    /// Cores, GiB and pods.
    sum: [f64; 3],
    /// The least number of nodes: the most replicas that keep each other off a node.
    nodes: f64,
}

/// Dollars for an hour below which no packing can be: nodes and pods may be cut into any pieces, and the pieces of a
/// pod's CPU and memory may be on different nodes, as long as each is on one that its constraints allow. Of a workload
/// that is spread over zones, each zone has an equal part; one whose pods keep each other off a node has as many nodes
/// as replicas.
fn lower_bound(demand: &Demand, offers: &[Offer]) -> f64 {
    let mut classes: BTreeMap<Vec<bool>, Class> = BTreeMap::new();
    let mut admitted: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let mut replicas: BTreeMap<&str, f64> = BTreeMap::new();
    let zones: BTreeSet<&str> = offers.iter().map(|offer| offer.zone.as_str()).collect();
    for pod in &demand.pods {
        let key = format!(
            "{:?}",
            (&pod.node_selector, &pod.pins, &pod.node_affinity, &pod.volume_affinity, &pod.tolerations)
        );
        let allowed = admitted
            .entry(key)
            .or_insert_with(|| offers.iter().map(|offer| fit::admits(pod, offer).is_ok()).collect());
        let parts: Vec<Option<&str>> =
            if pod.spread.is_empty() { vec![None] } else { zones.iter().copied().map(Some).collect() };
        for zone in &parts {
            let is_there = |offer: &Offer| zone.is_none_or(|zone| offer.zone == zone);
            let allowed: Vec<bool> =
                allowed.iter().zip(offers).map(|(allowed, offer)| *allowed && is_there(offer)).collect();
            let Class { sum, nodes } = classes.entry(allowed).or_default();
            let part = 1.0 / parts.len() as f64;
            sum[0] += pod.requests.cpu as f64 / 1000.0 * part;
            sum[1] += pod.requests.memory as f64 / f64::from(1 << 30) * part;
            sum[2] += part;
            if !pod.anti_affinity.is_empty() {
                let replicas = replicas.entry(&pod.labels["app"]).or_default();
                *replicas += 1.0;
                *nodes = nodes.max(*replicas);
            }
        }
    }
    let mut programme = Problem::new(OptimizationDirection::Minimize);
    let rooms: Vec<[f64; 3]> = offers.iter().map(|offer| room(demand, offer)).collect();
    let allows = |offer: usize| classes.keys().map(|allowed| allowed[offer]).collect::<Vec<_>>();
    let allowed: Vec<Vec<bool>> = (0..offers.len()).map(allows).collect();
    // An offer is not needed if a cheaper one admits the same pods and is as big.
    let needed = |one: &usize| {
        !(0..offers.len()).any(|other| {
            let costs_more = (offers[*one].hourly, *one) > (offers[other].hourly, other);
            let lets_in = allowed[*one].iter().zip(&allowed[other]).all(|(one, other)| !one || *other);
            costs_more && lets_in && rooms[*one].iter().zip(&rooms[other]).all(|(one, other)| one <= other)
        })
    };
    let needed: Vec<usize> = (0..offers.len()).filter(needed).collect();
    let nodes: Vec<_> = needed
        .iter()
        .map(|offer| programme.add_var(offers[*offer].hourly.micros() as f64 / 1e6, (0.0, f64::INFINITY)))
        .collect();
    for dimension in 0..3 {
        let mut used = vec![Vec::new(); needed.len()];
        for (allowed, Class { sum, .. }) in &classes {
            let mut shares = Vec::new();
            for (at, _) in needed.iter().enumerate().filter(|(_, offer)| allowed[**offer]) {
                let share = programme.add_var(0.0, (0.0, 1.0));
                shares.push((share, 1.0));
                used[at].push((share, sum[dimension]));
            }
            programme.add_constraint(shares, ComparisonOp::Eq, 1.0);
        }
        for (at, mut used) in used.into_iter().enumerate().filter(|(_, used)| !used.is_empty()) {
            used.push((nodes[at], -rooms[needed[at]][dimension]));
            programme.add_constraint(used, ComparisonOp::Le, 0.0);
        }
    }
    for (allowed, class) in classes.iter().filter(|(_, class)| class.nodes > 0.0) {
        let takes = needed.iter().zip(&nodes).filter(|(offer, _)| allowed[**offer]);
        let takes: Vec<_> = takes.map(|(_, nodes)| (*nodes, 1.0)).collect();
        programme.add_constraint(takes, ComparisonOp::Ge, class.nodes);
    }
    programme.solve().unwrap().into_solution().unwrap().objective()
}

/// Percent.
fn over_the_bound(packing: &Packing, demand: &Demand, offers: &[Offer]) -> f64 {
    assert!(packing.unplaced.is_empty());
    let dollars = hourly(packing, offers).micros() as f64 / 1e6;
    100.0 * (dollars / lower_bound(demand, offers) - 1.0)
}

#[test]
fn large_packings_stay_within_5_percent_of_lp_bound() {
    for (name, demand, offers) in [
        ("plain, to 16 vCPUs", fleet::plain_cluster(3, 2500), fleet::on_demand(190, 3, Some(16))),
        ("plain, to 32 vCPUs", fleet::plain_cluster(4, 5000), fleet::on_demand(190, 3, Some(32))),
        ("in zones", fleet::zoned_cluster(5, 3000), fleet::on_demand(190, 3, Some(16))),
        ("two markets", fleet::two_markets(6, 3000), fleet::both_markets(190, Some(16))),
    ] {
        let packing = pack(&demand, &offers);
        let (over, nodes) = (over_the_bound(&packing, &demand, &offers), packing.nodes.len());
        println!("{name}: {nodes} nodes, {over:.2} % over the bound");
        assert!(nodes >= 100, "{name}: {nodes} nodes");
        assert!((-0.001..=5.0).contains(&over), "{name}: {over:.2} % over the bound");
    }
}

/// `cargo test --release -p cast-spot-savings --test bounds -- --ignored --nocapture`
#[test]
#[ignore = "measures time: for a release build on an idle machine"]
#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn spread_and_anti_affinity_cost_at_most_5_percent() {
    for (name, demand, seconds) in [
        ("1,000 nodes", fleet::on(Market::OnDemand, fleet::ruled_cluster(8, 20_000)), 10.0),
        ("1,000 nodes on Spot", fleet::on(Market::Spot, fleet::ruled_cluster(8, 20_000)), 10.0),
        ("3,000 nodes", fleet::on(Market::OnDemand, fleet::ruled_cluster(9, 50_000)), 60.0),
        ("3,000 nodes on Spot", fleet::on(Market::Spot, fleet::ruled_cluster(9, 50_000)), 60.0),
    ] {
        let offers = fleet::both_markets(600, Some(32));
        let begun = std::time::Instant::now();
        let packing = pack(&demand, &offers);
        let took = begun.elapsed().as_secs_f64();
        let over = over_the_bound(&packing, &demand, &offers);
        let (pods, nodes, work) = (demand.pods.len(), packing.nodes.len(), packing.work);
        println!("{name}: {pods} pods, {nodes} nodes, {over:.2} % over the bound, {took:.1} s, work {work}");
        assert!((-0.5..=5.0).contains(&over), "{name}: {over:.2} % over the bound");
        assert!(took <= seconds, "{name}: {took:.1} s");
    }
}

/// All ways to cover the pods with nodes, by brute force.
fn optimum(pods: &[(u64, u64)], rooms: &[(u64, u64, i64)]) -> i64 {
    fn go(
        pods: &[(u64, u64)],
        open: &mut Vec<(u64, u64)>,
        rooms: &[(u64, u64, i64)],
        cost: i64,
        best: &mut i64,
    ) {
        let Some(((cpu, memory), others)) = pods.split_first() else {
            *best = cost.min(*best);
            return;
        };
        for node in 0..open.len() {
            if open[node].0 >= *cpu && open[node].1 >= *memory {
                open[node] = (open[node].0 - cpu, open[node].1 - memory);
                go(others, open, rooms, cost, best);
                open[node] = (open[node].0 + cpu, open[node].1 + memory);
            }
        }
        for (has_cpu, has_memory, price) in rooms {
            if has_cpu >= cpu && has_memory >= memory && cost + price < *best {
                open.push((has_cpu - cpu, has_memory - memory));
                go(others, open, rooms, cost + price, best);
                open.pop();
            }
        }
    }
    let mut best = i64::MAX;
    go(pods, &mut Vec::new(), rooms, 0, &mut best);
    best
}

#[test]
fn small_packings_are_optimal() {
    let mut rng = Rng::with_seed(11);
    let mut compared = 0;
    for case in 0..40 {
        let mut offers = fleet::on_demand(190, 1, Some(16));
        rng.shuffle(&mut offers);
        offers.truncate(5);
        let count = rng.usize(2..8);
        let mut pods = Vec::new();
        for index in 0..count {
            let cpu = rng.u64(1..16) * 100;
            pods.push(fleet::pod(&format!("p{index}"), cpu, rng.u64(1..24) * 100));
        }
        let demand = Demand::read(&fleet::snapshot(pods));
        // Five drawn offers may all be too small for a pod.
        let takes = |pod: &Pod| {
            let fits =
                |offer: &Offer| fit::fits_empty(pod, offer, &fit::daemons_on(&demand.daemons, offer)).is_ok();
            offers.iter().any(fits)
        };
        if !demand.pods.iter().all(takes) {
            continue;
        }
        let packing = pack(&demand, &offers);
        assert!(packing.unplaced.is_empty(), "case {case}: {:?}", packing.unplaced);
        let placed: usize = packing.nodes.iter().map(|node| node.pods.len()).sum();
        assert_eq!(placed, count, "case {case}");
        compared += 1;
        let asked: Vec<_> = demand.pods.iter().map(|pod| (pod.requests.cpu, pod.requests.memory)).collect();
        let rooms: Vec<_> = offers
            .iter()
            .map(|offer| {
                let daemons = fit::daemons_on(&demand.daemons, offer);
                let cpu: u64 = daemons.iter().map(|daemon| daemon.requests.cpu).sum();
                let memory: u64 = daemons.iter().map(|daemon| daemon.requests.memory).sum();
                let has = (&offer.allocatable.cpu, &offer.allocatable.memory);
                (has.0.saturating_sub(cpu), has.1.saturating_sub(memory), offer.hourly.micros())
            })
            .collect();
        assert_eq!(hourly(&packing, &offers).micros(), optimum(&asked, &rooms), "case {case}");
    }
    assert!(compared >= 30, "only {compared} of 40 cases have offers that are big enough");
}

#[test]
fn the_work_for_a_big_cluster_is_bounded() {
    let demand = fleet::plain_cluster(3, 5000);
    let offers = fleet::on_demand(600, 3, None);
    let packing = pack(&demand, &offers);
    println!("in waves: {} pods placed in the search", packing.work);
    assert!(packing.work <= 20 * 5000, "{} pods placed", packing.work);
}

#[test]
fn pods_that_fit_nowhere_are_left_out_together() {
    let mut alone = fleet::pod("alone", 100, 200);
    alone["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!([{
        "topologyKey": "topology.kubernetes.io/zone", "labelSelector": { "matchLabels": { "app": "alone" } },
    }]);
    let others = (0..20).flat_map(|index| fleet::replicas(&fleet::pod(&format!("w{index}"), 200, 500), 20));
    let pods: Vec<_> = others.chain(fleet::replicas(&alone, 100)).collect();
    let packing = pack(&Demand::read(&fleet::snapshot(pods)), &fleet::on_demand(190, 3, Some(16)));
    assert_eq!(packing.unplaced.len(), 97, "one for each zone has a node");
    assert!(packing.work <= 20 * 500, "{} pods placed", packing.work);
}

/// `cargo test --release -p cast-spot-savings --test bounds -- --ignored --nocapture`
#[test]
#[ignore = "measures time: for a release build on an idle machine"]
#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn five_thousand_pods_take_less_than_two_seconds() {
    let demand = fleet::plain_cluster(3, 5000);
    let catalog = fleet::catalog(600);
    assert!(catalog.types.len() >= 600);
    let begun = std::time::Instant::now();
    let offers = catalog.offers(&fleet::settings(3, &[Market::OnDemand, Market::Spot], None));
    let packing = pack(&demand, &offers);
    let took = begun.elapsed();
    println!("{} offers, {} nodes, {took:?}, work {}", offers.len(), packing.nodes.len(), packing.work);
    assert!(took.as_secs_f64() < 2.0, "{took:?}");
}
