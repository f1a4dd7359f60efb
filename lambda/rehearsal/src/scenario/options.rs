//! What a person can choose for a rehearsal.

use cast_spot_handler::plan::{PdbPolicy, ReplacementPolicy};

use super::payload::EventFile;

/// What happens at the last moment to a pod that its PodDisruptionBudget protects: the words of the command line and of
/// the function's environment, the default first.
pub const PDB_AT_DEADLINE: [(&str, PdbPolicy); 2] =
    [("delete", PdbPolicy::Delete), ("leave", PdbPolicy::Leave)];
/// How a replacement is asked for, in the same words.
pub const REPLACEMENT: [(&str, ReplacementPolicy); 3] = [
    ("auto", ReplacementPolicy::Auto),
    ("verify", ReplacementPolicy::Verify),
    ("none", ReplacementPolicy::None),
];

/// The word for a choice.
pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], choice: &T) -> &'static str {
    words.iter().find(|(_, value)| value == choice).map_or("", |(word, _)| word)
}

/// Most nodes of a rehearsed cluster.
const MOST_NODES: usize = 5_000;
/// Most pods on a node: EKS allows 250 at most (EKS best practices, "max-pods").
const MOST_PODS_PER_NODE: usize = 250;
/// Most pods of a rehearsed cluster: the world and its trace are held in memory.
const MOST_PODS: usize = 200_000;
/// Longest round trip in milliseconds: ten such calls and the notice is over.
const LONGEST_LATENCY_MS: u64 = 10_000;

/// All choices, as plain data.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Notices at once; `None`: what the scenario is made for.
    pub nodes: Option<usize>,
    /// Nodes of the cluster; `None`: enough for the pods of all interrupted nodes.
    pub cluster_nodes: Option<usize>,
    /// Pods on each node, DaemonSets not counted.
    pub pods_per_node: usize,
    /// Round trip of each call in milliseconds.
    pub latency_ms: u64,
    /// Seeds names and exit times; equal seeds give equal runs.
    pub seed: u64,
    /// Every invocation starts with nothing cached.
    pub cold: bool,
    /// What happens at the last moment to a pod that its PodDisruptionBudget protects.
    pub pdb_at_deadline: PdbPolicy,
    /// How a replacement is asked for.
    pub replacement: ReplacementPolicy,
    /// A real event, in place of the scenario's own.
    pub event: Option<EventFile>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: None,
            cluster_nodes: None,
            pods_per_node: 20,
            latency_ms: 20,
            seed: 1,
            cold: false,
            pdb_at_deadline: PDB_AT_DEADLINE[0].1,
            replacement: REPLACEMENT[0].1,
            event: None,
        }
    }
}

impl Options {
    /// Notices at once, where the scenario is made for `by_default` of them.
    #[must_use]
    pub fn notices(&self, by_default: usize) -> usize {
        match &self.event {
            Some(event) => event.instances.len().max(1),
            None => self.nodes.unwrap_or(by_default),
        }
    }

    /// Nodes of the cluster around `notices` interrupted ones: a quarter more, and ten.
    #[must_use]
    pub fn cluster_size(&self, notices: usize) -> usize {
        self.cluster_nodes.unwrap_or(notices + notices / 4 + 10)
    }

    /// Everything that is wrong with the choices, for a scenario made for `by_default` notices; each line
    /// names the option, its value and what it may be.
    pub(super) fn faults(&self, by_default: usize) -> Vec<String> {
        let (notices, per_node, latency_ms) = (self.notices(by_default), self.pods_per_node, self.latency_ms);
        let cluster = self.cluster_size(notices);
        let pods = cluster.saturating_mul(per_node);
        let faults = [
            (notices == 0, "--nodes 0: at least one node must get a notice".to_owned()),
            (
                self.nodes.is_some() && self.event.is_some(),
                "--nodes together with --event: the event itself says which instances get a notice"
                    .to_owned(),
            ),
            (
                notices > cluster,
                format!("--nodes {notices}: the cluster has only {cluster} nodes (--cluster-nodes)"),
            ),
            (
                !(1..=MOST_NODES).contains(&cluster),
                format!(
                    "--cluster-nodes {cluster}: 1 to {MOST_NODES}, the size up to which Kubernetes is supported"
                ),
            ),
            (
                per_node > MOST_PODS_PER_NODE,
                format!(
                    "--pods-per-node {per_node}: 0 to {MOST_PODS_PER_NODE}, the most that EKS runs on a node"
                ),
            ),
            (
                pods > MOST_PODS && per_node <= MOST_PODS_PER_NODE && cluster <= MOST_NODES,
                format!(
                    "--cluster-nodes {cluster} with --pods-per-node {per_node}: {pods} pods, and a rehearsal holds at \
                     most {MOST_PODS} in memory"
                ),
            ),
            (
                latency_ms > LONGEST_LATENCY_MS,
                format!(
                    "--latency-ms {latency_ms}: 0 to {LONGEST_LATENCY_MS}; with more the notice is over before the \
                     drain begins"
                ),
            ),
        ];
        faults.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, fault)| fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_free_of_faults() {
        assert_eq!(Options::default().faults(1), [""; 0]);
        assert_eq!(Options { nodes: Some(500), ..Options::default() }.faults(1), [""; 0]);
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let options = Options {
            nodes: Some(9),
            cluster_nodes: Some(3),
            pods_per_node: 251,
            latency_ms: 10_001,
            ..Options::default()
        };
        let faults = options.faults(1);
        let named = ["--nodes 9", "--pods-per-node 251", "--latency-ms 10001"];
        assert_eq!(faults.len(), named.len(), "{faults:?}");
        for (fault, name) in faults.iter().zip(named) {
            assert!(fault.starts_with(name), "{fault}");
        }
    }

    #[test]
    fn absurd_sizes_are_refused_with_a_reason() {
        for (nodes, cluster, pods, reason) in [
            (Some(0), None, 20, "at least one node"),
            (None, Some(0), 20, "has only 0 nodes"),
            (None, Some(5_001), 20, "the size up to which Kubernetes is supported"),
            (None, Some(5_000), 100, "500000 pods"),
        ] {
            let options =
                Options { nodes, cluster_nodes: cluster, pods_per_node: pods, ..Options::default() };
            let faults = options.faults(1).join("\n");
            assert!(faults.contains(reason), "{faults}");
        }
    }

    #[test]
    fn a_borrowed_name_needs_a_node_to_borrow_it_from() {
        let scenario = super::super::find("wrong-node-name").unwrap();
        let faults =
            |nodes| scenario.faults(&Options { cluster_nodes: Some(nodes), ..Options::default() }).concat();
        assert_eq!(faults(2), "");
        assert!(faults(1).starts_with("--cluster-nodes 1: "), "{}", faults(1));
    }
}
