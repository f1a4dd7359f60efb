//! Every environment variable of the handler: name, default, validation. One registry
//! ([`VARIABLES`]), read in one place, all faults in one error.
//!
//! `AWS_*` variables (region, credentials, `AWS_ENDPOINT_URL_<SERVICE>`) belong to the AWS SDK and
//! are read by it.

use std::{fmt, time::Duration};

use crate::plan::{PdbPolicy, Policy, ReplacementPolicy};

mod endpoints;

pub use endpoints::{ClusterEndpoint, Endpoints, Ignored};

/// One environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Name in the environment.
    pub name: &'static str,
    /// Value that stands for an absent or empty variable; `None` if it must be given.
    pub default: Option<&'static str>,
    /// Accepted values.
    pub values: &'static str,
}

const CLUSTERS: &str = "CAST_SPOT_CLUSTERS";
const ENDPOINTS: &str = "CAST_SPOT_ENDPOINTS";
const ENDPOINTS_FILE: &str = "CAST_SPOT_ENDPOINTS_FILE";
const PDB_POLICY: &str = "CAST_SPOT_PDB_POLICY";
const REPLACEMENT: &str = "CAST_SPOT_REPLACEMENT";
const REPLACE_STOPPED: &str = "CAST_SPOT_REPLACE_STOPPED";
const MARGIN_SECONDS: &str = "CAST_SPOT_MARGIN_SECONDS";
const STAY: &str = "CAST_SPOT_STAY";
const DRY_RUN: &str = "CAST_SPOT_DRY_RUN";
const LOG_FORMAT: &str = "CAST_SPOT_LOG_FORMAT";
/// Lambda's own setting (Lambda developer guide, "Advanced logging controls").
const LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// The registry of all variables, in the order of `docs/configuration.md`, which says what each one does.
pub const VARIABLES: &[Variable] = &[
    Variable { name: CLUSTERS, default: None, values: "EKS cluster names, separated by commas" },
    Variable {
        name: ENDPOINTS,
        default: Some("{}"),
        values: "JSON: `{\"NAME\": {\"server\": \"https://…\", \"ca\": \"BASE64 OF PEM OR DER\"}}`",
    },
    Variable {
        name: ENDPOINTS_FILE,
        default: Some("/opt/cast-spot/endpoints.json"),
        values: "path of a file",
    },
    Variable { name: PDB_POLICY, default: Some("delete"), values: "`delete` or `leave`" },
    Variable { name: REPLACEMENT, default: Some("auto"), values: "`auto`, `verify` or `none`" },
    Variable { name: REPLACE_STOPPED, default: Some("false"), values: "`true` or `false`" },
    Variable { name: MARGIN_SECONDS, default: Some("5"), values: "whole seconds, 1 to 60" },
    Variable { name: STAY, default: Some("last-moment"), values: "`last-moment` or whole seconds, 0 to 120" },
    Variable { name: DRY_RUN, default: Some("false"), values: "`true` or `false`" },
    Variable { name: LOG_FORMAT, default: Some("json"), values: "`json` or `text`" },
    Variable {
        name: LOG_LEVEL,
        default: Some("INFO"),
        values: "`TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`",
    },
];

/// A replacement policy of an earlier release.
const LAUNCH: &str = "launch";
const OUTDATED: &str = "CAST_SPOT_REPLACEMENT is `launch`, which needs rights that the function's role does not have: \
                        read as `auto`";

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
    /// Their endpoints, where they are known before EKS is asked.
    pub endpoints: Endpoints,
    /// Endpoints that were configured and cannot be used.
    pub ignored: Ignored,
    /// A value of an earlier release, and what it is read as.
    pub outdated: Option<&'static str>,
    /// Choices that the plan follows.
    pub policy: Policy,
    /// Format of diagnostic log lines.
    pub log_format: LogFormat,
    /// Level of diagnostic log lines.
    pub log_level: tracing::Level,
}

/// All faults of the configuration.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid configuration: {}", .faults.join("; "))]
pub struct ConfigError {
    /// One line for each fault: variable, value, what it may hold.
    pub faults: Vec<String>,
}

/// The text that `main` prints when it returns this error.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Config {
    /// Reads the configuration through `lookup`, which answers with a variable's value. No file is read.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::read(lookup, |_| Ok(None))
    }

    /// Reads the configuration through `lookup`, which answers with a variable's value, and `file`, which answers
    /// with a file's text, if there is such a file. Pure: only `main` looks into the environment.
    pub fn read(
        lookup: impl Fn(&str) -> Option<String>,
        file: impl Fn(&str) -> Result<Option<String>, String>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader { lookup, faults: Vec::new() };
        let clusters = reader.read(CLUSTERS, cluster_names);
        let (endpoints, ignored) = reader.endpoints(clusters.as_deref().unwrap_or_default(), file);
        let pdb = reader.word(PDB_POLICY, &[("delete", PdbPolicy::Delete), ("leave", PdbPolicy::Leave)]);
        let replacement = reader.word(
            REPLACEMENT,
            &[
                ("auto", ReplacementPolicy::Auto),
                // An update of the code must not end the function's work.
                (LAUNCH, ReplacementPolicy::Auto),
                ("verify", ReplacementPolicy::Verify),
                ("none", ReplacementPolicy::None),
            ],
        );
        let replace_stopped = reader.read(REPLACE_STOPPED, boolean);
        let margin = reader.read(MARGIN_SECONDS, |v| {
            v.parse().ok().filter(|s| (1..=60).contains(s)).map(Duration::from_secs)
        });
        let stay = reader.read(STAY, |v| match v {
            "last-moment" => Some(None),
            v => v.parse().ok().filter(|s| (0..=120).contains(s)).map(|s| Some(Duration::from_secs(s))),
        });
        let dry_run = reader.read(DRY_RUN, boolean);
        let log_format = reader.word(LOG_FORMAT, &[("json", LogFormat::Json), ("text", LogFormat::Text)]);
        let log_level = reader.read(LOG_LEVEL, |v| match v.to_ascii_uppercase().as_str() {
            "FATAL" => Some(tracing::Level::ERROR),
            other => other.parse().ok(),
        });
        let given = (reader.lookup)(REPLACEMENT);
        let outdated = given.is_some_and(|given| given.trim() == LAUNCH).then_some(OUTDATED);
        let config = || {
            let (pdb, replacement, replace_stopped) = (pdb?, replacement?, replace_stopped?);
            let (margin, stay, dry_run) = (margin?, stay?, dry_run?);
            let policy = Policy { pdb, replacement, replace_stopped, margin, stay, dry_run };
            let (clusters, log_format, log_level) = (clusters?, log_format?, log_level?);
            Some(Self { clusters, endpoints, ignored, outdated, policy, log_format, log_level })
        };
        config().ok_or(ConfigError { faults: reader.faults })
    }

    /// One warning for each endpoint that cannot be used, and for a value of an earlier release.
    pub fn log_ignored(&self) {
        if let Some(outdated) = self.outdated {
            tracing::warn!("{outdated}");
        }
        for (cluster, problem) in &self.ignored {
            tracing::warn!(cluster, problem, "endpoint ignored, EKS is asked for it");
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

    /// A variable that holds one of these words.
    fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        self.read(name, |value| words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning))
    }

    /// The endpoints of the registered clusters, from the file and the environment. They only save a call, so that none
    /// of them refuses the configuration.
    fn endpoints(
        &mut self,
        clusters: &[String],
        file: impl Fn(&str) -> Result<Option<String>, String>,
    ) -> (Endpoints, Ignored) {
        let path = self.read(ENDPOINTS_FILE, |path| Some(path.to_owned())).unwrap_or_default();
        let (mut endpoints, mut ignored) = match file(&path) {
            Ok(None) => (Endpoints::new(), Ignored::new()),
            Ok(Some(text)) => endpoints::read(&text, clusters),
            Err(problem) => (Endpoints::new(), endpoints::all(clusters, &problem)),
        };
        for problem in ignored.values_mut() {
            *problem = format!("{path}: {problem}");
        }
        let text = self.read(ENDPOINTS, |text| Some(text.to_owned())).unwrap_or_default();
        let (given, malformed) = endpoints::read(&text, clusters);
        endpoints.extend(given);
        for (cluster, problem) in malformed {
            ignored.insert(cluster, format!("{ENDPOINTS}: {problem}"));
        }
        (endpoints, ignored)
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
mod tests;
