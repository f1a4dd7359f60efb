//! Labels and taints that the cluster's node groups add to their nodes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Taint};

use crate::{
    catalog::{Catalog, INSTANCE_TYPE, InstanceType, Market},
    demand::Demand,
    labels::{Origin, is_managed, origin},
    markets::MarketLabels,
    objects,
};

/// One kind of node group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template {
    /// Labels that a selector or a topology key names, without those that follow from type, zone and market.
    pub labels: BTreeMap<String, String>,
    /// Permanent taints.
    pub taints: Vec<Taint>,
    /// The types that it has; empty: any.
    pub types: BTreeSet<String>,
    /// The market that its labels mean.
    pub market: Option<Market>,
    /// Whether all its nodes have local disks and pods select it: they may do so for the disks.
    pub local_disks: bool,
    /// Whether all its nodes have accelerators, and it has labels or taints.
    pub accelerated: bool,
    /// Accelerators that only nodes of other groups have.
    pub others_accelerators: BTreeSet<String>,
}

impl Template {
    /// The template of a node, with the labels that count.
    fn of(
        node: &Node,
        labels: BTreeMap<String, String>,
        taints: Vec<Taint>,
        selected: &BTreeSet<String>,
        context: Context<'_>,
    ) -> Self {
        let name = objects::label(node, INSTANCE_TYPE).unwrap_or_default();
        let known = context.catalog.instance_type(name);
        let has_accelerator = context.catalog.accelerator_model(name).is_some();
        let types = labels.keys().any(|key| is_managed(key)).then(|| name.to_owned());
        Self {
            types: types.into_iter().collect(),
            market: labels.iter().find_map(|(key, value)| context.markets.market_of(key, value)),
            local_disks: labels.keys().any(|key| selected.contains(key))
                && known.is_some_and(|known| known.local_disks > 0),
            accelerated: has_accelerator && !(labels.is_empty() && taints.is_empty()),
            others_accelerators: BTreeSet::new(),
            labels,
            taints,
        }
    }

    /// Whether a node of the group may be of this type and market.
    #[must_use]
    pub fn admits(&self, found: &InstanceType, market: Market) -> bool {
        let has_hardware = match found.accelerator_model() {
            Some(model) => !self.others_accelerators.contains(&model),
            None => !self.accelerated,
        };
        has_hardware
            && (!self.local_disks || found.local_disks > 0)
            && (self.types.is_empty() || self.types.contains(&found.name))
            && self.market.is_none_or(|only| only == market)
    }
}

/// How long a node may take until start-up taints are gone.
const START: SignedDuration = SignedDuration::from_mins(10);

/// What the templates of nodes depend on besides the nodes.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The pods, for the labels that they name.
    pub demand: &'c Demand,
    /// The types of the nodes.
    pub catalog: &'c Catalog,
    /// Labels that mean the market.
    pub markets: &'c MarketLabels,
    /// The time at which the nodes were as they are.
    pub read_at: Option<Timestamp>,
}

/// The templates of today's nodes, which differ by taints and by labels that pods name. Without nodes there is one plain
/// template. A node that is starting or not ready gives none if it has taints: they may go.
#[must_use]
pub fn templates<'n>(nodes: impl IntoIterator<Item = &'n Node>, context: Context<'_>) -> Vec<Template> {
    let (keys, selected) = (context.demand.node_label_keys(), context.demand.selected_keys());
    let (mut settled, mut unsettled) = (Vec::new(), Vec::new());
    for node in nodes {
        let taints: Vec<Taint> = objects::taints(node).filter(|taint| stays(taint)).cloned().collect();
        let is_settled = taints.is_empty() || is_settled(node, context.read_at);
        if is_settled { &mut settled } else { &mut unsettled }.push((node, taints));
    }
    let mut found: Vec<(Template, BTreeSet<String>)> = Vec::new();
    for (node, taints) in if settled.is_empty() { unsettled } else { settled } {
        let accelerator =
            context.catalog.accelerator_model(objects::label(node, INSTANCE_TYPE).unwrap_or_default());
        let labels: BTreeMap<String, String> = objects::labels(&node.metadata)
            .iter()
            .filter(|(key, _)| keys.contains(*key) && origin(key) == Origin::Group)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        // Pods that do not select the managed group get nodes of a new one.
        let mut of_new_group = labels.clone();
        of_new_group.retain(|key, _| !is_managed(key));
        let of_new_group = (of_new_group.len() < labels.len()).then_some(of_new_group);
        for labels in [Some(labels), of_new_group].into_iter().flatten() {
            let template = Template::of(node, labels, taints.clone(), &selected, context);
            let same = found
                .iter_mut()
                .find(|(other, _)| other.labels == template.labels && other.taints == template.taints);
            match same {
                Some((same, accelerators)) => {
                    same.types.extend(template.types);
                    same.market = same.market.or(template.market);
                    same.local_disks &= template.local_disks;
                    same.accelerated &= template.accelerated;
                    accelerators.extend(accelerator.clone());
                }
                None => found.push((template, accelerator.iter().cloned().collect())),
            }
        }
    }
    with_others_accelerators(found)
}

fn with_others_accelerators(found: Vec<(Template, BTreeSet<String>)>) -> Vec<Template> {
    let all: BTreeSet<String> = found.iter().flat_map(|(_, accelerators)| accelerators).cloned().collect();
    let own = |(template, accelerators): (Template, BTreeSet<String>)| Template {
        others_accelerators: all.difference(&accelerators).cloned().collect(),
        ..template
    };
    let mut templates: Vec<Template> = found.into_iter().map(own).collect();
    // Pods that ask for no accelerator need no node of such a group.
    if templates.iter().all(|template| template.accelerated) {
        templates.push(Template { others_accelerators: all, ..Template::default() });
    }
    templates
}

/// Whether the node is ready and has been for long enough, as far as it tells.
fn is_settled(node: &Node, read_at: Option<Timestamp>) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready");
    let created = node.metadata.creation_timestamp.as_ref().map(|created| created.0);
    let age = read_at.zip(created).map(|(now, created)| now.duration_since(created));
    ready.all(|ready| ready.status == "True") && age.is_none_or(|age| age >= START)
}

/// Beginnings of the keys of taints that controllers add for a condition, a start or a drain, and remove again:
/// Kubernetes, Cluster Autoscaler FAQ ("startup taints"), Node Readiness Controller, AWS Node Termination Handler,
/// Karpenter, CAST AI.
const PASSING: [&str; 12] = [
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "node.cluster.x-k8s.io/uninitialized",
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "status-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "readiness.k8s.io/",
    "aws-node-termination-handler/",
    "autoscaling.cast.ai/draining",
    "cast-spot/",
];
const KARPENTER: [&str; 3] =
    ["karpenter.sh/unregistered", "karpenter.sh/disrupted", "karpenter.sh/disruption"];
/// Ending of start-up taints of agents: `node.cilium.io/agent-not-ready`, `ebs.csi.aws.com/agent-not-ready`.
const AGENT: &str = "/agent-not-ready";

/// Whether a new node of the group would have the taint for good, too.
fn stays(taint: &Taint) -> bool {
    !PASSING.iter().any(|begins| taint.key.starts_with(begins))
        && !KARPENTER.contains(&taint.key.as_str())
        && !taint.key.ends_with(AGENT)
        && taint.effect != "PreferNoSchedule"
}

#[cfg(test)]
mod tests;
