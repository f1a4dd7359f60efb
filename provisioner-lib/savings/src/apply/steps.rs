//! The way to the proposal: which of today's nodes go, in which order, and what that saves.

use std::collections::{BTreeMap, BTreeSet};

use super::workloads::{Patch, quoted};
use crate::{
    compare::{Comparison, share},
    demand::requests_of,
    machines::{Machine, Place},
    money::Money,
    objects::{label, name, node_of},
    snapshot::Snapshot,
    verdict::{Judged, Kind, Owned},
};

/// Labels of a node with the group that launched it, and what that is.
const GROUPS: [(&str, &str); 2] =
    [("eks.amazonaws.com/nodegroup", "node group"), ("karpenter.sh/nodepool", "NodePool")];

/// A step, after which the cluster can stay as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// A sentence.
    pub what: String,
    /// Commands in their order; empty if there is nothing to call.
    pub commands: Vec<String>,
    /// Savings of an hour. Below zero if the step costs more than it saves.
    pub hourly: Money,
}

/// Nodes of today that are launched by the same group.
#[derive(Default)]
struct Group<'m> {
    /// The group's label and its value, if it has one.
    label: Option<(&'static str, String)>,
    leaving: Vec<&'m Machine>,
    stays: bool,
    before: Money,
    after: Money,
}

fn free(what: &str, commands: Vec<String>) -> Step {
    Step { what: what.to_owned(), commands, hourly: Money::ZERO }
}

/// The first steps: the file, as far as it has objects, and why it may have no NodePool.
pub(super) fn apply(has_pools: bool, has_budgets: bool) -> Vec<Step> {
    let objects = match (has_pools, has_budgets) {
        (true, _) => Some("an EC2NodeClass, NodePools and PodDisruptionBudgets"),
        (false, true) => Some("PodDisruptionBudgets"),
        (false, false) => None,
    };
    let nothing_new = "No node is launched, so there is no NodePool: nodes only go away, and those that stay have \
                       room for their pods.";
    let file = |objects| {
        let what = format!("Apply this file: {objects}. No pod moves.");
        free(&what, vec!["kubectl apply --server-side -f FILE".to_owned()])
    };
    let nothing_new = (!has_pools).then(|| free(nothing_new, Vec::new()));
    nothing_new.into_iter().chain(objects.map(file)).collect()
}

/// The steps after that: patches, then one group of nodes after the other, the greatest savings first.
pub(super) fn steps(
    comparison: &Comparison,
    snapshot: &Snapshot,
    machines: &BTreeMap<String, Machine>,
    patches: &[Patch],
) -> Vec<Step> {
    let mut steps = Vec::new();
    let commands: Vec<String> = patches.iter().filter_map(Patch::command).collect();
    if !patches.is_empty() {
        let mut what =
            "Patch the workloads, or change them where they are delivered from. Their pods are replaced \
                        on today's nodes."
                .to_owned();
        let by_hand = patches.iter().filter(|patch| patch.command().is_none());
        let by_hand = by_hand.map(|patch| {
            format!(
                " {} {}/{}: add {} to its pod template.",
                patch.kind.as_str(),
                patch.namespace,
                patch.name,
                patch.adds.join(" and ")
            )
        });
        what.extend(by_hand);
        steps.push(free(&what, commands));
    }
    let (groups, other) = groups(comparison, snapshot, machines);
    let mut moves: Vec<Step> = groups
        .iter()
        .filter(|(_, group)| !group.leaving.is_empty())
        .map(|(name, group)| {
            let nodes = group.leaving.len();
            let mut what = format!("Drain {name} ({nodes} {}).", if nodes == 1 { "node" } else { "nodes" });
            what.extend(group.in_the_way(comparison, snapshot));
            if group.label.is_none() || group.stays {
                what +=
                    " Then terminate their instances, and lower the size of the group that launched them.";
            }
            let cluster = comparison.report.cluster.as_deref();
            Step { what, commands: group.commands(cluster), hourly: group.before - group.after }
        })
        .collect();
    moves.sort_by_key(|step| -step.hourly.micros());
    steps.extend(moves);
    if other > Money::ZERO {
        let what = "Nodes for pods that are pending today.".to_owned();
        steps.push(Step { what, commands: Vec::new(), hourly: Money::ZERO - other });
    }
    steps
}

/// Today's groups with their price and the price of the new nodes of their pods, and the price of new nodes of others.
fn groups<'m>(
    comparison: &Comparison,
    snapshot: &Snapshot,
    machines: &'m BTreeMap<String, Machine>,
) -> (BTreeMap<String, Group<'m>>, Money) {
    let kept = comparison.nodes.iter().filter(|node| node.offer.is_none());
    let kept: BTreeSet<&str> = kept.map(|node| node.machine.name.as_str()).collect();
    let mut groups: BTreeMap<String, Group<'m>> = BTreeMap::new();
    let mut group_of: BTreeMap<&str, String> = BTreeMap::new();
    for node in &snapshot.nodes {
        let name = name(&node.metadata);
        let Some(machine) = machines.get(name).filter(|machine| machine.place == Place::Ec2) else {
            continue;
        };
        let found = GROUPS.iter().find_map(|(key, what)| Some((*key, *what, label(node, key)?)));
        let title = match found {
            Some((_, what, value)) => format!("the {what} {value}"),
            None => format!("nodes of {}", machine.instance_type.as_deref().unwrap_or("unknown type")),
        };
        let group = groups.entry(title.clone()).or_default();
        group.label = found.map(|(key, _, value)| (key, value.to_owned()));
        if kept.contains(name) {
            group.stays = true;
        } else {
            group.leaving.push(machine);
            group.before += machine.hourly.unwrap_or_default();
        }
        group_of.insert(name, title);
    }
    let mut other = Money::ZERO;
    for node in comparison.nodes.iter().filter(|node| node.offer.is_some()) {
        let hourly = node.machine.hourly.unwrap_or_default();
        let share_of =
            |pod: &usize| share(&requests_of(&snapshot.pods[*pod]), &node.machine.allocatable).max(1);
        let whole = node.pods.iter().map(share_of).sum();
        let mut rest = hourly;
        for (place, pod) in node.pods.iter().enumerate() {
            // The last one has what rounding leaves.
            let is_last = place + 1 == node.pods.len();
            let part = if is_last { rest } else { hourly.part(share_of(pod), whole) };
            rest = rest - part;
            match node_of(&snapshot.pods[*pod]).and_then(|today| groups.get_mut(group_of.get(today)?)) {
                Some(group) => group.after += part,
                None => other += part,
            }
        }
        other += rest;
    }
    (groups, other)
}

impl Group<'_> {
    /// What stops a drain of its nodes, or is lost by it, a sentence each.
    fn in_the_way(&self, comparison: &Comparison, snapshot: &Snapshot) -> Vec<String> {
        let names: BTreeSet<&str> = self.leaving.iter().map(|machine| machine.name.as_str()).collect();
        let is_here = |pod: &usize| node_of(&snapshot.pods[*pod]).is_some_and(|node| names.contains(node));
        let here = comparison.judged.iter().filter(|judged| judged.owned.pods.iter().any(is_here));
        let sentence = |judged: &Judged| {
            let Owned { namespace, name, kind, .. } = &judged.owned;
            let mut reasons = judged.reasons.iter().chain(&judged.cautions);
            match kind {
                Kind::Pod => {
                    Some(format!(" {namespace}/{name} has no controller: delete it, or drain with --force."))
                }
                Kind::Job => Some(format!(" Wait for the Job {namespace}/{name}: its work would be lost.")),
                _ => reasons
                    .find(|reason| reason.code == "budget")
                    .map(|reason| format!(" The drain waits for {namespace}/{name}: {}.", reason.text)),
            }
        };
        here.filter_map(sentence).collect()
    }

    fn commands(&self, cluster: Option<&str>) -> Vec<String> {
        let names: Vec<_> = self.leaving.iter().map(|machine| quoted(&machine.name)).collect();
        let nodes = match &self.label {
            Some((key, value)) if !self.stays => format!("-l {key}={}", quoted(value)),
            _ => names.join(" "),
        };
        let mut commands = vec![
            format!("kubectl cordon {nodes}"),
            format!("kubectl drain {nodes} --ignore-daemonsets --delete-emptydir-data"),
        ];
        match &self.label {
            Some(("karpenter.sh/nodepool", name)) if !self.stays => {
                commands.push(format!("kubectl delete nodepool {}", quoted(name)));
            }
            Some(("eks.amazonaws.com/nodegroup", name)) if !self.stays => commands.push(format!(
                "aws eks update-nodegroup-config --cluster-name {} --nodegroup-name {} \
                 --scaling-config minSize=0,desiredSize=0",
                quoted(cluster.unwrap_or(super::CLUSTER)),
                quoted(name),
            )),
            _ => {}
        }
        commands
    }
}
