//! Compares configurations: today, right-sized On-Demand, right-sized with Spot, and sized by usage where that is known.

mod confidence;
mod costs;
mod kept;
mod left_out;
mod notes;
mod proposal;
mod regions;
mod rehearsed;
mod soft;
mod spread;
mod sum;
mod usage;
mod whole;
mod with_spot;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;

pub(crate) use self::costs::share;
pub use self::rehearsed::compare_rehearsed;
use self::{
    proposal::Proposed,
    sum::sum,
    with_spot::ON_DEMAND,
    workloads::{hosts, pools, workload},
};
use crate::{
    catalog::Market,
    choices::Choices,
    demand::Demand,
    machines::{self, KeptMemory, Machine, Place},
    markets::MarketLabels,
    objects,
    offers::{Offer, Settings},
    pack::Limits,
    pins,
    prices::PriceList,
    protection,
    report::{Name, Report, Risk, SCHEMA, Workload},
    shown::Shown,
    snapshot::Snapshot,
    template::{self, templates},
    verdict::{self, Judged, Owned, Reason, follow_neighbours},
};

/// The report, with the nodes and workloads behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The report, without the risk.
    pub report: Report,
    /// The nodes of the configuration with Spot: the new ones in the order in which they come and their pods move, then
    /// those of today that stay.
    pub nodes: Vec<Placed>,
    /// All workloads, in the order of [`Report::workloads`].
    pub judged: Vec<Judged>,
}

/// A node of a proposal, with its pods.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The offer of a new node; none of a node of today.
    pub offer: Option<Offer>,
    /// The node.
    pub machine: Machine,
    /// Indices of its pods in [`Snapshot::pods`], without those of DaemonSets: one placement of many that the
    /// scheduler may come to.
    pub pods: Vec<usize>,
    /// Indices of the pods that move when the node has come, or is open to them.
    pub wave: Vec<usize>,
}

impl Placed {
    /// Whether EC2 may interrupt it.
    #[must_use]
    pub fn is_spot(&self) -> bool {
        self.machine.market == Some(Market::Spot)
    }

    /// Most pods that it takes.
    #[must_use]
    pub fn room(&self) -> usize {
        self.pods.len().max(self.offer.as_ref().map_or(1, |offer| offer.max_pods as usize))
    }
}

impl Comparison {
    /// Writes the result of a rehearsal into the report, by the place of each workload, and adds the pods in one pool.
    pub fn set_risks(&mut self, risks: BTreeMap<usize, Risk>) {
        let hosts = hosts(&self.nodes);
        for (place, mut risk) in risks {
            let pools = pools(&self.judged[place].owned, &hosts).into_iter();
            let spot = pools.filter(|((_, market, _), _)| *market == Some(Market::Spot));
            risk.most_in_one_pool = spot.map(|(_, pods)| pods).max().unwrap_or(0);
            self.report.workloads[place].risk = (risk.pods > 0).then_some(risk);
        }
    }
}

/// The prices of a comparison.
struct Usable {
    /// At the discount; empty if there are none of the cluster's region.
    list: PriceList,
    are_given: bool,
    /// Why the given ones are not used.
    mismatch: Option<String>,
}

impl Usable {
    fn of(snapshot: &Snapshot, prices: Option<&PriceList>, choices: &Choices) -> Self {
        let mismatch = prices.and_then(|prices| regions::mismatch(snapshot, prices));
        let list = prices.filter(|_| mismatch.is_none());
        let list = list.map(|prices| prices.discounted(choices.discount_percent));
        Self { are_given: list.is_some(), list: list.unwrap_or_default(), mismatch }
    }
}

/// The inputs of all stages.
struct Inputs<'a> {
    snapshot: &'a Snapshot,
    prices: &'a PriceList,
    choices: &'a Choices,
    machines: BTreeMap<String, Machine>,
    /// Nodes that stay in every proposal, and why.
    protected: BTreeMap<String, String>,
    /// The pods to place.
    demand: Demand,
    /// Labels of nodes that mean the market.
    markets: MarketLabels,
    offers: Vec<Offer>,
    /// Whether the VPC CNI assigns prefixes.
    has_prefixes: bool,
    /// Names of today's nodes on which pods are or may go: the others are no nodes and zones of the workloads.
    holding: BTreeSet<String>,
}

/// Compares today's nodes with proposed ones. `now` is for the age of the prices.
#[must_use]
pub fn compare(
    snapshot: &Snapshot,
    prices: Option<&PriceList>,
    choices: &Choices,
    now: Timestamp,
) -> Comparison {
    let prices = Usable::of(snapshot, prices, choices);
    let inputs = Inputs::of(snapshot, &prices.list, choices);
    let mut comparison = compare_without(&inputs, &prices, now, &BTreeMap::new());
    inputs.add_usage(&mut comparison);
    comparison
}

/// The same without usage, and with workloads that stay On-Demand, by their place.
fn compare_without(
    inputs: &Inputs<'_>,
    prices: &Usable,
    now: Timestamp,
    on_demand: &BTreeMap<usize, Reason>,
) -> Comparison {
    let (snapshot, choices) = (inputs.snapshot, inputs.choices);
    let mut judged = verdict::judge(snapshot, &inputs.machines, choices);
    for (place, reason) in on_demand {
        judged[*place].stays_on_demand(reason.clone());
    }
    follow_neighbours(&mut judged, snapshot);
    let today = sum(choices.hours_per_month, inputs.machines.values(), inputs.of_ec2());
    let gap = inputs.gap();
    let mut unknown = notes::unknown(inputs, prices.are_given, prices.mismatch.as_deref(), gap.as_ref());
    let (mut on_demand, mut spot) = (Proposed::default(), Proposed::default());
    if unknown.is_none() {
        on_demand = inputs.propose(&mut judged, Name::OnDemand, &today);
        spot = inputs.propose_with_spot(&mut judged, &on_demand, &today);
        unknown = Some(notes::unpriced_today(&today)).filter(|_| spot.proposal.saves.is_none());
    }
    if unknown.is_some() {
        (on_demand.proposal.saves, spot.proposal.saves) = (None, None);
    }
    let prices_age = notes::ages(inputs.prices, now);
    let doubts = confidence::doubts(inputs, &today, &prices_age, now);
    let range = confidence::range([&on_demand.proposal, &spot.proposal], doubts);
    let mut missing: Vec<_> = gap.into_iter().chain(snapshot.missing.clone()).collect();
    let is_as_today = on_demand.proposal.as_today || spot.proposal.as_today;
    let unplaced = [on_demand.unplaced, spot.unplaced].concat();
    let mismatch = prices.mismatch.as_deref();
    missing.extend(notes::missing(inputs, prices.are_given, mismatch, is_as_today, &unplaced));
    let costs = costs::split(inputs, &judged, &spot.nodes);
    let hosts = hosts(&spot.nodes);
    let workloads = judged.iter().zip(costs.workloads);
    let workloads = workloads.map(|(judged, cost)| workload(inputs, judged, cost, &hosts));
    let workloads: Vec<Workload> = workloads.collect();
    let mut assumptions = notes::assumptions(inputs);
    assumptions.extend(on_demand.notes.into_iter().chain(spot.notes).collect::<BTreeSet<_>>());
    let left_out = left_out::left_out(
        inputs,
        [
            ("today", &today),
            ("On-Demand", on_demand.proposal.shown()),
            ("with Spot", &spot.proposal.configuration),
        ],
    );
    let spot_spread = spread::monthly(&spot.proposal.configuration, inputs.prices, choices.hours_per_month);
    let report = Report {
        schema: SCHEMA,
        cluster: snapshot.cluster.clone(),
        region: regions::shown(inputs),
        read_at: snapshot.read_at,
        currency: inputs.prices.currency().to_owned(),
        hours_per_month: choices.hours_per_month,
        discount_percent: choices.discount_percent,
        prices: prices_age,
        today,
        on_demand: on_demand.proposal,
        spot: spot.proposal,
        range,
        spot_spread,
        usage: None,
        before: None,
        unknown,
        namespaces: costs::namespaces(&workloads),
        workloads,
        unrequested: costs.unrequested,
        unplaced,
        missing,
        left_out,
        assumptions,
    };
    Comparison { report, nodes: spot.nodes, judged }
}

impl<'a> Inputs<'a> {
    fn of(snapshot: &'a Snapshot, prices: &'a PriceList, choices: &'a Choices) -> Self {
        let machines = machines::machines(snapshot, &prices.catalog);
        let is_of_ec2 = |node: &str| machines.get(node).is_none_or(|machine| machine.place == Place::Ec2);
        let mut demand = Demand::read(snapshot);
        // Pods elsewhere than on EC2, and those on Windows, stay where they are.
        demand.pods.retain(|pod| node_of(snapshot, pod.source).is_none_or(is_of_ec2));
        demand.scoring = choices.scoring.or(snapshot.scoring).unwrap_or_default();
        pins::pin(&mut demand, snapshot, &prices.catalog, choices.architectures);
        pins::label_nodes(&mut demand, &machines, &prices.catalog);
        let markets = MarketLabels::of(snapshot);
        let nodes = snapshot.nodes.iter();
        let nodes: Vec<&Node> = nodes.filter(|node| is_of_ec2(objects::name(&node.metadata))).collect();
        let protected = nodes.iter().filter(|_| !choices.remove_protected);
        let protected =
            protected.filter_map(|node| Some((node.metadata.name.clone()?, protection::of_node(node)?)));
        let protected = protected.collect();
        let workers = nodes.iter().copied().filter(|node| !protection::is_of_a_control_plane(node));
        let of_ec2 = || machines.values().filter(|machine| machine.place == Place::Ec2);
        let is_burstable = |machine: &&Machine| {
            let known = machine.instance_type.as_deref().and_then(|name| prices.catalog.instance_type(name));
            known.is_some_and(|known| known.burstable)
        };
        // One small node of a test does not make a cluster one of burstable types.
        let (burstable, all) = (of_ec2().filter(is_burstable).count(), of_ec2().count());
        let has_prefixes = machines::prefixes(snapshot, &machines, &prices.catalog);
        let settings = Settings {
            zones: of_ec2().filter_map(|machine| machine.zone.clone()).collect(),
            markets: [Market::OnDemand, Market::Spot].into(),
            architectures: pins::architectures(&demand),
            max_vcpus: choices.max_vcpus,
            min_vcpus: choices.min_vcpus,
            families: choices.families.clone(),
            root_volume: machines::root_volume(&machines),
            burstable: burstable > 0 && burstable * 2 >= all,
            kept_memory: KeptMemory::of(&machines, &prices.catalog),
            prefixes: has_prefixes,
            observed: machines::observed(snapshot, &machines, &prices.catalog),
            shown: Shown::of(
                nodes.iter().filter_map(|node| Some((*node, machines.get(objects::name(&node.metadata))?))),
                demand.node_label_keys(),
                &prices.catalog,
            ),
            accelerators: demand.pods.iter().any(pins::asks_for_accelerator),
            templates: templates(
                workers,
                template::Context {
                    demand: &demand,
                    catalog: &prices.catalog,
                    markets: &markets,
                    read_at: snapshot.read_at,
                },
            ),
        };
        let offers = prices.catalog.offers(&settings);
        let holding = BTreeSet::new();
        let mut inputs = Self {
            snapshot,
            prices,
            choices,
            machines,
            protected,
            demand,
            markets,
            offers,
            has_prefixes,
            holding,
        };
        inputs.holding = inputs.find_holding();
        inputs
    }

    /// Today's Linux nodes of EC2.
    fn of_ec2(&self) -> impl Iterator<Item = &Machine> + Clone {
        self.machines.values().filter(|machine| machine.place == Place::Ec2)
    }

    /// Today's On-Demand nodes on which pods are or may go.
    fn on_demand_today(&self) -> usize {
        let on_demand = self.of_ec2().filter(|machine| is_on_demand(machine));
        on_demand.filter(|machine| self.holding.contains(&machine.name)).count()
    }

    /// Limits of new nodes beside those that stay. A proposal never needs more than today has.
    fn limits(&self, kept: &BTreeSet<String>) -> Limits {
        let floors = self.choices.floors;
        let today: Vec<&Machine> =
            self.of_ec2().filter(|machine| self.holding.contains(&machine.name)).collect();
        let stay: Vec<&Machine> =
            today.iter().copied().filter(|machine| kept.contains(&machine.name)).collect();
        let zones = |machines: &[&Machine]| {
            machines.iter().filter_map(|machine| machine.zone.clone()).collect::<BTreeSet<String>>()
        };
        let zones_today = zones(&today).len();
        let on_demand = floors.on_demand.unwrap_or(ON_DEMAND).min(self.on_demand_today());
        let on_demand_stay = stay.iter().filter(|machine| is_on_demand(machine)).count();
        Limits {
            caps: self.choices.caps,
            nodes: floors.nodes.min(today.len()).saturating_sub(stay.len()),
            on_demand: on_demand.saturating_sub(on_demand_stay),
            zones: floors.zones.unwrap_or(zones_today).min(zones_today),
            standing: zones(&stay),
        }
    }

    /// Node that a pod of the snapshot runs on.
    fn machine_of(&self, pod: usize) -> Option<&Machine> {
        self.machines.get(node_of(self.snapshot, pod)?)
    }

    /// The demand without pods on nodes that stay. Each pod is pinned to its market, so that the scheduler cannot give an
    /// On-Demand node that others need to a pod that tolerates Spot; pods that spread over the markets are not.
    fn pinned(&self, judged: &[Judged], name: Name, kept: &BTreeSet<String>) -> Demand {
        let mut spot: BTreeSet<usize> = BTreeSet::new();
        for judged in judged.iter().filter(|judged| name != Name::OnDemand || judged.is_pinned) {
            spot.extend(judged.owned.pods.iter().filter(|_| judged.market == Some(Market::Spot)));
        }
        let mut demand = self.demand.clone();
        // A rollout has pods of several ReplicaSets of one workload.
        let owned = judged.iter().map(|judged| &judged.owned);
        let owners: BTreeMap<usize, &Owned> =
            owned.flat_map(|owned| owned.pods.iter().map(move |pod| (*pod, owned))).collect();
        for pod in demand.pods.iter_mut().filter(|pod| pod.owner.is_some()) {
            let workload = owners.get(&pod.source);
            pod.owner = workload.map(|owned| (owned.kind.as_str().to_owned(), owned.name.clone()));
        }
        self.keep(&mut demand, kept);
        for pod in demand.pods.iter_mut().filter(|pod| !self.markets.separate(pod)) {
            pod.pin_to(if spot.contains(&pod.source) { Market::Spot } else { Market::OnDemand });
        }
        demand
    }
}

fn is_on_demand(machine: &Machine) -> bool {
    machine.market == Some(Market::OnDemand)
}

fn node_of(snapshot: &Snapshot, pod: usize) -> Option<&str> {
    objects::node_of(&snapshot.pods[pod])
}

#[cfg(test)]
mod tests;
