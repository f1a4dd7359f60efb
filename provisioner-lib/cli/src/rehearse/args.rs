//! The options of `cast-spot rehearse`.

use cast_spot_rehearsal::scenario::{ALL, EventFile, Options, PdbAtDeadline, Replacement};
use clap::builder::{PossibleValuesParser, TypedValueParser};

const EXAMPLES: &str = "\
Examples:
  cast-spot rehearse                                   one notice in a healthy cluster
  cast-spot rehearse --list                            all scenarios
  cast-spot rehearse --scenario pdb-blocked            a budget that never gives way
  cast-spot rehearse --scenario storm --nodes 500      a whole Spot pool at once
  cast-spot rehearse --latency-ms 50 --cold --json     exact figures, for scripts
  cast-spot rehearse --event notice.json               with a payload from EventBridge

Exit codes:
  0  every pod ended gracefully
  1  some pods were killed or left
  2  wrong call
  3  the handler broke one of its laws";

/// Rehearse Spot interruptions: the production handler over an embedded cluster, in virtual time
///
/// Two minutes pass in milliseconds, nothing real is touched, and equal seeds give equal runs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What is rehearsed; see --list
    #[arg(long, value_name = "NAME", default_value = "baseline", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(ALL.iter().map(|scenario| scenario.name)))]
    pub(super) scenario: String,

    /// List the scenarios and what is to come of each
    #[arg(long)]
    pub(super) list: bool,

    /// Nodes that get a notice, all at once [default: 1; storm: 120]
    #[arg(long, value_name = "N")]
    nodes: Option<usize>,

    /// Nodes of the cluster [default: enough for the pods of all that go]
    #[arg(long, value_name = "N")]
    cluster_nodes: Option<usize>,

    /// Pods on each node, DaemonSets not counted
    #[arg(long, value_name = "N", default_value_t = Options::default().pods_per_node)]
    pods_per_node: usize,

    /// Round trip of each call
    #[arg(long, value_name = "MS", default_value_t = Options::default().latency_ms)]
    latency_ms: u64,

    /// Seed of names and exit times
    #[arg(long, value_name = "N", default_value_t = Options::default().seed)]
    seed: u64,

    /// A real payload of the function, in place of the scenario's own; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(super) event: Option<String>,

    /// Every invocation starts with nothing cached
    #[arg(long)]
    cold: bool,

    /// What happens at the last moment to a pod that its PodDisruptionBudget protects
    #[arg(long, value_name = "POLICY", default_value = "delete", value_parser = pdb_at_deadline())]
    pdb_at_deadline: PdbAtDeadline,

    /// How a replacement is asked for
    #[arg(long, value_name = "POLICY", default_value = "auto", value_parser = replacement())]
    replacement: Replacement,

    /// Print the outcome as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// The choices as the rehearsal takes them.
    pub(super) fn options(&self, event: Option<EventFile>) -> Options {
        Options {
            nodes: self.nodes,
            cluster_nodes: self.cluster_nodes,
            pods_per_node: self.pods_per_node,
            latency_ms: self.latency_ms,
            seed: self.seed,
            cold: self.cold,
            pdb_at_deadline: self.pdb_at_deadline,
            replacement: self.replacement,
            event,
        }
    }
}

fn pdb_at_deadline() -> impl TypedValueParser<Value = PdbAtDeadline> {
    one_of(&PdbAtDeadline::ALL, PdbAtDeadline::as_str)
}

fn replacement() -> impl TypedValueParser<Value = Replacement> {
    one_of(&Replacement::ALL, Replacement::as_str)
}

/// Takes the word of one of `values`; clap names all of them in its help and in its errors.
fn one_of<T: Copy + Send + Sync + 'static>(
    values: &'static [T],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values.iter().map(|&value| word(value))).try_map(move |given| {
        values.iter().copied().find(|&value| word(value) == given).ok_or("no such value")
    })
}
