//! The options of `cast-spot rehearse`, as they are typed; [`super::call`] reads them.

use cast_spot_rehearsal::scenario::{Options, PDB_AT_DEADLINE, REPLACEMENT};

const EXAMPLES: &str = "\
Examples:
  cast-spot rehearse                                   one notice in a healthy cluster
  cast-spot rehearse --list                            all scenarios
  cast-spot rehearse --scenario pdb-blocked            a budget that never gives way
  cast-spot rehearse --scenario storm --nodes 500      a whole Spot pool at once
  cast-spot rehearse --latency-ms 50 --cold --json     exact figures, for scripts
  cast-spot rehearse --event notice.json               with a payload from EventBridge

Exit codes:
  0  every pod ended gracefully, and every replacement that was wanted is on its way
  1  some pods were killed or left, a replacement is missing, or the result could not be written
  2  wrong call
  3  the handler broke one of its laws";

/// Rehearse Spot interruptions: the production handler over an embedded cluster, in virtual time
///
/// Two minutes pass in milliseconds, nothing real is touched, and equal seeds give equal runs.
// Values are text here, so that all that is wrong with them is told at once.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct Args {
    /// What is rehearsed; see --list
    #[arg(long, value_name = "NAME", default_value = "baseline")]
    pub(super) scenario: String,

    /// The same, without --scenario
    #[arg(value_name = "NAME", conflicts_with = "scenario")]
    pub(super) name: Option<String>,

    /// List the scenarios and what is to come of each
    #[arg(long)]
    pub(super) list: bool,

    /// Nodes that get a notice, all at once [default: 1; storm: 120]
    #[arg(long, value_name = "N")]
    pub(super) nodes: Option<String>,

    /// Nodes of the cluster [default: enough for the pods of all that go]
    #[arg(long, value_name = "N")]
    pub(super) cluster_nodes: Option<String>,

    /// Pods on each node, DaemonSets not counted
    #[arg(long, value_name = "N", default_value_t = Options::default().pods_per_node.to_string())]
    pub(super) pods_per_node: String,

    /// Round trip of each call
    #[arg(long, value_name = "MS", default_value_t = Options::default().latency_ms.to_string())]
    pub(super) latency_ms: String,

    /// Seed of names and exit times
    #[arg(long, value_name = "N", default_value_t = Options::default().seed.to_string())]
    pub(super) seed: String,

    /// A real payload of the function, in place of the scenario's own; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(super) event: Option<String>,

    /// Every invocation starts with nothing cached
    #[arg(long)]
    pub(super) cold: bool,

    /// At the last moment, delete or leave a pod that its PodDisruptionBudget protects
    #[arg(long, value_name = "POLICY", default_value = PDB_AT_DEADLINE[0].0)]
    pub(super) pdb_at_deadline: String,

    /// How a replacement is asked for: auto, verify or none
    #[arg(long, value_name = "POLICY", default_value = REPLACEMENT[0].0)]
    pub(super) replacement: String,

    /// Print the outcome as JSON
    #[arg(long)]
    pub(super) json: bool,
}
