//! Every environment variable of the handler: name, default, validation. One registry
//! ([`VARIABLES`]), read in one place, all faults in one error.
//!
//! `AWS_*` variables (region, credentials, `AWS_ENDPOINT_URL_<SERVICE>`) belong to the AWS SDK and
//! are read by it.

use std::{fmt, time::Duration};

use crate::plan::{PdbPolicy, Policy, ReplacementPolicy, Stay};

/// One environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Name in the environment.
    pub name: &'static str,
    /// Value that stands for an absent or empty variable; `None` if it must be given.
    pub default: Option<&'static str>,
    /// What it may hold.
    pub values: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

const CLUSTERS: &str = "CAST_SPOT_CLUSTERS";
const PDB_POLICY: &str = "CAST_SPOT_PDB_POLICY";
const REPLACEMENT: &str = "CAST_SPOT_REPLACEMENT";
const REPLACE_STOPPED: &str = "CAST_SPOT_REPLACE_STOPPED";
const MARGIN_SECONDS: &str = "CAST_SPOT_MARGIN_SECONDS";
const STAY: &str = "CAST_SPOT_STAY";
const DRY_RUN: &str = "CAST_SPOT_DRY_RUN";
const LOG_FORMAT: &str = "CAST_SPOT_LOG_FORMAT";
/// Lambda's own setting (Lambda developer guide, "Advanced logging controls").
const LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// The registry of all variables, in the order of the documentation.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: CLUSTERS,
        default: None,
        values: "EKS cluster names, separated by commas",
        meaning: "The clusters that this function acts for. A notice for an instance of any other \
                  cluster is ignored and nothing is written.",
    },
    Variable {
        name: PDB_POLICY,
        default: Some("delete"),
        values: "`delete` or `leave`",
        meaning: "What happens at the last moment to a pod whose PodDisruptionBudget still says no: \
                  delete it with the grace that is left, or leave it to be killed with the instance.",
    },
    Variable {
        name: REPLACEMENT,
        default: Some("auto"),
        values: "`auto`, `launch`, `verify` or `none`",
        meaning: "How a replacement is asked for. `auto`: detach the instance from its Auto Scaling \
                  group, or terminate it in the group if a termination hook holds it. `launch`: launch \
                  synchronously, then detach. `verify`: only watch the group replace it. `none`: no call. \
                  Groups that replace by themselves (managed node groups, Capacity Rebalancing) are only \
                  watched whatever stands here, except with `none`.",
    },
    Variable {
        name: REPLACE_STOPPED,
        default: Some("false"),
        values: "`true` or `false`",
        meaning: "Ask for a replacement also when the instance is stopped or hibernated, and so comes back.",
    },
    Variable {
        name: MARGIN_SECONDS,
        default: Some("5"),
        values: "whole seconds, 1 to 60",
        meaning: "Time before the deadline by which pods are to be gone. Grace periods are cut to end by then.",
    },
    Variable {
        name: STAY,
        default: Some("last-moment"),
        values: "`last-moment` or whole seconds",
        meaning: "How long the function stays with an empty node, for pods that are bound to it late: until 30 s \
                  before the pods are to be gone, or so many seconds after the cordon. It ends with one more look \
                  at the node; with `0` it ends as soon as the node is empty.",
    },
    Variable {
        name: DRY_RUN,
        default: Some("false"),
        values: "`true` or `false`",
        meaning: "Plan and report, write nothing.",
    },
    Variable {
        name: LOG_FORMAT,
        default: Some("json"),
        values: "`json` or `text`",
        meaning: "Format of the diagnostic log lines. The report line and the metrics are always JSON.",
    },
    Variable {
        name: LOG_LEVEL,
        default: Some("INFO"),
        values: "`TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`",
        meaning: "Level of the diagnostic log lines. Lambda sets it from the function's logging configuration.",
    },
];

/// Format of diagnostic log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The validated configuration. Nothing behind it sees a raw string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Registered EKS clusters, each once, in the order given.
    pub clusters: Vec<String>,
    /// What the plan follows.
    pub policy: Policy,
    /// Format of diagnostic log lines.
    pub log_format: LogFormat,
    /// Level of diagnostic log lines.
    pub log_level: tracing::Level,
}

/// All faults of the configuration.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// One line for each fault: variable, value, what it may hold.
    pub faults: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid configuration: {}", self.faults.join("; "))
    }
}

/// What `main` prints when it returns this error.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Config {
    /// Reads the configuration through `lookup`, which answers with a variable's value. Pure: only
    /// `main` looks into the environment.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { lookup, faults: Vec::new() };
        let clusters = reader.read(CLUSTERS, cluster_names);
        let pdb = reader.read(PDB_POLICY, |v| match v {
            "delete" => Some(PdbPolicy::Delete),
            "leave" => Some(PdbPolicy::Leave),
            _ => None,
        });
        let replacement = reader.read(REPLACEMENT, |v| match v {
            "auto" => Some(ReplacementPolicy::Auto),
            "launch" => Some(ReplacementPolicy::Launch),
            "verify" => Some(ReplacementPolicy::Verify),
            "none" => Some(ReplacementPolicy::None),
            _ => None,
        });
        let replace_stopped = reader.read(REPLACE_STOPPED, boolean);
        let margin = reader.read(MARGIN_SECONDS, |v| {
            v.parse().ok().filter(|s| (1..=60).contains(s)).map(Duration::from_secs)
        });
        let stay = reader.read(STAY, |v| match v {
            "last-moment" => Some(Stay::LastMoment),
            seconds => {
                seconds.parse().ok().map(|seconds: u32| Stay::For(Duration::from_secs(seconds.into())))
            }
        });
        let dry_run = reader.read(DRY_RUN, boolean);
        let log_format = reader.read(LOG_FORMAT, |v| match v {
            "json" => Some(LogFormat::Json),
            "text" => Some(LogFormat::Text),
            _ => None,
        });
        let log_level = reader.read(LOG_LEVEL, |v| match v.to_ascii_uppercase().as_str() {
            "FATAL" => Some(tracing::Level::ERROR),
            other => other.parse().ok(),
        });
        match (clusters, pdb, replacement, replace_stopped, margin, stay, dry_run, log_format, log_level) {
            (
                Some(clusters),
                Some(pdb),
                Some(replacement),
                Some(replace_stopped),
                Some(margin),
                Some(stay),
                Some(dry_run),
                Some(log_format),
                Some(log_level),
            ) => Ok(Self {
                clusters,
                policy: Policy { pdb, replacement, replace_stopped, margin, stay, dry_run },
                log_format,
                log_level,
            }),
            _ => Err(ConfigError { faults: reader.faults }),
        }
    }
}

struct Reader<L> {
    lookup: L,
    faults: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn read<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let variable = VARIABLES.iter().find(|v| v.name == name)?;
        let given = (self.lookup)(name).filter(|v| !v.trim().is_empty());
        let Some(value) = given.as_deref().or(variable.default) else {
            self.faults.push(format!("{name} is not set (expected {})", variable.values));
            return None;
        };
        let parsed = parse(value.trim());
        if parsed.is_none() {
            self.faults.push(format!("{name} is `{value}` (expected {})", variable.values));
        }
        parsed
    }
}

/// EKS: a name has up to 100 characters, letters, digits, hyphens and underscores, and starts with a
/// letter or digit (API reference of CreateCluster).
fn cluster_names(value: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in value.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        let valid = name.len() <= 100
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !valid {
            return None;
        }
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    (!names.is_empty()).then_some(names)
}

fn boolean(value: &str) -> Option<bool> {
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn only_the_clusters_must_be_given() {
        let config = config(&[(CLUSTERS, " prod, stage ,prod")]).unwrap();
        assert_eq!(config.clusters, ["prod", "stage"]);
        assert_eq!(config.policy.pdb, PdbPolicy::Delete);
        assert_eq!(config.policy.replacement, ReplacementPolicy::Auto);
        assert_eq!(config.policy.margin, Duration::from_secs(5));
        assert!(!config.policy.dry_run);
    }

    #[test]
    fn all_faults_are_reported_at_once_with_name_value_and_remedy() {
        let error = config(&[(PDB_POLICY, "ignore"), (MARGIN_SECONDS, "0"), (DRY_RUN, "yes")]).unwrap_err();
        assert_eq!(
            error.faults,
            [
                "CAST_SPOT_CLUSTERS is not set (expected EKS cluster names, separated by commas)",
                "CAST_SPOT_PDB_POLICY is `ignore` (expected `delete` or `leave`)",
                "CAST_SPOT_MARGIN_SECONDS is `0` (expected whole seconds, 1 to 60)",
                "CAST_SPOT_DRY_RUN is `yes` (expected `true` or `false`)",
            ]
        );
    }

    #[test]
    fn the_documentation_shows_the_registry() {
        let documentation = include_str!("../../docs/configuration.md");
        for v in VARIABLES {
            let default = v.default.map_or("must be given".to_owned(), |d| format!("`{d}`"));
            let row = format!("| `{}` | {} | {default} | {} |", v.name, v.values, v.meaning);
            assert!(documentation.contains(&row), "docs/configuration.md lacks this row:\n{row}");
        }
        let rows = documentation.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, VARIABLES.len(), "docs/configuration.md shows a variable that does not exist");
    }

    #[test]
    fn a_cluster_name_that_eks_would_refuse_is_a_fault() {
        for bad in ["-prod", "pro d", "a/b", &"x".repeat(101)] {
            assert!(config(&[(CLUSTERS, bad)]).is_err(), "{bad}");
        }
    }
}
