//! The options of `cast-spot rehearse`.

use cast_spot_rehearsal::scenario::{
    ALL, Options, PDB_AT_DEADLINE, PdbPolicy, REPLACEMENT, ReplacementPolicy, Scenario,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};

const EXAMPLES: &str = "\
Examples:
  cast-spot rehearse                                   one notice in a healthy cluster
  cast-spot rehearse --list                            all scenarios
  cast-spot rehearse --scenario pdb-blocked            a PodDisruptionBudget that never gives way
  cast-spot rehearse --scenario storm --nodes 500      a whole Spot pool at once
  cast-spot rehearse --latency-ms 50 --cold --json     exact figures, for scripts
  cast-spot rehearse --event notice.json               with a payload from EventBridge

Exit codes:
  0  every pod ended gracefully, and every wanted replacement is launching
  1  some pods were killed or left, a replacement is missing, or the result could not be written
  2  wrong call
  3  the handler broke one of its laws";

/// Rehearse Spot interruptions: the production handler over a simulated cluster, in virtual time
///
/// Two minutes pass in milliseconds, nothing real is touched, and equal seeds give equal runs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The scenario; see --list
    #[arg(long, value_name = "NAME", value_parser = one_of(ALL, |scenario| scenario.name), hide_possible_values = true)]
    #[arg(default_value = "baseline")]
    scenario: Scenario,

    /// The same, without --scenario
    #[arg(value_name = "NAME", conflicts_with = "scenario", hide_possible_values = true)]
    #[arg(value_parser = one_of(ALL, |scenario| scenario.name))]
    name: Option<Scenario>,

    /// List the scenarios with their expected outcome
    #[arg(long)]
    pub(super) list: bool,

    /// Nodes that get a notice, all at once [default: 1; storm: 120]
    #[arg(long, value_name = "N")]
    nodes: Option<usize>,

    /// Nodes of the cluster [default: enough for the pods of all interrupted nodes]
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

    /// A real payload of the function, instead of the scenario's own; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(super) event: Option<String>,

    /// Start every invocation with nothing cached
    #[arg(long)]
    cold: bool,

    /// At the last moment, delete or leave a pod that its PodDisruptionBudget protects
    #[arg(long, value_name = "POLICY", default_value = PDB_AT_DEADLINE[0].0)]
    #[arg(value_parser = one_of(&PDB_AT_DEADLINE, |(word, _)| word))]
    pdb_at_deadline: (&'static str, PdbPolicy),

    /// How a replacement is requested
    #[arg(long, value_name = "POLICY", default_value = REPLACEMENT[0].0)]
    #[arg(value_parser = one_of(&REPLACEMENT, |(word, _)| word))]
    replacement: (&'static str, ReplacementPolicy),

    /// Print the outcome as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// The chosen scenario.
    pub(super) fn scenario(&self) -> &Scenario {
        self.name.as_ref().unwrap_or(&self.scenario)
    }

    /// The choices, without an event.
    pub(super) fn options(&self) -> Options {
        Options {
            nodes: self.nodes,
            cluster_nodes: self.cluster_nodes,
            pods_per_node: self.pods_per_node,
            latency_ms: self.latency_ms,
            seed: self.seed,
            cold: self.cold,
            pdb_at_deadline: self.pdb_at_deadline.1,
            replacement: self.replacement.1,
            event: None,
        }
    }
}

/// Accepts the names of `values`, so that clap lists, completes and suggests them.
fn one_of<T: Clone + Send + Sync>(
    values: &'static [T],
    name: fn(&T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values.iter().map(name)).try_map(move |text| {
        values.iter().find(|value| name(value) == text).cloned().ok_or("not one of the possible values")
    })
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn a_typo_suggests_the_scenario_that_was_meant() {
        let command = <Args as clap::Args>::augment_args(clap::Command::new("rehearse"));
        for (typed, meant) in [
            ("pdb-bloked", Some("pdb-blocked")),
            ("Storm", Some("storm")),
            ("wrong-nodename", Some("wrong-node-name")),
            ("earthquake", None),
            ("", None),
        ] {
            let error = command.clone().try_get_matches_from(["rehearse", "--scenario", typed]).unwrap_err();
            let text = error.to_string();
            match meant {
                Some(meant) => assert!(text.contains(&format!("similar value exists: '{meant}'")), "{text}"),
                None => assert!(!text.contains("similar"), "{text}"),
            }
        }
        let matches = command.try_get_matches_from(["rehearse", "storm"]).unwrap();
        assert_eq!(Args::from_arg_matches(&matches).unwrap().scenario().name, "storm");
    }
}
