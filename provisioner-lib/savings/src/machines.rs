//! Today's nodes with their size, purchase option and price.

mod observed;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

pub use self::observed::{KeptMemory, Observed, observed, prefixes, root_volume, smallest_root_volume};
pub(crate) use self::observed::{max_volumes, most_pods};
use crate::{
    catalog::{Catalog, MIB, Market, OFFER_LABELS, REGION_LABELS, ZONE_LABELS, is_local_zone},
    demand::requests_of,
    labels::CAPACITY_LABELS,
    money::Money,
    objects::{self, is_live, label},
    protection::{is_of_a_capacity_block, reservation},
    quantity::Resources,
    snapshot::Snapshot,
};

/// Where a node runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// An instance of EC2.
    #[default]
    Ec2,
    /// An instance of EC2 that runs Windows, which has other prices, and which nothing is proposed for.
    Windows,
    /// AWS Fargate: paid by the pod.
    Fargate,
    /// On premises, or in another cloud.
    Elsewhere,
}

/// One of today's nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// metadata.name.
    pub name: String,
    /// Where it runs.
    pub place: Place,
    /// Label of its instance type.
    pub instance_type: Option<String>,
    /// Label of its zone.
    pub zone: Option<String>,
    /// The purchase option; none if it is not of EC2.
    pub market: Option<Market>,
    /// False if neither a label nor EC2 tells the market; On-Demand is then assumed.
    pub market_is_known: bool,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// status.capacity.memory in bytes: what kernel and hypervisor leave.
    pub capacity_memory: u64,
    /// Size of the kubelet's volume in bytes, if the node reports it.
    pub root_volume: Option<u64>,
    /// Allocatable resources.
    pub allocatable: Resources,
    /// Requests of all pods on it.
    pub requested: Resources,
    /// Number of pods on it.
    pub pods: u64,
    /// The price of an hour, if it is known.
    pub hourly: Option<Money>,
}

/// All nodes of a cluster, by name.
#[must_use]
pub fn machines(snapshot: &Snapshot, catalog: &Catalog) -> BTreeMap<String, Machine> {
    let mut prices: BTreeMap<_, Option<Money>> = BTreeMap::new();
    let machines = snapshot.nodes.iter().map(|node| {
        let mut machine = read(node, &snapshot.lifecycles);
        let instance_type = machine.instance_type.as_deref();
        if let Some(known) = instance_type.and_then(|name| catalog.instance_type(name)) {
            (machine.vcpus, machine.memory_mib) = (known.vcpus, known.memory_mib);
        }
        let is_of_region = region(node)
            .is_none_or(|region| region == catalog.region || is_local_zone(&catalog.region, region));
        let is_by_the_hour = machine.place == Place::Ec2 && !is_of_a_capacity_block(node);
        let market = machine.market.filter(|_| is_by_the_hour && is_of_region);
        machine.hourly = instance_type.zip(market).and_then(|(name, market)| {
            let hourly = || Some(catalog.price(name, market, machine.zone.as_deref())?.hourly);
            *prices.entry((name.to_owned(), market, machine.zone.clone())).or_insert_with(hourly)
        });
        (machine.name.clone(), machine)
    });
    let mut machines: BTreeMap<_, _> = machines.collect();
    for pod in snapshot.pods.iter().filter(|pod| is_live(pod)) {
        if let Some(machine) = objects::node_of(pod).and_then(|node| machines.get_mut(node)) {
            machine.requested = machine.requested.plus(&requests_of(pod));
            machine.pods += 1;
        }
    }
    machines
}

fn read(node: &Node, lifecycles: &BTreeMap<String, String>) -> Machine {
    let first = |labels: &[&str]| labels.iter().find_map(|name| label(node, name)).map(str::to_owned);
    let status = node.status.as_ref();
    let capacity =
        status.and_then(|status| status.capacity.as_ref()).map(Resources::read).unwrap_or_default();
    let allocatable = status.and_then(|status| status.allocatable.as_ref()).map(Resources::read);
    let place = place(node);
    let market = market(node, lifecycles);
    Machine {
        name: objects::name(&node.metadata).to_owned(),
        place,
        instance_type: first(OFFER_LABELS[2]),
        zone: first(&ZONE_LABELS).or_else(|| zone_of_instance(node).map(str::to_owned)),
        market: matches!(place, Place::Ec2 | Place::Windows).then(|| market.unwrap_or(Market::OnDemand)),
        market_is_known: market.is_some() || reservation(node).is_some(),
        vcpus: u32::try_from(capacity.cpu.div_ceil(1_000)).unwrap_or(u32::MAX),
        memory_mib: capacity.memory / MIB,
        capacity_memory: capacity.memory,
        root_volume: Some(capacity.ephemeral_storage).filter(|bytes| *bytes > 0),
        allocatable: allocatable.unwrap_or_default(),
        ..Machine::default()
    }
}

/// EKS user guide, "Understand resource naming" of Fargate and of hybrid nodes; the provider id of an EC2 instance is
/// `aws:///ZONE/INSTANCE`.
fn place(node: &Node) -> Place {
    match (label(node, "eks.amazonaws.com/compute-type"), instance_id(node)) {
        (Some("fargate"), _) => Place::Fargate,
        (Some("hybrid"), _) => Place::Elsewhere,
        (_, Some(_)) if runs_windows(node) => Place::Windows,
        (_, Some(_)) => Place::Ec2,
        (_, None) if provider_id(node).contains("/fargate-") => Place::Fargate,
        (_, None) => Place::Elsewhere,
    }
}

/// The region of a node, if its label has it.
#[must_use]
pub fn region(node: &Node) -> Option<&str> {
    REGION_LABELS.iter().find_map(|name| label(node, name))
}

/// By the well-known label, else by the system that the kubelet reports.
fn runs_windows(node: &Node) -> bool {
    let system = node.status.as_ref().and_then(|status| status.node_info.as_ref());
    let system = label(node, "kubernetes.io/os").or(system.map(|info| info.operating_system.as_str()));
    system == Some("windows")
}

fn provider_id(node: &Node) -> &str {
    node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref()).unwrap_or_default()
}

/// The zone of the EC2 instance behind a node.
fn zone_of_instance(node: &Node) -> Option<&str> {
    instance_id(node)?;
    provider_id(node).strip_prefix("aws://")?.split('/').nth(1).filter(|zone| !zone.is_empty())
}

/// Id of the EC2 instance behind a node.
#[must_use]
pub fn instance_id(node: &Node) -> Option<&str> {
    let id = provider_id(node).strip_prefix("aws://")?.rsplit('/').next()?;
    id.starts_with("i-").then_some(id)
}

/// The purchase option of a node, from its labels, else from EC2.
#[must_use]
pub fn market(node: &Node, lifecycles: &BTreeMap<String, String>) -> Option<Market> {
    let by_label = CAPACITY_LABELS.iter().find_map(|known| known.market(label(node, known.key)?));
    by_label.or_else(|| match lifecycles.get(instance_id(node)?)?.as_str() {
        "spot" => Some(Market::Spot),
        _ => Some(Market::OnDemand),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn node(labels: &Value, provider_id: &str) -> Node {
        from_value(
            json!({ "metadata": { "name": "n", "labels": labels }, "spec": { "providerID": provider_id } }),
        )
        .unwrap()
    }

    const INSTANCE: &str = "aws:///eu-west-1a/i-0a";

    #[test]
    fn a_node_is_of_ec2_of_fargate_or_of_neither() {
        for (case, node, expected) in [
            ("an instance", node(&json!({}), INSTANCE), Place::Ec2),
            ("Linux", node(&json!({ "kubernetes.io/os": "linux" }), INSTANCE), Place::Ec2),
            ("Windows", node(&json!({ "kubernetes.io/os": "windows" }), INSTANCE), Place::Windows),
            (
                "Windows elsewhere",
                node(&json!({ "kubernetes.io/os": "windows" }), "gce://p"),
                Place::Elsewhere,
            ),
            (
                "fargate",
                node(
                    &json!({ "eks.amazonaws.com/compute-type": "fargate" }),
                    "aws:///eu-west-1a/4b2f/fargate-ip-10-0-0-1.eu-west-1.compute.internal",
                ),
                Place::Fargate,
            ),
            (
                "fargate without its label",
                node(&json!({}), "aws:///eu-west-1a/4b2f/fargate-ip-10-0-0-1.eu-west-1.compute.internal"),
                Place::Fargate,
            ),
            (
                "hybrid",
                node(
                    &json!({ "eks.amazonaws.com/compute-type": "hybrid" }),
                    "eks-hybrid:///eu-west-1/prod/mi-0a",
                ),
                Place::Elsewhere,
            ),
            ("on premises", node(&json!({}), ""), Place::Elsewhere),
            ("another cloud", node(&json!({}), "gce://p/z/i-0a"), Place::Elsewhere),
        ] {
            assert_eq!(read(&node, &BTreeMap::new()).place, expected, "{case}");
        }
    }

    #[test]
    fn reserved_capacity_is_bought_on_demand() {
        for labels in [
            json!({ "eks.amazonaws.com/capacityType": "CAPACITY_BLOCK" }),
            json!({ "karpenter.sh/capacity-type": "reserved" }),
        ] {
            let found = read(&node(&labels, INSTANCE), &BTreeMap::new());
            assert_eq!((found.market, found.market_is_known), (Some(Market::OnDemand), true), "{labels}");
        }
    }

    #[test]
    fn a_new_node_has_the_smallest_volume_of_todays_instances() {
        let sized = |name: &str, id: &str, size: &str| {
            let mut node = node(&json!({}), id);
            node.metadata.name = Some(name.to_owned());
            node.status = from_value(json!({ "capacity": { "ephemeral-storage": size } })).unwrap();
            node
        };
        let smallest = |nodes: Vec<Node>| {
            let snapshot = Snapshot { nodes, ..Snapshot::default() };
            smallest_root_volume(&machines(&snapshot, &Catalog::default()))
        };
        let nodes = vec![
            sized("big", INSTANCE, "80Gi"),
            sized("small", INSTANCE, "50Gi"),
            sized("silent", INSTANCE, "0"),
            sized("elsewhere", "metal://rack-7", "10Gi"),
        ];
        assert_eq!(smallest(nodes), Some(50 * 1024 * MIB));
        assert_eq!(smallest(Vec::new()), None);
    }

    #[test]
    fn labels_tell_the_market_and_ec2_does_without_them() {
        let spot = BTreeMap::from([("i-0a".to_owned(), "spot".to_owned())]);
        let normal = BTreeMap::from([("i-0a".to_owned(), "on-demand".to_owned())]);
        for (case, labels, lifecycles, expected) in [
            (
                "a managed group",
                json!({ "eks.amazonaws.com/capacityType": "SPOT" }),
                &normal,
                Some(Market::Spot),
            ),
            (
                "Karpenter",
                json!({ "karpenter.sh/capacity-type": "on-demand" }),
                &spot,
                Some(Market::OnDemand),
            ),
            (
                "a fallback",
                json!({ "scheduling.cast.ai/spot": "true", "scheduling.cast.ai/spot-fallback": "true" }),
                &spot,
                Some(Market::OnDemand),
            ),
            ("EC2", json!({}), &spot, Some(Market::Spot)),
            ("EC2, On-Demand", json!({}), &normal, Some(Market::OnDemand)),
            ("neither", json!({}), &BTreeMap::new(), None),
        ] {
            assert_eq!(market(&node(&labels, INSTANCE), lifecycles), expected, "{case}");
        }
    }
}
