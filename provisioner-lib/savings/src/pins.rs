//! What pods keep of the nodes that they run on today, though their specs do not name it: the architecture of their
//! images, the model of their accelerators, a Local Zone.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::NodeSelectorTerm;

use crate::{
    catalog::{
        ACCELERATOR, ARCHITECTURE, Architecture, CAPACITY_TYPE, Catalog, INSTANCE_TYPE, OFFER_LABELS, ZONE,
        ZONE_LABELS, family, is_local_zone,
    },
    choices::Architectures,
    demand::{Demand, Pod, note},
    machines::Machine,
    objects::{label, name, node_of},
    snapshot::Snapshot,
    verdict::owned,
};

/// Beginnings of the resource names of accelerators. Kubernetes documentation, "Schedule GPUs"; AWS Neuron
/// documentation, "Neuron device plugin"; Karpenter documentation, "Accelerators/GPU Resources".
const ACCELERATORS: [&str; 4] = ["nvidia.com/", "amd.com/", "aws.amazon.com/neuron", "habana.ai/"];

/// Whether the pod asks for an accelerator.
#[must_use]
pub fn asks_for_accelerator(pod: &Pod) -> bool {
    pod.requests.extended.keys().any(|name| ACCELERATORS.iter().any(|begins| name.starts_with(begins)))
}

/// What pods keep of a node.
#[derive(Debug, Clone, Default)]
struct Hardware {
    architecture: Option<String>,
    accelerator: Option<String>,
    /// Where users or devices are that need to be near.
    local_zone: Option<String>,
}

/// Pins each pod to the architecture that it runs on, or the pods of its workload do, unless it names the architectures
/// of its images itself; a workload without a node has the architecture that most nodes have. A pod that asks for an
/// accelerator is pinned to its model, and one in a Local Zone to the zone.
pub fn pin(demand: &mut Demand, snapshot: &Snapshot, catalog: &Catalog, architectures: Architectures) {
    let as_today = architectures == Architectures::AsToday;
    let nodes = hardware(snapshot, catalog);
    let of_node = |pod: usize| nodes.get(node_of(&snapshot.pods[pod])?);
    let most = usual_architecture(&nodes);
    let mut of_workload: BTreeMap<usize, Hardware> = BTreeMap::new();
    for owned in owned(snapshot) {
        let siblings = || owned.pods.iter().filter_map(|pod| of_node(*pod));
        let shared = Hardware {
            architecture: siblings().find_map(|node| node.architecture.clone()).or_else(|| most.clone()),
            accelerator: siblings().find_map(|node| node.accelerator.clone()),
            local_zone: None,
        };
        of_workload.extend(owned.pods.iter().map(|pod| (*pod, of_node(*pod).unwrap_or(&shared).clone())));
    }
    let mut elsewhere = Vec::new();
    for pod in &mut demand.pods {
        let today = of_workload.remove(&pod.source).unwrap_or_default();
        let named = architectures_of(pod);
        match today.architecture {
            Some(today) if named.is_empty() || as_today && named.contains(&today) => {
                pod.pins.insert(ARCHITECTURE.to_owned(), today);
            }
            Some(today) if named.iter().any(|named| *named != today) => {
                elsewhere.push(pod.full_name());
            }
            _ => {}
        }
        if let Some(model) = today.accelerator.filter(|_| asks_for_accelerator(pod)) {
            pod.pins.insert(ACCELERATOR.to_owned(), model);
        }
        pod.pins.extend(today.local_zone.map(|zone| (ZONE.to_owned(), zone)));
    }
    let what = "names another architecture than it runs on as possible, and is offered nodes of it; the images of \
                DaemonSets must exist for it, too";
    demand.notes.extend(note(what, &elsewhere));
    demand.notes.extend(notes_of_devices(demand, catalog));
}

/// Adds the labels that pods are pinned by to today's nodes, which may stay.
pub fn label_nodes(demand: &mut Demand, machines: &BTreeMap<String, Machine>, catalog: &Catalog) {
    for node in &mut demand.nodes {
        let Some(machine) = machines.get(&node.name) else { continue };
        if let Some(market) = machine.market {
            node.labels.entry(CAPACITY_TYPE.to_owned()).or_insert_with(|| market.label().to_owned());
        }
        let model = machine.instance_type.as_deref().and_then(|name| catalog.accelerator_model(name));
        node.labels.extend(model.map(|model| (ACCELERATOR.to_owned(), model)));
    }
}

/// Sentences about resources of which no type of the catalog has any: which other types would have them is not known.
fn notes_of_devices(demand: &Demand, catalog: &Catalog) -> Vec<String> {
    let known: BTreeSet<&String> = catalog.types.iter().flat_map(|found| found.devices.keys()).collect();
    let mut asking: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for pod in &demand.pods {
        for resource in pod.requests.extended.keys().filter(|resource| !known.contains(resource)) {
            asking.entry(resource).or_default().push(pod.full_name());
        }
    }
    let sentence = |(resource, pods): (&String, Vec<String>)| {
        note(&format!("requests {resource}, and is offered only types that run today and have it"), &pods)
    };
    asking.into_iter().filter_map(sentence).collect()
}

/// The architectures that pods are pinned to or name.
#[must_use]
pub fn architectures(demand: &Demand) -> BTreeSet<Architecture> {
    let named = demand.pods.iter().flat_map(|pod| {
        let named = architectures_of(pod).into_iter();
        named.chain(pod.pins.get(ARCHITECTURE).cloned())
    });
    let named: BTreeSet<String> = named.collect();
    let known = [Architecture::Amd64, Architecture::Arm64].into_iter();
    known.filter(|known| named.contains(known.label())).collect()
}

/// The architectures that a pod names as possible. Of several terms each has to name some.
fn architectures_of(pod: &Pod) -> BTreeSet<String> {
    let keys = OFFER_LABELS[0];
    if let Some(selected) = keys.iter().find_map(|key| pod.node_selector.get(*key)) {
        return [selected.clone()].into();
    }
    let of_term = |term: &NodeSelectorTerm| {
        let expressions = term.match_expressions.iter().flatten();
        let mut named =
            expressions.filter(|found| keys.contains(&found.key.as_str()) && found.operator == "In");
        named.find_map(|found| found.values.clone())
    };
    let named: Option<Vec<Vec<String>>> = pod.node_affinity.iter().map(of_term).collect();
    named.into_iter().flatten().flatten().collect()
}

fn hardware<'s>(snapshot: &'s Snapshot, catalog: &Catalog) -> BTreeMap<&'s str, Hardware> {
    let nodes = snapshot.nodes.iter().map(|node| {
        let architecture = OFFER_LABELS[0].iter().find_map(|key| label(node, key)).map(str::to_owned);
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        let mut resources = allocatable.into_iter().flat_map(BTreeMap::keys);
        let has_accelerator =
            resources.any(|name| ACCELERATORS.iter().any(|begins| name.starts_with(begins)));
        let accelerator = label(node, INSTANCE_TYPE).and_then(|of_type| {
            // A type that the catalog lacks.
            let of_family = || has_accelerator.then(|| family(of_type).to_owned());
            catalog.accelerator_model(of_type).or_else(of_family)
        });
        let zone = ZONE_LABELS.iter().find_map(|key| label(node, key));
        let local_zone = zone.filter(|zone| is_local_zone(&catalog.region, zone)).map(str::to_owned);
        (name(&node.metadata), Hardware { architecture, accelerator, local_zone })
    });
    nodes.collect()
}

fn usual_architecture(nodes: &BTreeMap<&str, Hardware>) -> Option<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for architecture in nodes.values().filter_map(|node| node.architecture.as_ref()) {
        *counts.entry(architecture).or_default() += 1;
    }
    // Of as many the first: amd64.
    let most = counts.into_iter().max_by_key(|(name, count)| (*count, std::cmp::Reverse(*name)));
    most.map(|(name, _)| name.clone())
}
