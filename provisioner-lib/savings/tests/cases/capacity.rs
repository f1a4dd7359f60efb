//! Capacity of nodes: DaemonSets as they run, memory and pods of types that do not run.

use crate::case::{Case, saves};

#[test]
fn daemon_sets_count_as_they_run() {
    // Its pods have 500m and 1536Mi, its template nothing: eight pods of 950m and the agent want 8,250m of 7,910m.
    let report = Case::read("daemonset-of-vpa-or-limitrange").compare().report;
    assert_eq!(
        (report.on_demand.configuration.hourly.to_string(), saves(&report.on_demand).as_deref()),
        ("0.656".to_owned(), Some("23.3"))
    );
}

#[test]
fn memory_of_other_types_is_as_running_nodes_show() {
    // 30 × r6a.4xlarge for 30 × r5.4xlarge: 1 − 0.9072 / 1.128, rounded down, is what one saves.
    let report = Case::read("memory-bound").compare().report;
    let nodes = &report.on_demand.configuration.nodes;
    assert!(nodes.iter().all(|node| node.instance_type.starts_with("r6a.")), "{nodes:?}");
    assert_eq!(
        (report.on_demand.configuration.count, saves(&report.on_demand).as_deref()),
        (30, Some("9.9"))
    );
}

#[test]
fn running_nodes_show_prefix_delegation() {
    // 110 pods on each m5.large, which has 27 single addresses for them. So a c6a.large of 4 GiB takes all 102, which
    // request 1,150m and 2,064 MiB with their DaemonSets; by single addresses it would take 29.
    let report = Case::read("observed-max-pods").priced_by("prices").compare().report;
    let nodes = &report.on_demand.configuration.nodes;
    assert_eq!(
        (nodes.len(), nodes[0].count, nodes[0].instance_type.as_str()),
        (1, 1, "c6a.large"),
        "{nodes:?}"
    );
    assert!(report.assumptions.iter().any(|line| line.contains("assigns prefixes")));
}
