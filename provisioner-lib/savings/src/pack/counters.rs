//! What pods forbid or demand of one another, as counts of pods by topology domain: affinity, anti-affinity, spread
//! constraints and host ports. Kubernetes documentation, "Assigning Pods to Nodes" and "Pod Topology Spread
//! Constraints".

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
    catalog::{HOSTNAME, Offer},
    demand::{Demand, Pod},
    fit::{self, Labels},
};

impl Counter {
    /// How many domains kinds that take part are in; none if the nodes are the domains.
    fn domains_taking_part(&self) -> usize {
        let domains = self.domains.iter().flatten().zip(&self.takes_part);
        let domains = domains.filter(|(_, takes_part)| **takes_part).filter_map(|(domain, _)| *domain);
        domains.collect::<BTreeSet<_>>().len()
    }
}

/// Keys of pod labels that somebody selects by; `None` if nobody selects pods at all.
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

/// Fills in the rules of all classes.
pub(super) fn build(
    demand: &Demand,
    classes: &mut [Class],
    kinds: &[NodeKind],
    offers: &[Offer],
    profiles: &Profiles<'_>,
) -> Vec<Counter> {
    let pods: Vec<&Pod> = classes.iter().map(|class| &demand.pods[class.members[0]]).collect();
    let mut builder = Builder { demand, pods, kinds, offers, profiles, counters: Vec::new() };
    let rules: Vec<Rules> = (0..classes.len()).map(|class| builder.rules(class)).collect();
    let mut apart_of_others: Vec<Vec<usize>> = vec![Vec::new(); classes.len()];
    builder.anti_affinity_of_others(&mut apart_of_others);
    let counters = builder.counters;
    for (index, ((class, rules), others)) in classes.iter_mut().zip(rules).zip(apart_of_others).enumerate() {
        class.rules = rules;
        class.rules.apart.extend(others);
        class.rules.apart.sort_unstable();
        class.rules.apart.dedup();
        let counted = (0..counters.len()).filter(|counter| counters[*counter].members[index]);
        class.rules.counted = counted.collect();
    }
    counters
}

struct Builder<'b, 'd> {
    demand: &'d Demand,
    /// One pod of each class.
    pods: Vec<&'d Pod>,
    kinds: &'b [NodeKind],
    offers: &'b [Offer],
    profiles: &'b Profiles<'d>,
    counters: Vec<Counter>,
}

impl Builder<'_, '_> {
    fn rules(&mut self, class: usize) -> Rules {
        let pod = self.pods[class];
        let everywhere = vec![true; self.kinds.len()];
        let mut rules = Rules::default();
        for term in &pod.anti_affinity {
            let counter = self.counter(&term.topology_key, &everywhere, &|namespace, labels| {
                self.demand.selects(pod, term, namespace, labels)
            });
            rules.apart.push(counter);
        }
        for port in &pod.host_ports {
            // DaemonSets' ports were looked at with the kinds.
            let has_it = |other: &&Pod| other.host_ports.iter().any(|other| fit::ports_clash(port, other));
            let members = self.pods.iter().map(has_it).collect();
            let counter = self.add(HOSTNAME, &everywhere, members, vec![0; self.kinds.len()]);
            rules.apart.push(counter);
        }
        let all = |namespace: &str, labels: &Labels| {
            pod.affinity.iter().all(|term| self.demand.selects(pod, term, namespace, labels))
        };
        let matches_all: &dyn Fn(&str, &Labels) -> bool = &all;
        rules.near_itself = matches_all(&pod.namespace, &pod.labels);
        for term in &pod.affinity {
            let counter = self.counter(&term.topology_key, &everywhere, matches_all);
            rules.near.push(counter);
        }
        for spread in &pod.spread {
            let selector = with_label_keys(spread, &pod.labels);
            let matches = |namespace: &str, labels: &Labels| {
                namespace == pod.namespace && fit::selector_matches(selector.as_ref(), labels)
            };
            let takes_part = self.taking_part(pod, spread);
            let counter = self.counter(&spread.topology_key, &takes_part, &matches);
            rules.spread.push(Spread {
                counter,
                max_skew: spread.max_skew.unsigned_abs(),
                // Nodes could all be in one zone, and a spread over what is there would hold. It is not what is
                // meant by it: the zones that could be there count.
                min_domains: spread
                    .min_domains
                    .map_or(1, |least| least.unsigned_abs() as usize)
                    .max(self.counters[counter].domains_taking_part()),
                counts_itself: matches(&pod.namespace, &pod.labels),
            });
        }
        rules
    }

    /// A pod that wants no others of its kind near also keeps them away when they come later.
    fn anti_affinity_of_others(&mut self, apart: &mut [Vec<usize>]) {
        let everywhere = vec![true; self.kinds.len()];
        for owner in self.pods.clone() {
            for term in &owner.anti_affinity {
                let owns =
                    |other: &&Pod| other.namespace == owner.namespace && other.anti_affinity.contains(term);
                let members = self.pods.iter().map(owns).collect();
                let counter = self.add(&term.topology_key, &everywhere, members, vec![0; self.kinds.len()]);
                for (pod, apart) in self.pods.iter().zip(apart.iter_mut()) {
                    if self.demand.selects(owner, term, &pod.namespace, &pod.labels) {
                        apart.push(counter);
                    }
                }
            }
        }
    }

    /// Kinds that a spread constraint looks at: nodeAffinityPolicy, nodeTaintsPolicy, and all keys present.
    fn taking_part(&self, pod: &Pod, spread: &TopologySpreadConstraint) -> Vec<bool> {
        let honors = |policy: &Option<String>, default| policy.as_deref().unwrap_or(default) == "Honor";
        let takes_part = |kind: &NodeKind| {
            let offer = &self.offers[self.profiles.example(kind.profile)];
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

    /// A counter of the pods for which `matches`.
    fn counter(&mut self, key: &str, takes_part: &[bool], matches: &dyn Fn(&str, &Labels) -> bool) -> usize {
        let members = self.pods.iter().map(|pod| matches(&pod.namespace, &pod.labels)).collect();
        let daemons = |kind: &NodeKind| {
            let daemons = self.profiles.daemons[kind.profile].iter();
            daemons.filter(|daemon| matches(&daemon.namespace, &daemon.labels)).count() as u32
        };
        let from_the_start = self.kinds.iter().map(daemons).collect();
        self.add(key, takes_part, members, from_the_start)
    }

    fn add(&mut self, key: &str, takes_part: &[bool], members: Vec<bool>, from_the_start: Vec<u32>) -> usize {
        let mut values: Vec<&str> = Vec::new();
        let domains: Option<Vec<Option<usize>>> = (key != HOSTNAME).then(|| {
            let of = |kind: &NodeKind| {
                let offer = &self.offers[self.profiles.example(kind.profile)];
                let value = offer.labels.get(key)?;
                let found = values.iter().position(|found| found == value);
                Some(found.unwrap_or_else(|| {
                    values.push(value);
                    values.len() - 1
                }))
            };
            self.kinds.iter().map(of).collect()
        });
        let values = values.len();
        let same = |other: &Counter| {
            other.domains == domains
                && other.takes_part == takes_part
                && other.members == members
                && other.from_the_start == from_the_start
        };
        if let Some(found) = self.counters.iter().position(same) {
            return found;
        }
        let takes_part = takes_part.to_vec();
        self.counters.push(Counter { domains, values, takes_part, from_the_start, members });
        self.counters.len() - 1
    }
}

impl Demand {
    /// Whether the term of `owner` selects a pod with these labels in this namespace.
    pub(crate) fn selects(
        &self,
        owner: &Pod,
        term: &PodAffinityTerm,
        namespace: &str,
        labels: &Labels,
    ) -> bool {
        let named = term.namespaces.as_deref().unwrap_or_default();
        let none = Labels::new();
        let selected = term.namespace_selector.as_ref().is_some_and(|selector| {
            fit::selector_matches(Some(selector), self.namespaces.get(namespace).unwrap_or(&none))
        });
        let own = named.is_empty() && term.namespace_selector.is_none() && namespace == owner.namespace;
        (own || selected || named.iter().any(|name| name == namespace))
            && fit::selector_matches(term.label_selector.as_ref(), labels)
    }
}

/// matchLabelKeys ask for the pod's own values.
fn with_label_keys(spread: &TopologySpreadConstraint, labels: &Labels) -> Option<LabelSelector> {
    let mut selector = spread.label_selector.clone()?;
    for key in spread.match_label_keys.iter().flatten() {
        if let Some(value) = labels.get(key) {
            let own = LabelSelectorRequirement {
                key: key.clone(),
                operator: "In".to_owned(),
                values: Some(vec![value.clone()]),
            };
            selector.match_expressions.get_or_insert_default().push(own);
        }
    }
    Some(selector)
}
