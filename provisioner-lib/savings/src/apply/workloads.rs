//! What workloads need before they move: a PodDisruptionBudget, spread, a toleration.

use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::{
    api::{
        core::v1::{
            NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, PodTemplateSpec,
            PreferredSchedulingTerm, Toleration, TopologySpreadConstraint,
        },
        policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, ObjectMeta},
        util::intstr::IntOrString,
    },
};
use serde_json::{Value, json};
use shlex::Quoter;

use super::pools::{PREFIX, spot_taint};
use crate::{
    catalog::{ARCHITECTURE, HOSTNAME, Market, ZONE},
    demand,
    fit::{selector_matches, untolerated},
    objects,
    snapshot::Snapshot,
    verdict::{Judged, Kind, Owned, covers, is_spread},
};

/// Labels that controllers give to pods and that differ among the pods of a workload, or change with its version.
const OF_CONTROLLERS: [&str; 4] = [
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
];

const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// As many as a rolling update takes by default (apps/v1, maxUnavailable). It is rounded up.
const MOST_UNAVAILABLE: &str = "25%";

/// A strategic merge patch of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Namespace.
    pub namespace: String,
    /// Kind.
    pub kind: Kind,
    /// Name.
    pub name: String,
    /// What it adds, as a short phrase each.
    pub adds: Vec<&'static str>,
    /// The patch.
    pub body: Value,
}

impl Patch {
    /// The command that applies it; none of a kind whose pod template is elsewhere than in those of Kubernetes.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let kind = match self.kind {
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "statefulset",
            Kind::DaemonSet => "daemonset",
            _ => return None,
        };
        let body = self.body.to_string();
        let [name, namespace, body] = [&self.name, &self.namespace, &body].map(|word| quoted(word));
        Some(format!("kubectl patch {kind} {name} -n {namespace} -p {body}"))
    }
}

/// A word of a command. Names in a file may be anything.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    // With NUL allowed there is no error.
    Quoter::new().allow_nul(true).quote(word).unwrap_or_default()
}

/// A budget for each workload on Spot that has none, and whose pods can be selected.
pub(super) fn budgets(judged: &[Judged], snapshot: &Snapshot) -> Vec<PodDisruptionBudget> {
    let unprotected = judged.iter().filter(|judged| {
        let pod = judged.owned.pods.first().map(|pod| &snapshot.pods[*pod]);
        let covered = |pod: &Pod| {
            snapshot.pod_disruption_budgets.iter().any(|budget| covers(budget, &judged.owned.namespace, pod))
        };
        judged.market == Some(Market::Spot)
            && judged.owned.replicas > 1
            && pod.is_some_and(|pod| !covered(pod))
    });
    let budgets = unprotected.filter_map(|judged| {
        let Owned { namespace, name, .. } = &judged.owned;
        Some(PodDisruptionBudget {
            metadata: ObjectMeta {
                name: Some(format!("{PREFIX}-{name}")),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(PodDisruptionBudgetSpec {
                max_unavailable: Some(IntOrString::String(MOST_UNAVAILABLE.to_owned())),
                selector: Some(selector(&judged.owned, snapshot)?),
                ..PodDisruptionBudgetSpec::default()
            }),
            status: None,
        })
    });
    budgets.collect()
}

/// A patch for each workload that lacks something. `both` is whether one NodePool has nodes of both architectures.
pub(super) fn patches(judged: &[Judged], snapshot: &Snapshot, both: bool) -> Vec<Patch> {
    let patches = judged.iter().filter_map(|judged| {
        let owned = &judged.owned;
        let of_template = template(owned, snapshot).and_then(|template| template.spec.clone());
        let spec =
            of_template.or_else(|| Some(as_written(snapshot.pods[*owned.pods.first()?].spec.clone()?)))?;
        // Sorted: the order of keys of a JSON value depends on features of other crates.
        let mut body: BTreeMap<&str, Value> = BTreeMap::new();
        let mut adds = Vec::new();
        let comes_to_spot = judged.market == Some(Market::Spot) || judged.owned.kind == Kind::DaemonSet;
        if comes_to_spot && let Some(tolerations) = tolerations(&spec) {
            body.insert("tolerations", json!(tolerations));
            adds.push("a toleration");
        }
        if judged.market == Some(Market::Spot) && !judged.is_pinned {
            body.insert("affinity", json!({ "nodeAffinity": { PREFERRED: preferences(&spec) } }));
            adds.push("a preference");
        }
        if judged.market == Some(Market::Spot)
            && owned.replicas > 1
            && !is_spread(&demand::Pod::of_spec(&spec))
            && let Some(selector) = selector(owned, snapshot)
        {
            body.insert("topologySpreadConstraints", json!(spread(owned.replicas, &selector)));
            adds.push("spread");
        }
        if both
            && judged.market.is_some()
            && let Some(architecture) = architecture(judged, &spec, snapshot)
        {
            body.insert("nodeSelector", json!({ ARCHITECTURE: architecture }));
            adds.push("its architecture");
        }
        let body = json!({ "spec": { "template": { "spec": body } } });
        (!adds.is_empty()).then(|| Patch {
            namespace: owned.namespace.clone(),
            kind: owned.kind.clone(),
            name: owned.name.clone(),
            adds,
            body,
        })
    });
    patches.collect()
}

/// The spec of a pod without the tolerations that admission and the DaemonSet controller add.
fn as_written(mut spec: PodSpec) -> PodSpec {
    let is_added =
        |found: &Toleration| found.key.as_ref().is_some_and(|key| key.starts_with("node.kubernetes.io/"));
    spec.tolerations.iter_mut().for_each(|all| all.retain(|found| !is_added(found)));
    spec
}

/// All tolerations, with one of Spot nodes: a patch replaces the list. None if it tolerates them.
fn tolerations(spec: &PodSpec) -> Option<Vec<Toleration>> {
    let taint = spot_taint();
    let mut all = spec.tolerations.clone().unwrap_or_default();
    untolerated(&all, std::slice::from_ref(&taint))?;
    all.push(Toleration {
        key: Some(taint.key),
        operator: Some("Equal".to_owned()),
        value: taint.value,
        effect: Some(taint.effect),
        toleration_seconds: None,
    });
    Some(all)
}

/// All preferences of nodes, with one of Spot: a patch replaces the list. With a toleration alone, Karpenter fills up nodes
/// that it launches for On-Demand workloads.
fn preferences(spec: &PodSpec) -> Vec<PreferredSchedulingTerm> {
    let node = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let all = node.and_then(|node| node.preferred_during_scheduling_ignored_during_execution.clone());
    let taint = spot_taint();
    let is_spot = NodeSelectorRequirement {
        key: taint.key,
        operator: "In".to_owned(),
        values: Some(taint.value.into_iter().collect()),
    };
    let preference = NodeSelectorTerm { match_expressions: Some(vec![is_spot]), match_fields: None };
    let mut all = all.unwrap_or_default();
    all.push(PreferredSchedulingTerm { weight: 100, preference });
    all
}

/// Soft constraints: even over zones, and at most half of the pods on one node. Karpenter treats them as hard while it
/// can, so that an even spread over nodes would be a node for each pod.
fn spread(replicas: usize, selector: &LabelSelector) -> [TopologySpreadConstraint; 2] {
    let over = |key: &str, max_skew: usize| TopologySpreadConstraint {
        topology_key: key.to_owned(),
        max_skew: i32::try_from(max_skew).unwrap_or(i32::MAX),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(selector.clone()),
        ..TopologySpreadConstraint::default()
    };
    [over(ZONE, 1), over(HOSTNAME, replicas.div_ceil(2))]
}

/// The architecture that its pods run on today, if nothing in their spec says one.
fn architecture<'s>(judged: &Judged, spec: &PodSpec, snapshot: &'s Snapshot) -> Option<&'s str> {
    let text = serde_json::to_string(&(&spec.node_selector, &spec.affinity)).unwrap_or_default();
    if text.contains(ARCHITECTURE) {
        return None;
    }
    let nodes = judged.owned.pods.iter().filter_map(|pod| objects::node_of(&snapshot.pods[*pod]));
    let found = nodes.filter_map(|name| {
        let node = snapshot.nodes.iter().find(|node| objects::name(&node.metadata) == name)?;
        objects::label(node, ARCHITECTURE)
    });
    let mut found: Vec<&str> = found.collect();
    found.dedup();
    // Pods on both run anywhere.
    if let [only] = found[..] { Some(only) } else { None }
}

fn template<'s>(owned: &Owned, snapshot: &'s Snapshot) -> Option<&'s PodTemplateSpec> {
    let is_it = |metadata: &ObjectMeta| {
        (objects::namespace(metadata), objects::name(metadata)) == (&owned.namespace, &owned.name)
    };
    match owned.kind {
        Kind::Deployment => {
            let found = snapshot.deployments.iter().find(|found| is_it(&found.metadata))?;
            found.spec.as_ref().map(|spec| &spec.template)
        }
        Kind::StatefulSet => {
            let found = snapshot.stateful_sets.iter().find(|found| is_it(&found.metadata))?;
            found.spec.as_ref().map(|spec| &spec.template)
        }
        Kind::DaemonSet => {
            let found = snapshot.daemon_sets.iter().find(|found| is_it(&found.metadata))?;
            found.spec.as_ref().map(|spec| &spec.template)
        }
        _ => None,
    }
}

/// Labels that all pods of the workload have, and no other pod of its namespace.
fn selector(owned: &Owned, snapshot: &Snapshot) -> Option<LabelSelector> {
    let mut pods = owned.pods.iter().map(|pod| objects::labels(&snapshot.pods[*pod].metadata));
    let mut common: BTreeMap<String, String> = pods.next()?.clone();
    common.retain(|key, _| !OF_CONTROLLERS.contains(&key.as_str()));
    pods.for_each(|other| common.retain(|key, value| other.get(key) == Some(value)));
    if common.is_empty() {
        return None;
    }
    let selector = LabelSelector { match_labels: Some(common), match_expressions: None };
    let others = snapshot.pods.iter().enumerate();
    let others = others.filter(|(_, pod)| objects::namespace(&pod.metadata) == owned.namespace);
    let mut others = others.filter(|(place, _)| owned.pods.binary_search(place).is_err());
    let is_of_others =
        others.any(|(_, pod)| selector_matches(Some(&selector), objects::labels(&pod.metadata)));
    (!is_of_others).then_some(selector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_command_is_one_word() {
        assert_eq!(
            quoted("ip-10-0-0-1.eu-west-1.compute.internal"),
            "ip-10-0-0-1.eu-west-1.compute.internal"
        );
        for name in ["$(id)'s", "a b", "", "`id`\"\\"] {
            assert_eq!(shlex::split(&quoted(name)), Some(vec![name.to_owned()]), "{}", quoted(name));
        }
    }
}
