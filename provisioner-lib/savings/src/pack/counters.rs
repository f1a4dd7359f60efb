//! Constraints of pods on other pods, as counts of pods by topology domain: affinity, anti-affinity, spread constraints
//! and host ports. Kubernetes documentation, "Assigning Pods to Nodes" and "Pod Topology Spread Constraints".

use std::collections::BTreeSet;

use k8s_openapi::{
    api::core::v1::{PodAffinityTerm, TopologySpreadConstraint},
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};

use super::{
    kinds::Profiles,
    types::{Class, Counter, NodeKind, Rules, Spread},
};
use crate::{
    catalog::HOSTNAME,
    demand::{Demand, Pod},
    fit::{self, Labels},
};

/// Keys of pod labels in the selectors of pods; `None` if no pod selects other pods.
pub(super) fn pod_label_keys(demand: &Demand) -> Option<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    let mut any = false;
    for pod in &demand.pods {
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
    classes: &mut [Class],
    kinds: &[NodeKind],
    profiles: &Profiles<'_>,
) -> Vec<Counter> {
    let pods = classes.iter().map(|class| &demand.pods[class.members[0]]).collect();
    let mut builder = Builder { demand, pods, kinds, profiles, counters: Vec::new() };
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
    counters: Vec<Counter>,
}

impl Builder<'_, '_> {
    fn rules(&mut self, class: usize) -> Rules {
        let (demand, pod) = (self.demand, self.pods[class]);
        let everywhere = vec![true; self.kinds.len()];
        let mut affinity = pod.affinity.iter();
        let matches_itself = affinity.all(|term| demand.selects(pod, term, &pod.namespace, &pod.labels));
        let mut rules = Rules { matches_itself, ..Rules::default() };
        for term in &pod.anti_affinity {
            let selects = |namespace: &str, labels: &Labels| demand.selects(pod, term, namespace, labels);
            rules.anti_affinity.push(self.counter(&term.topology_key, &everywhere, &selects));
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
            rules.affinity.push(self.counter(&term.topology_key, &everywhere, &selects_all));
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
        let takes_part = self.taking_part(pod, constraint);
        let index = self.counter(&constraint.topology_key, &takes_part, &matches);
        let counter = &self.counters[index];
        let domains = counter.domains.iter().flatten().zip(&counter.takes_part);
        let domains: BTreeSet<usize> =
            domains.filter(|(_, takes_part)| **takes_part).filter_map(|(domain, _)| *domain).collect();
        let least = constraint.min_domains.map_or(1, |least| least.unsigned_abs() as usize);
        Spread {
            counter: index,
            max_skew: constraint.max_skew.unsigned_abs(),
            // With all nodes in one zone, a spread over the zones in use would hold, which is not what it is for.
            // So all zones on offer count.
            min_domains: least.max(domains.len()),
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

    /// Kinds that a spread constraint looks at: nodeAffinityPolicy, nodeTaintsPolicy, and all keys present.
    fn taking_part(&self, pod: &Pod, spread: &TopologySpreadConstraint) -> Vec<bool> {
        let honors = |policy: &Option<String>, default| policy.as_deref().unwrap_or(default) == "Honor";
        let takes_part = |kind: &NodeKind| {
            let offer = self.profiles.examples[kind.profile];
            let has_keys = pod.spread.iter().all(|spread| {
                spread.topology_key == HOSTNAME || offer.labels.contains_key(&spread.topology_key)
            });
            let selected = !honors(&spread.node_affinity_policy, "Honor") || fit::selects(pod, &offer.labels);
            let tolerated = !honors(&spread.node_taints_policy, "Ignore")
                || fit::untolerated(&pod.tolerations, &offer.taints).is_none();
            has_keys && selected && tolerated
        };
        self.kinds.iter().map(takes_part).collect()
    }

    /// A counter of the pods for which `matches`, those of DaemonSets included.
    fn counter(&mut self, key: &str, takes_part: &[bool], matches: &dyn Fn(&str, &Labels) -> bool) -> usize {
        let members = self.pods.iter().map(|pod| matches(&pod.namespace, &pod.labels)).collect();
        let daemons = |kind: &NodeKind| {
            let daemons = self.profiles.daemons[kind.profile].iter();
            daemons.filter(|daemon| matches(&daemon.namespace, &daemon.labels)).count() as u32
        };
        let daemon_pods = self.kinds.iter().map(daemons).collect();
        self.add(key, takes_part.to_vec(), members, daemon_pods)
    }

    /// A counter of pods on all nodes, without DaemonSets.
    fn counter_of_pods(&mut self, key: &str, members: Vec<bool>) -> usize {
        let kinds = self.kinds.len();
        self.add(key, vec![true; kinds], members, vec![0; kinds])
    }

    /// The index of such a counter; equal ones are one.
    fn add(&mut self, key: &str, takes_part: Vec<bool>, members: Vec<bool>, daemon_pods: Vec<u32>) -> usize {
        let mut values: Vec<&str> = Vec::new();
        let domains = (key != HOSTNAME).then(|| {
            let domain = |kind: &NodeKind| {
                let value = self.profiles.examples[kind.profile].labels.get(key)?;
                Some(values.iter().position(|found| found == value).unwrap_or_else(|| {
                    values.push(value);
                    values.len() - 1
                }))
            };
            self.kinds.iter().map(domain).collect()
        });
        let counter = Counter { domains, values: values.len(), takes_part, daemon_pods, members };
        self.counters.iter().position(|other| *other == counter).unwrap_or_else(|| {
            self.counters.push(counter);
            self.counters.len() - 1
        })
    }
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
