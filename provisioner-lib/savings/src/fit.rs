//! The kube-scheduler's filters for a pod and an empty node, with reasons. Constraints on other pods are part of
//! [`crate::pack`].

use std::{collections::BTreeMap, fmt};

use k8s_openapi::{
    api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, Taint, Toleration},
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};

use crate::{catalog::HOSTNAME, demand::Pod, offers::Offer, quantity::Resources};

/// Labels of a node, a pod or a namespace.
pub type Labels = BTreeMap<String, String>;

/// Why a pod has no node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No offer has the labels that its nodeSelector, its node affinity or the proposal requires.
    Labels(String),
    /// No offer is where its volumes are.
    Volumes(String),
    /// It does not tolerate this taint.
    Taint(String),
    /// No offer is big enough: the resource that is short.
    Resource(String),
    /// A DaemonSet on every such node has its host port.
    HostPort(String),
    /// Constraints on other pods: affinity, anti-affinity, spread, host ports.
    OtherPods(String),
    /// An obstacle on every node.
    Obstacle(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Labels(wanted) => write!(f, "no instance type on offer has the node labels {wanted}"),
            Self::Volumes(wanted) => write!(f, "its volumes need a node with {wanted}"),
            Self::Taint(taint) => write!(f, "it does not tolerate the taint {taint}"),
            Self::Resource(name) => write!(f, "no instance type on offer has enough {name}"),
            Self::HostPort(port) => write!(f, "a DaemonSet has its host port {port}"),
            Self::OtherPods(what) => write!(f, "constraints on other pods: {what}"),
            Self::Obstacle(what) => f.write_str(what),
        }
    }
}

/// Whether the pod fits on a node of the offer beside its DaemonSets.
pub fn fits_empty(pod: &Pod, offer: &Offer, daemons: &[&Pod]) -> Result<(), Reason> {
    if let Some(obstacle) = &pod.obstacle {
        return Err(Reason::Obstacle(obstacle.clone()));
    }
    admits(pod, offer)?;
    let sum = daemons.iter().chain([&pod]).map(|pod| &pod.requests).sum();
    if let Some(lacking) = lacking(&sum, &pod.requests, &offer.allocatable) {
        return Err(Reason::Resource(lacking));
    }
    if daemons.len() + 1 > offer.max_pods as usize {
        return Err(Reason::Resource("pods".to_owned()));
    }
    if pod.volumes.len() > offer.max_volumes as usize {
        return Err(Reason::Resource("attachable volumes".to_owned()));
    }
    host_port_taken(pod, daemons).map_or(Ok(()), Err)
}

/// Whether labels and taints of the offer admit the pod, whatever its size.
pub fn admits(pod: &Pod, offer: &Offer) -> Result<(), Reason> {
    if !selects(pod, &offer.labels) {
        return Err(Reason::Labels(wanted(pod)));
    }
    if let Some(terms) = pod.volume_affinity.iter().find(|terms| !any_matches(terms, &offer.labels)) {
        return Err(Reason::Volumes(written(terms)));
    }
    match untolerated(&pod.tolerations, &offer.taints) {
        Some(taint) => Err(Reason::Taint(format!("{}={}", taint.key, taint.value.as_deref().unwrap_or("")))),
        None => Ok(()),
    }
}

/// A host port of the pod that a DaemonSet uses.
#[must_use]
pub fn host_port_taken(pod: &Pod, daemons: &[&Pod]) -> Option<Reason> {
    let taken = |port: &&(String, String, i32)| {
        daemons.iter().flat_map(|daemon| &daemon.host_ports).any(|taken| ports_clash(taken, port))
    };
    let port = pod.host_ports.iter().find(taken)?;
    Some(Reason::HostPort(format!("{}/{}", port.2, port.1)))
}

/// The DaemonSets that run on nodes of an offer.
#[must_use]
pub fn daemons_on<'d>(daemons: &'d [Pod], offer: &Offer) -> Vec<&'d Pod> {
    let runs = |daemon: &&Pod| {
        selects(daemon, &offer.labels) && untolerated(&daemon.tolerations, &offer.taints).is_none()
    };
    daemons.iter().filter(runs).collect()
}

/// Whether nodeSelector, pins and required node affinity select a node with these labels.
#[must_use]
pub fn selects(pod: &Pod, labels: &Labels) -> bool {
    contains_all(labels, &pod.node_selector)
        && contains_all(labels, &pod.pins)
        && (pod.node_affinity.is_empty() || any_matches(&pod.node_affinity, labels))
}

/// The first requested resource of which `allocatable` has less than `sum`.
fn lacking(sum: &Resources, requests: &Resources, allocatable: &Resources) -> Option<String> {
    let of = |resources: &Resources, name: &str| match name {
        "CPU" => resources.cpu,
        "memory" => resources.memory,
        "ephemeral storage" => resources.ephemeral_storage,
        _ => resources.extended.get(name).copied().unwrap_or(0),
    };
    let extended = requests.extended.keys().map(String::as_str);
    let mut names = ["CPU", "memory", "ephemeral storage"].into_iter().chain(extended);
    let lacks = |name: &&str| of(requests, name) > 0 && of(sum, name) > of(allocatable, name);
    names.find(lacks).map(str::to_owned)
}

/// The first taint that keeps a pod from being scheduled. Kubernetes documentation, "Taints and Tolerations".
#[must_use]
pub fn untolerated<'t>(tolerations: &[Toleration], taints: &'t [Taint]) -> Option<&'t Taint> {
    let forbids = |taint: &&Taint| taint.effect == "NoSchedule" || taint.effect == "NoExecute";
    taints.iter().filter(forbids).find(|taint| !tolerations.iter().any(|found| tolerates(found, taint)))
}

fn tolerates<'t>(toleration: &'t Toleration, taint: &'t Taint) -> bool {
    let text = |field: &'t Option<String>| field.as_deref().unwrap_or_default();
    let (key, effect) = (text(&toleration.key), text(&toleration.effect));
    let is_of_value = || !key.is_empty() && text(&toleration.value) == text(&taint.value);
    (effect.is_empty() || effect == taint.effect)
        && (key.is_empty() || key == taint.key)
        && (toleration.operator.as_deref() == Some("Exists") || is_of_value())
}

fn contains_all(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether one of the terms matches. A term without words matches nothing.
#[must_use]
pub fn any_matches(terms: &[NodeSelectorTerm], labels: &Labels) -> bool {
    terms.iter().any(|term| {
        // Fields name one node, and nodes of a proposal have no names.
        let fields = term.match_fields.as_ref().is_none_or(Vec::is_empty);
        let expressions = term.match_expressions.as_deref().unwrap_or_default();
        fields && !expressions.is_empty() && expressions.iter().all(|wanted| meets(wanted, labels))
    })
}

fn meets(wanted: &NodeSelectorRequirement, labels: &Labels) -> bool {
    let found = labels.get(&wanted.key);
    let values = wanted.values.as_deref().unwrap_or_default();
    let compared = |than: fn(i64, i64) -> bool| {
        let bound = values.first().and_then(|value| value.parse().ok());
        let found = found.and_then(|found| found.parse().ok());
        bound.zip(found).is_some_and(|(bound, found)| than(found, bound))
    };
    match wanted.operator.as_str() {
        "Gt" => compared(|found, bound| found > bound),
        "Lt" => compared(|found, bound| found < bound),
        // Each node has its name, though an offer does not know it.
        "Exists" if wanted.key == HOSTNAME => true,
        "DoesNotExist" if wanted.key == HOSTNAME => false,
        operator => holds(operator, values, found),
    }
}

/// The operators of node terms and of label selectors.
fn holds(operator: &str, values: &[String], found: Option<&String>) -> bool {
    match operator {
        "In" => found.is_some_and(|found| values.contains(found)),
        "NotIn" => found.is_none_or(|found| !values.contains(found)),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        _ => false,
    }
}

/// Whether a label selector matches; none matches nothing, an empty one everything.
#[must_use]
pub fn selector_matches(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    let Some(selector) = selector else { return false };
    let exact = selector.match_labels.as_ref().is_none_or(|wanted| contains_all(labels, wanted));
    exact
        && selector.match_expressions.iter().flatten().all(|wanted| {
            let values = wanted.values.as_deref().unwrap_or_default();
            holds(&wanted.operator, values, labels.get(&wanted.key))
        })
}

/// Whether an affinity term of a pod in namespace `own` selects a pod with these labels in `namespace`. `by_labels`
/// decides whether a namespaceSelector selects that namespace.
pub fn term_selects(
    term: &PodAffinityTerm,
    own: &str,
    namespace: &str,
    labels: &Labels,
    by_labels: impl FnOnce(&LabelSelector) -> bool,
) -> bool {
    let named = term.namespaces.as_deref().unwrap_or_default();
    let selector = term.namespace_selector.as_ref();
    let in_namespace = if named.is_empty() && selector.is_none() {
        namespace == own
    } else {
        named.iter().any(|name| name == namespace) || selector.is_some_and(by_labels)
    };
    in_namespace && selector_matches(term.label_selector.as_ref(), labels)
}

/// Whether two host ports cannot be on one node.
#[must_use]
pub fn ports_clash(one: &(String, String, i32), other: &(String, String, i32)) -> bool {
    let any = |address: &str| address == "0.0.0.0" || address == "::";
    one.1 == other.1 && one.2 == other.2 && (one.0 == other.0 || any(&one.0) || any(&other.0))
}

fn wanted(pod: &Pod) -> String {
    let pairs = pod.node_selector.iter().chain(&pod.pins).map(|(key, value)| format!("{key}={value}"));
    let affinity = (!pod.node_affinity.is_empty()).then(|| written(&pod.node_affinity));
    pairs.chain(affinity).collect::<Vec<_>>().join(", ")
}

fn written(terms: &[NodeSelectorTerm]) -> String {
    let terms = terms.iter().map(|term| {
        let expressions = term.match_expressions.iter().chain(&term.match_fields).flatten();
        let expressions = expressions.map(|wanted| {
            let values = wanted.values.as_deref().unwrap_or_default().join("|");
            format!("{} {} {values}", wanted.key, wanted.operator).trim_end().to_owned()
        });
        expressions.collect::<Vec<_>>().join(" and ")
    });
    terms.collect::<Vec<_>>().join(", or ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn node_terms_match_as_the_scheduler_matches_them() {
        let node = labels(&[("disk", "ssd"), ("cores", "8")]);
        let term = |key: &str, operator: &str, values: &[&str]| json!([{ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] }]);
        for (terms, expected) in [
            (term("disk", "In", &["hdd", "ssd"]), true),
            (term("disk", "NotIn", &["ssd"]), false),
            (term("other", "NotIn", &["x"]), true),
            (term("disk", "Exists", &[]), true),
            (term("disk", "DoesNotExist", &[]), false),
            (term("cores", "Gt", &["4"]), true),
            (term("cores", "Lt", &["8"]), false),
            (term("disk", "Gt", &["4"]), false),
            (json!([{}]), false),
            (
                json!([{ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["n"] }] }]),
                false,
            ),
            (json!([{}, { "matchExpressions": [{ "key": "disk", "operator": "Exists" }] }]), true),
        ] {
            let read: Vec<NodeSelectorTerm> = from_value(terms.clone()).unwrap();
            assert_eq!(any_matches(&read, &node), expected, "{terms}");
        }
    }

    #[test]
    fn taints_are_tolerated_by_key_value_and_effect() {
        let taint: Vec<Taint> =
            from_value(json!([{ "key": "gpu", "value": "yes", "effect": "NoSchedule" }])).unwrap();
        for (toleration, expected) in [
            (json!({ "key": "gpu", "value": "yes" }), true),
            (json!({ "key": "gpu", "operator": "Equal", "value": "no" }), false),
            (json!({ "key": "gpu", "operator": "Exists" }), true),
            (json!({ "operator": "Exists" }), true),
            (json!({ "key": "gpu", "operator": "Exists", "effect": "NoExecute" }), false),
            (json!({}), false),
        ] {
            let read: Toleration = from_value(toleration.clone()).unwrap();
            assert_eq!(untolerated(&[read], &taint).is_none(), expected, "{toleration}");
        }
        let soft: Vec<Taint> = from_value(json!([{ "key": "gpu", "effect": "PreferNoSchedule" }])).unwrap();
        assert!(untolerated(&[], &soft).is_none());
    }

    #[test]
    fn no_selector_matches_nothing_and_an_empty_one_everything() {
        let of = |selector: Value| from_value::<LabelSelector>(selector).unwrap();
        let pod = labels(&[("app", "a")]);
        assert!(!selector_matches(None, &pod));
        assert!(selector_matches(Some(&of(json!({}))), &pod));
        assert!(selector_matches(Some(&of(json!({ "matchLabels": { "app": "a" } }))), &pod));
        let not = json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["a"] }] });
        assert!(!selector_matches(Some(&of(not)), &pod));
    }
}
