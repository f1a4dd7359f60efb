//! Constraints of pods on other pods, as counts of pods by topology domain: affinity, anti-affinity, spread constraints
//! and host ports. Kubernetes documentation, "Assigning Pods to Nodes" and "Pod Topology Spread Constraints".

use std::collections::BTreeSet;

use k8s_openapi::{
    api::core::v1::{PodAffinityTerm, Taint, TopologySpreadConstraint},
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};

use super::{
    kinds::Profiles,
    today::Today,
    types::{Class, Counter, NodeKind, Rules, Spread},
};
use crate::{
    catalog::HOSTNAME,
    demand::{Demand, Pod},
    fit::{self, Labels},
};

/// Keys of pod labels in the selectors of pods; `None` if no pod selects other pods.
pub(super) fn pod_label_keys(pods: &[&Pod]) -> Option<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    let mut any = false;
    for pod in pods {
        let terms = pod.affinity.iter().chain(&pod.anti_affinity);
        let selectors = terms.map(|term| &term.label_selector);
        for selector in selectors.chain(pod.spread.iter().map(|spread| &spread.label_selector)) {
            any = true;
            let Some(selector) = selector else { continue };
            keys.extend(selector.match_labels.iter().flatten().map(|(key, _)| key.clone()));
            keys.extend(selector.match_expressions.iter().flatten().map(|wanted| wanted.key.clone()));
        }
        keys.extend(pod.spread.iter().flat_map(|spread| spread.match_label_keys.iter().flatten().cloned()));
    }
    any.then_some(keys)
}

/// Fills in the rules of all classes, and returns the counters that they name.
pub(super) fn build(
    demand: &Demand,
    pods: Vec<&Pod>,
    classes: &mut [Class],
    kinds: &[NodeKind],
    profiles: &Profiles<'_>,
    today: &Today<'_>,
) -> Vec<Counter> {
    let mut builder = Builder { demand, pods, kinds, profiles, today, counters: Vec::new() };
    for (index, class) in classes.iter_mut().enumerate() {
        class.rules = builder.rules(index);
    }
    builder.anti_affinity_of_others(classes);
    for (index, class) in classes.iter_mut().enumerate() {
        class.rules.anti_affinity.sort_unstable();
        class.rules.anti_affinity.dedup();
        let counted = (0..builder.counters.len()).filter(|one| builder.counters[*one].members[index]);
        class.rules.counted = counted.collect();
    }
    builder.counters
}

struct Builder<'b, 'd> {
    demand: &'d Demand,
    /// One pod of each class.
    pods: Vec<&'d Pod>,
    kinds: &'b [NodeKind],
    profiles: &'b Profiles<'d>,
    today: &'b Today<'d>,
    counters: Vec<Counter>,
}

impl<'d> Builder<'_, 'd> {
    fn rules(&mut self, class: usize) -> Rules {
        let (demand, pod) = (self.demand, self.pods[class]);
        let everywhere = vec![true; self.kinds.len()];
        let mut affinity = pod.affinity.iter();
        let matches_itself = affinity.all(|term| demand.selects(pod, term, &pod.namespace, &pod.labels));
        let mut rules = Rules { matches_itself, ..Rules::default() };
        for term in &pod.anti_affinity {
            let selects = |namespace: &str, labels: &Labels| demand.selects(pod, term, namespace, labels);
            rules.anti_affinity.push(self.counter(&term.topology_key, &everywhere, &[], &selects));
        }
        for port in &pod.host_ports {
            // DaemonSets' ports are part of what a kind of node takes.
            let has_it = |other: &&Pod| other.host_ports.iter().any(|other| fit::ports_clash(port, other));
            let members = self.pods.iter().map(has_it).collect();
            rules.anti_affinity.push(self.counter_of_pods(HOSTNAME, members));
        }
        let selects_all = |namespace: &str, labels: &Labels| {
            pod.affinity.iter().all(|term| demand.selects(pod, term, namespace, labels))
        };
        for term in &pod.affinity {
            rules.affinity.push(self.counter(&term.topology_key, &everywhere, &[], &selects_all));
        }
        for constraint in &pod.spread {
            rules.spread.push(self.spread(pod, constraint));
        }
        rules
    }

    fn spread(&mut self, pod: &Pod, constraint: &TopologySpreadConstraint) -> Spread {
        let selector = with_label_keys(constraint, &pod.labels);
        let matches = |namespace: &str, labels: &Labels| {
            namespace == pod.namespace && fit::selector_matches(selector.as_ref(), labels)
        };
        let new = self.kinds.iter().map(|kind| {
            let offer = self.profiles.examples[kind.profile];
            takes_part(pod, constraint, &offer.labels, &offer.taints)
        });
        let new: Vec<bool> = new.collect();
        let today = self.today.examples().map(|node| takes_part(pod, constraint, &node.labels, &node.taints));
        let today: Vec<bool> = today.collect();
        let index = self.counter(&constraint.topology_key, &new, &today, &matches);
        let counter = &self.counters[index];
        let domains = counter.domains.iter().flatten().zip(&counter.takes_part);
        let domains: BTreeSet<usize> =
            domains.filter(|(_, takes_part)| **takes_part).filter_map(|(domain, _)| *domain).collect();
        Spread {
            counter: index,
            max_skew: constraint.max_skew.unsigned_abs(),
            min_domains: constraint.min_domains.map_or(1, |least| least.unsigned_abs() as usize),
            domains,
            counts_itself: matches(&pod.namespace, &pod.labels),
        }
    }

    /// Adds anti-affinity in the other direction: a pod keeps others away that come after it, too.
    fn anti_affinity_of_others(&mut self, classes: &mut [Class]) {
        for owner in self.pods.clone() {
            for term in &owner.anti_affinity {
                let has_it =
                    |other: &&Pod| other.namespace == owner.namespace && other.anti_affinity.contains(term);
                let members = self.pods.iter().map(has_it).collect();
                let counter = self.counter_of_pods(&term.topology_key, members);
                for (pod, class) in self.pods.iter().zip(classes.iter_mut()) {
                    if self.demand.selects(owner, term, &pod.namespace, &pod.labels) {
                        class.rules.anti_affinity.push(counter);
                    }
                }
            }
        }
    }

    /// A counter of the pods for which `matches`, those of DaemonSets included.
    fn counter(
        &mut self,
        key: &str,
        takes_part: &[bool],
        today: &[bool],
        matches: &dyn Fn(&str, &Labels) -> bool,
    ) -> usize {
        let members = self.pods.iter().map(|pod| matches(&pod.namespace, &pod.labels)).collect();
        let daemons = |kind: &NodeKind| {
            let daemons = self.profiles.daemons[kind.profile].iter();
            daemons.filter(|daemon| matches(&daemon.namespace, &daemon.labels)).count() as u32
        };
        let daemon_pods = self.kinds.iter().map(daemons).collect();
        self.add(key, takes_part.to_vec(), today, members, daemon_pods)
    }

    /// A counter of pods on all nodes, without DaemonSets.
    fn counter_of_pods(&mut self, key: &str, members: Vec<bool>) -> usize {
        let kinds = self.kinds.len();
        self.add(key, vec![true; kinds], &[], members, vec![0; kinds])
    }

    /// The index of such a counter; equal ones are one. Today's nodes that do not stay are no domains of host names:
    /// they are gone in the end, and no pod moves to them.
    fn add(
        &mut self,
        key: &str,
        takes_part: Vec<bool>,
        takes_part_today: &[bool],
        members: Vec<bool>,
        daemon_pods: Vec<u32>,
    ) -> usize {
        let mut values: Vec<&str> = Vec::new();
        let mut domain = |labels: &'d Labels| {
            let value = labels.get(key)?;
            Some(values.iter().position(|found| found == value).unwrap_or_else(|| {
                values.push(value);
                values.len() - 1
            }))
        };
        let examples = &self.profiles.examples;
        let kinds = self.kinds.iter().map(|kind| &examples[kind.profile].labels);
        let domains = (key != HOSTNAME).then(|| kinds.map(&mut domain).collect());
        let today = self.today.examples().zip(takes_part_today);
        let today =
            today.map(|(node, part)| domain(&node.labels).filter(|_| *part && key != HOSTNAME)).collect();
        let counter = Counter { domains, values: values.len(), takes_part, daemon_pods, today, members };
        self.counters.iter().position(|other| *other == counter).unwrap_or_else(|| {
            self.counters.push(counter);
            self.counters.len() - 1
        })
    }
}

/// Whether nodes with these labels and taints are domains of a spread constraint: nodeAffinityPolicy,
/// nodeTaintsPolicy, and all keys present.
fn takes_part(pod: &Pod, spread: &TopologySpreadConstraint, labels: &Labels, taints: &[Taint]) -> bool {
    let honors = |policy: &Option<String>, default| policy.as_deref().unwrap_or(default) == "Honor";
    let has_keys = pod
        .spread
        .iter()
        .all(|spread| spread.topology_key == HOSTNAME || labels.contains_key(&spread.topology_key));
    let selected = !honors(&spread.node_affinity_policy, "Honor") || fit::selects(pod, labels);
    let tolerated =
        !honors(&spread.node_taints_policy, "Ignore") || fit::untolerated(&pod.tolerations, taints).is_none();
    has_keys && selected && tolerated
}

impl Demand {
    /// Whether the term of `owner` selects a pod with these labels in this namespace.
    fn selects(&self, owner: &Pod, term: &PodAffinityTerm, namespace: &str, labels: &Labels) -> bool {
        fit::term_selects(term, &owner.namespace, namespace, labels, |selector| {
            let none = Labels::new();
            fit::selector_matches(Some(selector), self.namespaces.get(namespace).unwrap_or(&none))
        })
    }
}

/// The selector of a spread constraint with the pod's own values of its matchLabelKeys.
fn with_label_keys(spread: &TopologySpreadConstraint, labels: &Labels) -> Option<LabelSelector> {
    let mut selector = spread.label_selector.clone()?;
    for key in spread.match_label_keys.iter().flatten() {
        if let Some(value) = labels.get(key) {
            selector.match_expressions.get_or_insert_default().push(LabelSelectorRequirement {
                key: key.clone(),
                operator: "In".to_owned(),
                values: Some(vec![value.clone()]),
            });
        }
    }
    Some(selector)
}
