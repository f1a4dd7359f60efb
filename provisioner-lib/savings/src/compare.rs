//! Compares three configurations: today, right-sized On-Demand, right-sized with Spot.

mod kept;
mod notes;
mod proposal;
mod today;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    catalog::{Architecture, Market},
    demand::Demand,
    machines::{self, Machine, Place},
    offers::{DEFAULT_ROOT_VOLUME, Offer, Settings},
    prices::PriceList,
    report::{HOURS_PER_MONTH, Name, Report, SCHEMA, Unplaced, Workload},
    snapshot::Snapshot,
    template::templates,
    verdict::{self, Judged, Reason},
};

pub use self::kept::Kept;
use self::proposal::Proposed;

/// The user's choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Size of the biggest node, in vCPUs.
    pub max_vcpus: Option<u32>,
}

/// The report, with the nodes and workloads behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The report, without the risk.
    pub report: Report,
    /// The new nodes of the configuration with Spot, in the order in which they come and their pods move.
    pub spot: Vec<Placed>,
    /// Today's nodes that stay in that configuration.
    pub kept: Vec<Kept>,
    /// All workloads, in the order of [`Report::workloads`].
    pub judged: Vec<Judged>,
}

/// A proposed node.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// Its offer.
    pub offer: Offer,
    /// Indices of its pods in [`Snapshot::pods`].
    pub pods: Vec<usize>,
}

/// The inputs of all stages.
struct Inputs<'a> {
    snapshot: &'a Snapshot,
    prices: &'a PriceList,
    machines: BTreeMap<String, Machine>,
    /// The pods to place.
    demand: Demand,
    offers: Vec<Offer>,
    /// Bytes of the smallest volume of today's nodes.
    smallest_root_volume: Option<u64>,
}

/// Compares today's nodes with proposed ones. `now` is for the age of the prices.
#[must_use]
pub fn compare(
    snapshot: &Snapshot,
    prices: Option<&PriceList>,
    choices: &Choices,
    now: Timestamp,
) -> Comparison {
    let none = PriceList::default();
    let inputs = Inputs::of(snapshot, prices.unwrap_or(&none), choices);
    let mut judged = verdict::judge(snapshot);
    let today = today::configuration(&inputs);
    let mut unknown = notes::unknown(&inputs, prices.is_some());
    let (mut on_demand, mut spot) = (Proposed::default(), Proposed::default());
    if unknown.is_none() {
        on_demand = inputs.propose(&mut judged, Name::OnDemand, &today);
        spot = inputs.propose(&mut judged, Name::Spot, &today);
        unknown = Some(notes::unpriced_today(&today)).filter(|_| spot.proposal.saves.is_none());
    }
    let mut missing = snapshot.missing.clone();
    let is_as_today = on_demand.proposal.as_today || spot.proposal.as_today;
    missing.extend(notes::missing(&inputs, prices.is_some(), is_as_today));
    let workloads = judged.iter().map(|judged| inputs.workload(judged, &spot)).collect();
    let mut assumptions = notes::assumptions(&inputs);
    let notes: BTreeSet<String> = on_demand.note.into_iter().chain(spot.note).collect();
    assumptions.extend(notes);
    let unplaced: Vec<Unplaced> = on_demand.unplaced.into_iter().chain(spot.unplaced).collect();
    let report = Report {
        schema: SCHEMA,
        cluster: snapshot.cluster.clone(),
        region: snapshot
            .region
            .clone()
            .or_else(|| Some(inputs.prices.catalog.region.clone()).filter(|region| !region.is_empty())),
        read_at: snapshot.read_at,
        currency: inputs.prices.currency().to_owned(),
        hours_per_month: HOURS_PER_MONTH,
        prices: notes::ages(inputs.prices, now),
        today,
        on_demand: on_demand.proposal,
        spot: spot.proposal,
        unknown,
        workloads,
        unplaced,
        missing,
        left_out: notes::LEFT_OUT.to_vec(),
        assumptions,
    };
    Comparison { report, spot: spot.nodes, kept: spot.kept, judged }
}

impl<'a> Inputs<'a> {
    fn of(snapshot: &'a Snapshot, prices: &'a PriceList, choices: &Choices) -> Self {
        let machines = machines::machines(snapshot, &prices.catalog);
        let mut demand = Demand::read(snapshot);
        // Pods elsewhere than on EC2, and those on Windows, stay where they are.
        demand.pods.retain(|pod| {
            let node = node_of(snapshot, pod.source).and_then(|node| machines.get(node));
            node.is_none_or(|machine| machine.place == Place::Ec2)
        });
        let of_ec2 = |machine: &&Machine| machine.place == Place::Ec2;
        let nodes: Vec<_> = snapshot
            .nodes
            .iter()
            .filter(|node| {
                let name = node.metadata.name.as_deref().unwrap_or_default();
                machines.get(name).as_ref().is_some_and(of_ec2)
            })
            .cloned()
            .collect();
        let types: BTreeSet<&str> =
            machines.values().filter(of_ec2).filter_map(|machine| machine.instance_type.as_deref()).collect();
        let runs_burstable =
            prices.catalog.types.iter().any(|found| found.burstable && types.contains(found.name.as_str()));
        let smallest_root_volume = machines::smallest_root_volume(&machines);
        let settings = Settings {
            zones: machines.values().filter(of_ec2).filter_map(|machine| machine.zone.clone()).collect(),
            markets: [Market::OnDemand, Market::Spot].into(),
            architectures: architectures(&nodes),
            max_vcpus: choices.max_vcpus,
            root_volume: smallest_root_volume.unwrap_or(DEFAULT_ROOT_VOLUME),
            burstable: runs_burstable,
            observed: machines::observed(snapshot, &machines),
            templates: templates(&nodes, &demand.node_label_keys()),
        };
        let offers = prices.catalog.offers(&settings);
        Self { snapshot, prices, machines, demand, offers, smallest_root_volume }
    }

    /// Node that a pod of the snapshot runs on.
    fn machine_of(&self, pod: usize) -> Option<&Machine> {
        self.machines.get(node_of(self.snapshot, pod)?)
    }

    /// The demand without pods on nodes that stay. Each pod is pinned to its market, so that the scheduler cannot give an
    /// On-Demand node that others need to a pod that tolerates Spot.
    fn pinned(&self, judged: &[Judged], name: Name, kept: &BTreeSet<String>) -> Demand {
        let mut markets = BTreeMap::new();
        for judged in judged {
            let market = match name {
                Name::OnDemand if !judged.is_pinned => Some(Market::OnDemand),
                _ => judged.market,
            };
            markets.extend(judged.owned.pods.iter().map(|pod| (*pod, market.unwrap_or(Market::OnDemand))));
        }
        let mut demand = self.demand.clone();
        demand.pods.retain(|pod| node_of(self.snapshot, pod.source).is_none_or(|node| !kept.contains(node)));
        for pod in &mut demand.pods {
            pod.pin_to(markets.get(&pod.source).copied().unwrap_or(Market::OnDemand));
        }
        demand
    }

    fn workload(&self, judged: &Judged, spot: &Proposed) -> Workload {
        let owned = &judged.owned;
        let requests = owned.pods.iter().fold((0_u64, 0_u64), |(cpu, memory), pod| {
            let spec = self.snapshot.pods[*pod].spec.as_ref();
            let own = spec.map(crate::demand::requests).unwrap_or_default();
            (cpu.saturating_add(own.cpu), memory.saturating_add(own.memory))
        });
        let machines: Vec<Option<&Machine>> = owned.pods.iter().map(|pod| self.machine_of(*pod)).collect();
        let on =
            |market: Market| machines.iter().flatten().filter(|found| found.market == Some(market)).count();
        let beside = machines.iter().flatten().find(|machine| machine.place != Place::Ec2);
        let mut workload = Workload {
            namespace: owned.namespace.clone(),
            kind: owned.kind.clone(),
            name: owned.name.clone(),
            pods: owned.pods.len(),
            cpu_millis: requests.0,
            memory_mib: requests.1 / (1024 * 1024),
            on_spot_today: on(Market::Spot),
            verdict: match judged.market {
                Some(Market::Spot) => crate::report::Verdict::Spot,
                Some(Market::OnDemand) => crate::report::Verdict::OnDemand,
                None => crate::report::Verdict::EveryNode,
            },
            reasons: judged.reasons.clone(),
            cautions: judged.cautions.clone(),
            proposed: proposed_for(owned, spot),
            risk: None,
        };
        if let (Some(machine), Some(_)) = (beside, judged.market) {
            let place = match machine.place {
                Place::Fargate => "AWS Fargate",
                Place::Windows => "Windows",
                Place::Ec2 | Place::Elsewhere => "nodes that are not of EC2",
            };
            workload.verdict = crate::report::Verdict::Stays;
            workload.reasons = vec![Reason::new("place", format!("runs on {place}"))];
            workload.cautions.clear();
        }
        if judged.market == Some(Market::OnDemand) && workload.on_spot_today > 0 {
            let text = format!("{} of {} run on Spot today", workload.on_spot_today, workload.pods);
            workload.cautions.insert(0, Reason::new("on-spot-today", text));
        }
        workload
    }
}

/// Keeps workloads On-Demand that fit no Spot node. Returns whether there are any.
fn keep_on_demand(judged: &mut [Judged], unplaced: &[(usize, Unplaced)]) -> bool {
    let reasons: BTreeMap<usize, &str> =
        unplaced.iter().map(|(pod, unplaced)| (*pod, unplaced.reason.as_str())).collect();
    let mut kept = false;
    for judged in judged.iter_mut().filter(|judged| judged.market == Some(Market::Spot) && !judged.is_pinned)
    {
        if let Some(reason) = judged.owned.pods.iter().find_map(|pod| reasons.get(pod)) {
            judged.market = Some(Market::OnDemand);
            judged.reasons = vec![Reason::new("no-spot-node", format!("fits no Spot node: {reason}"))];
            kept = true;
        }
    }
    kept
}

fn proposed_for(owned: &verdict::Owned, spot: &Proposed) -> BTreeMap<String, usize> {
    let new = spot.nodes.iter().map(|node| {
        let offer = &node.offer;
        (offer.instance_type.as_str(), Some(offer.market), offer.zone.as_str(), &node.pods)
    });
    let kept = spot.kept.iter().map(|kept| {
        let name = kept.instance_type.as_deref().unwrap_or("unknown");
        (name, kept.market, kept.zone.as_deref().unwrap_or("unknown"), &kept.pods)
    });
    let mut proposed = BTreeMap::new();
    for (name, market, zone, pods) in new.chain(kept) {
        let here = pods.iter().filter(|pod| owned.pods.contains(pod)).count();
        if here > 0 {
            let market = if market == Some(Market::Spot) { "spot" } else { "on-demand" };
            *proposed.entry(format!("{name} {market} {zone}")).or_default() += here;
        }
    }
    proposed
}

fn node_of(snapshot: &Snapshot, pod: usize) -> Option<&str> {
    snapshot.pods[pod].spec.as_ref()?.node_name.as_deref()
}

fn architectures(nodes: &[k8s_openapi::api::core::v1::Node]) -> BTreeSet<Architecture> {
    let labels = nodes.iter().filter_map(|node| node.metadata.labels.as_ref());
    let found: BTreeSet<Architecture> = labels
        .filter_map(|labels| match labels.get(crate::catalog::ARCHITECTURE)?.as_str() {
            "amd64" => Some(Architecture::Amd64),
            "arm64" => Some(Architecture::Arm64),
            _ => None,
        })
        .collect();
    if found.is_empty() { [Architecture::Amd64].into() } else { found }
}

#[cfg(test)]
mod tests;
