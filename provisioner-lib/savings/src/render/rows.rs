//! Rows of the tables that the terminal and Markdown share.

use std::collections::BTreeMap;

use super::words;
use crate::report::{Cost, Report, Unplaced};

/// Heads of [`costs`].
pub(super) const COSTS: [&str; 7] = ["", "nodes", "vCPU", "memory", "a month", "a year", "saves"];
/// Heads of [`namespaces`].
pub(super) const NAMESPACES: [&str; 4] = ["namespace", "pods", "today", "with Spot"];

/// All configurations.
pub(super) fn costs(report: &Report) -> Vec<[String; 7]> {
    let rows = report.configurations().into_iter().map(|(name, configuration, proposal)| {
        let currency = &report.currency;
        let mut cells = [
            words::name(name).to_owned(),
            words::thousands(configuration.count),
            words::thousands(configuration.vcpus),
            words::memory(configuration.memory_mib),
            words::rough(configuration.monthly, currency),
            words::rough(configuration.yearly, currency),
            proposal.map_or_else(String::new, words::share_saved),
        ];
        if !words::is_known(name, configuration) {
            cells[1..].fill(words::NO_FIGURE.to_owned());
        } else if !words::has_cost(configuration) {
            cells[4..6].fill(words::NO_FIGURE.to_owned());
        }
        cells
    });
    rows.collect()
}

/// The costs of namespaces in a month, and last of what no pod requests; empty if no cost is known.
pub(super) fn namespaces(report: &Report) -> Vec<[String; 4]> {
    if !words::has_costs(report) {
        return Vec::new();
    }
    let row = |name: &str, pods: String, cost: &Cost| {
        let [today, then] =
            [cost.monthly_today, cost.monthly_proposed].map(|money| words::cost(money, &report.currency));
        [name.to_owned(), pods, today, then]
    };
    let known = report.namespaces.iter().map(|one| row(&one.name, words::thousands(one.pods), &one.cost));
    known.chain([row(words::UNREQUESTED, String::new(), &report.unrequested)]).collect()
}

/// Pods without a node, each once, with the proposals in which it has none.
pub(super) fn unplaced(report: &Report) -> Vec<(&'static str, &Unplaced)> {
    let mut pods = BTreeMap::new();
    for pod in &report.unplaced {
        let found = pods.entry((&pod.namespace, &pod.pod));
        found
            .and_modify(|(name, _)| *name = "both proposals")
            .or_insert((words::name(pod.configuration), pod));
    }
    pods.into_values().collect()
}
