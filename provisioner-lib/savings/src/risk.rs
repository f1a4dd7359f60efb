//! The interruption of all Spot nodes of a proposal, as the input of a rehearsal, and its result in the report. The
//! rehearsal is another crate.

use std::{
    collections::BTreeMap,
    num::{IntErrorKind, ParseIntError},
};

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::{
    catalog::Market,
    compare::Comparison,
    report::Risk,
    snapshot::Snapshot,
    verdict::{self, Kind},
};

/// The configuration with Spot, as the input of a rehearsal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterruptionScenario {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Workloads with pods on the nodes.
    pub workloads: Vec<Workload>,
    /// PodDisruptionBudgets over the workloads.
    pub budgets: Vec<Budget>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Availability Zone.
    pub zone: String,
    /// Whether it gets a notice.
    pub is_spot: bool,
    /// Most pods that it takes, without those of DaemonSets.
    pub room: usize,
}

/// A workload with pods on these nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Index in [`Comparison::judged`] and in the report's workloads.
    pub place: usize,
    /// Namespace.
    pub namespace: String,
    /// Label by which a budget selects it, unique in its namespace.
    pub label: String,
    /// Kind of the owner.
    pub kind: Kind,
    /// The node of each pod, in [`InterruptionScenario::nodes`].
    pub nodes: Vec<usize>,
    /// terminationGracePeriodSeconds.
    pub grace_s: u32,
    /// priorityClassName.
    pub priority_class: Option<String>,
}

/// A PodDisruptionBudget over one workload, or over a whole namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// [`Workload::label`]; none if it covers every pod of the namespace.
    pub label: Option<String>,
    /// The amount.
    pub demands: Amount,
    /// Whether the amount is `minAvailable`, else `maxUnavailable`.
    pub keeps: bool,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`.
    pub always_allow_unhealthy: bool,
}

/// A number of pods, or percent of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// An absolute number.
    Number(u32),
    /// Percent, at most 100.
    Percent(u32),
}

impl Amount {
    fn of(value: &IntOrString) -> Self {
        match value {
            IntOrString::Int(number) => Self::Number((*number).max(0).unsigned_abs()),
            IntOrString::String(text) => Self::Percent(match text.trim_end_matches('%').parse() {
                Ok(percent) => u32::min(percent, 100),
                Err(error) if *ParseIntError::kind(&error) == IntErrorKind::PosOverflow => 100,
                Err(_) => 0,
            }),
        }
    }
}

impl InterruptionScenario {
    /// The scenario of a comparison; none if it has no Spot nodes.
    #[must_use]
    pub fn of(comparison: &Comparison, snapshot: &Snapshot) -> Option<Self> {
        let new = comparison.spot.iter().map(|node| Node {
            zone: node.offer.zone.clone(),
            is_spot: node.offer.market == Market::Spot,
            room: (node.offer.max_pods as usize).max(node.pods.len()),
        });
        let kept = comparison.kept.iter().map(|kept| Node {
            zone: kept.zone.clone().unwrap_or_default(),
            is_spot: kept.market == Some(Market::Spot),
            room: kept.pods.len().max(1),
        });
        let nodes: Vec<Node> = new.chain(kept).collect();
        if !nodes.iter().any(|node| node.is_spot) {
            return None;
        }
        let on = comparison.spot.iter().map(|node| &node.pods);
        let mut node_of = BTreeMap::new();
        for (place, pods) in on.chain(comparison.kept.iter().map(|kept| &kept.pods)).enumerate() {
            node_of.extend(pods.iter().map(|pod| (*pod, place)));
        }
        let mut workloads = Vec::new();
        for (place, judged) in comparison.judged.iter().enumerate() {
            let owned = &judged.owned;
            let on: Vec<usize> = owned.pods.iter().filter_map(|pod| node_of.get(pod).copied()).collect();
            let spec = owned.pods.first().and_then(|pod| snapshot.pods[*pod].spec.as_ref());
            if let (Some(spec), false) = (spec, on.is_empty()) {
                workloads.push(Workload {
                    place,
                    namespace: owned.namespace.clone(),
                    label: format!("{}-{place}", owned.name),
                    kind: owned.kind.clone(),
                    nodes: on,
                    grace_s: grace_s(spec.termination_grace_period_seconds),
                    priority_class: spec.priority_class_name.clone(),
                });
            }
        }
        let budgets = budgets(snapshot, comparison, &workloads);
        Some(Self { nodes, workloads, budgets })
    }
}

/// terminationGracePeriodSeconds, 30 by default.
fn grace_s(seconds: Option<i64>) -> u32 {
    u32::try_from(seconds.unwrap_or(30).max(0)).unwrap_or(u32::MAX)
}

/// A budget over several workloads of a namespace, but not over all, is one over each: stricter with numbers, and with
/// percentages the same but for rounding.
fn budgets(snapshot: &Snapshot, comparison: &Comparison, workloads: &[Workload]) -> Vec<Budget> {
    let mut budgets = Vec::new();
    for budget in &snapshot.pod_disruption_budgets {
        let Some(spec) = &budget.spec else { continue };
        let (demands, keeps) = match (&spec.min_available, &spec.max_unavailable) {
            (_, Some(most)) => (Amount::of(most), false),
            (Some(least), None) => (Amount::of(least), true),
            (None, None) => (Amount::Number(1), true),
        };
        let of = |label: Option<String>| Budget {
            namespace: budget.metadata.namespace.clone().unwrap_or_default(),
            name: budget.metadata.name.clone().unwrap_or_default(),
            label,
            demands,
            keeps,
            always_allow_unhealthy: spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow"),
        };
        let covered = workloads.iter().filter(|workload| {
            let first = comparison.judged[workload.place].owned.pods.first();
            first.is_some_and(|pod| verdict::covers(budget, &workload.namespace, &snapshot.pods[*pod]))
        });
        let covered: Vec<&Workload> = covered.collect();
        let namespace = budget.metadata.namespace.as_deref();
        let all = workloads.iter().filter(|workload| Some(workload.namespace.as_str()) == namespace).count();
        if covered.len() > 1 && covered.len() == all {
            budgets.push(of(None));
        } else {
            budgets.extend(covered.iter().map(|workload| of(Some(workload.label.clone()))));
        }
    }
    budgets
}

impl Comparison {
    /// Writes the result of a rehearsal into the report, by [`Workload::place`], and adds the pods in one pool.
    pub fn set_risks(&mut self, risks: BTreeMap<usize, Risk>) {
        for (place, mut risk) in risks {
            let owned = &self.judged[place].owned;
            let mut pools: BTreeMap<(&str, &str), usize> = BTreeMap::new();
            let mut add = |name, zone, pods: &[usize]| {
                let here = pods.iter().filter(|pod| owned.pods.contains(pod)).count();
                *pools.entry((name, zone)).or_default() += here;
            };
            for node in self.spot.iter().filter(|node| node.offer.market == Market::Spot) {
                add(&node.offer.instance_type, &node.offer.zone, &node.pods);
            }
            for kept in self.kept.iter().filter(|kept| kept.market == Some(Market::Spot)) {
                let (name, zone) = (kept.instance_type.as_deref(), kept.zone.as_deref());
                add(name.unwrap_or_default(), zone.unwrap_or_default(), &kept.pods);
            }
            risk.most_in_one_pool = pools.into_values().max().unwrap_or(0);
            self.report.workloads[place].risk = (risk.pods > 0).then_some(risk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_grace_periods_are_clamped() {
        let text = |percent: &str| Amount::of(&IntOrString::String(percent.to_owned()));
        for (case, found, expected) in [
            ("percent", text("50%"), Amount::Percent(50)),
            ("more than all", text("150%"), Amount::Percent(100)),
            ("more than there is", text("99999999999%"), Amount::Percent(100)),
            ("no number", text("half"), Amount::Percent(0)),
            ("a number", Amount::of(&IntOrString::Int(3)), Amount::Number(3)),
            ("below zero", Amount::of(&IntOrString::Int(-1)), Amount::Number(0)),
        ] {
            assert_eq!(found, expected, "{case}");
        }
        for (grace, expected) in [
            (None, 30),
            (Some(0), 0),
            (Some(300), 300),
            (Some(-1), 0),
            (Some(i64::from(u32::MAX) + 1), u32::MAX),
            (Some(i64::MAX), u32::MAX),
        ] {
            assert_eq!(grace_s(grace), expected, "{grace:?}");
        }
    }
}
