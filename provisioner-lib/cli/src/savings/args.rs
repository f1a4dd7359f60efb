//! The options of `cast-spot savings`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cast_spot_cloud::Connection;
use cast_spot_savings::provider::{MOST_SPOT_DAYS, USUAL_USAGE_DAYS};
use clap::{ValueEnum, value_parser};

use super::choices::ChoiceArgs;
use crate::{
    environment::Environment,
    error::{self, CliError},
    target::{Target, TargetArgs},
    terminal::Diagnostic,
};

const EXAMPLES: &str = "\
Examples:
  cast-spot savings                              the kubeconfig's cluster, with prices from AWS
  cast-spot savings --html savings.html          and an HTML page to share
  cast-spot savings --save-snapshot prod.json    and keep the cluster in a file
  cast-spot savings --snapshot prod.json         from the file alone: no cluster, no AWS
  cast-spot savings --snapshot nodes.json pods.yaml.gz --region eu-west-1
                                                 from files of kubectl, with prices from AWS
  cast-spot savings --output markdown --fail-over 40
                                                 for a pull request, and exit code 5 above 40 %
  cast-spot savings --output nodepool            the proposal for Karpenter, and the steps to it
  cast-spot savings --json | jq '.workloads[] | select(.verdict == \"spot\") | .name'

  kubectl get nodes,pods,deploy,rs,sts,ds,jobs,pdb,pv,pvc,sc,csinodes,ns -A -o json > prod.json
  kubectl get podmetrics -A -o json > usage.json
  cast-spot prices --output prices.json
  cast-spot savings --snapshot prod.json usage.json --prices prices.json
                                                 from files alone

It reads nodes, pods, their usage and what they belong to from the API server, and instance types,
Spot prices and On-Demand prices from AWS (`cast-spot policy savings` prints the IAM policy). What
may not be read is named in the report.

Exit codes:
  0  there is a report
  1  there is a report, and it names what could not be read; the cluster is empty; a file could
     not be written; or --output nodepool has nothing to apply
  2  wrong call
  4  AWS or the cluster refused, or cannot be reached (permissions, credentials, network)
  5  there is a report, and more could be saved than --fail-over allows";

/// The origin of nodes and pods.
#[derive(Debug)]
pub(super) enum Origin {
    /// A cluster.
    Cluster(Target),
    /// Files; and how AWS is reached for prices that they lack.
    Files(Connection),
}

/// Show what the cluster costs and what it could cost, with Spot and without; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Read the cluster from these files of --save-snapshot, `kubectl get … -o json`, `-o yaml` or `kubectl cluster-info
    /// dump`, compressed by gzip or not; - is standard input. Prices that they lack are read from AWS
    #[arg(long, value_name = "FILE", help_heading = "What is read", num_args = 1..)]
    pub(super) snapshot: Vec<PathBuf>,

    /// Compare with the cluster of this earlier file of --save-snapshot, at the same prices
    #[arg(long, value_name = "FILE", help_heading = "What is read")]
    pub(super) against: Option<PathBuf>,

    /// Read types and prices from this file of `cast-spot prices`, or from a snapshot with prices
    #[arg(long, value_name = "FILE", help_heading = "What is read")]
    pub(super) prices: Option<PathBuf>,

    /// Days that a Spot price is the mean of, 1 to 90 [default: 7]
    #[arg(long, value_name = "N", help_heading = "What is read")]
    #[arg(value_parser = value_parser!(u32).range(1..=i64::from(MOST_SPOT_DAYS)))]
    pub(super) spot_days: Option<u32>,

    /// Read the usage of pods over days from this Prometheus, for a configuration by usage; else it is that of the
    /// metrics API at this moment
    #[arg(long, value_name = "URL", help_heading = "What is read")]
    pub(super) prometheus: Option<String>,

    /// Days of usage to read from --prometheus, 1 to 90
    #[arg(long, value_name = "N", help_heading = "What is read", requires = "prometheus")]
    #[arg(value_parser = value_parser!(u32).range(1..=90), default_value_t = USUAL_USAGE_DAYS)]
    pub(super) usage_days: u32,

    #[command(flatten)]
    pub(super) choices: ChoiceArgs,

    /// Do not rehearse what happens if the Spot nodes go
    #[arg(long, help_heading = "What is proposed")]
    pub(super) no_rehearsal: bool,

    /// Format of the report; csv: its workloads, csv-nodes: its nodes, nodepool: the proposal as objects for Karpenter
    #[arg(long = "output", value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    format: Format,

    /// The same as --output json
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// End with exit code 5 if more than this part could be saved, for pipelines
    #[arg(long, value_name = "PERCENT", help_heading = "Output", value_parser = value_parser!(u32).range(0..=100))]
    pub(super) fail_over: Option<u32>,

    /// Write the report as one page for a browser
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) html: Option<PathBuf>,

    /// Write the cluster to this file, for --snapshot; without commands and environments, and of annotations only
    /// those that protect a pod or a node
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) save_snapshot: Option<PathBuf>,
}

/// How the report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    #[default]
    Table,
    Json,
    Csv,
    CsvNodes,
    Markdown,
    Nodepool,
}

impl Args {
    /// How the report is shown.
    pub(super) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }

    /// The name of the cluster, for files that have none.
    pub(super) fn cluster(&self) -> Option<&str> {
        self.target.cluster.as_deref()
    }

    /// The origin of nodes and pods. Fails with every fault of the options.
    pub(super) fn read(&self, environment: &Environment) -> Result<Origin, CliError> {
        let mut diagnostics = Vec::new();
        let origin = if self.snapshot.is_empty() {
            Origin::Cluster(self.target.target(environment, &mut diagnostics))
        } else {
            Origin::Files(Connection {
                region: self.target.region.clone(),
                profile: self.target.profile.clone(),
                ..Connection::default()
            })
        };
        let only_live = [
            ("--account", self.target.account.is_some()),
            ("--kubeconfig", self.target.kubeconfig.is_some()),
            ("--context", self.target.context.is_some()),
        ];
        for (option, _) in only_live.iter().filter(|(_, is_set)| *is_set && !self.snapshot.is_empty()) {
            let text = format!("{option} together with --snapshot: no cluster is read");
            diagnostics.push(Diagnostic::new(text, "leave one of the two out"));
        }
        if let Some(url) = &self.prometheus {
            let address = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
            let host = address.and_then(|address| address.split('/').next());
            if host.is_none_or(|host| host.is_empty() || host.contains('@')) {
                let text = "--prometheus: not the URL of a Prometheus without a login";
                diagnostics.push(Diagnostic::new(text, "an example is http://localhost:9090"));
            }
        }
        if self.spot_days.is_some() && self.prices.is_some() {
            diagnostics.push(Diagnostic::new(
                "--spot-days together with a file: the prices in it are what they are",
                "leave it out, or let prices be read from AWS",
            ));
        }
        let read = self.snapshot.iter().map(|path| ("--snapshot", path));
        let others = [("--prices", &self.prices), ("--against", &self.against)].into_iter();
        let others = others.filter_map(|(option, path)| Some((option, path.as_ref()?)));
        let mut files: Vec<_> = read.chain(others).collect();
        if files.iter().filter(|(_, path)| *path == Path::new("-")).count() > 1 {
            diagnostics.push(Diagnostic::new(
                "-: standard input is given more than once, and can be read once",
                "give the other files by name",
            ));
        }
        // Those that are read may be the same. Paths may differ for one file.
        let same = |one: &Path, other: &Path| {
            one == other || place(one).is_some_and(|found| Some(found) == place(other))
        };
        let written = [("--html", &self.html), ("--save-snapshot", &self.save_snapshot)];
        for (option, path) in written.into_iter().filter_map(|(option, path)| Some((option, path.as_ref()?)))
        {
            for (other, _) in files.iter().filter(|(_, other)| same(other, path)) {
                diagnostics.push(Diagnostic::new(
                    format!("{option} {}: the same file as {other}", path.display()),
                    "give each a file of its own",
                ));
            }
            files.push((option, path));
        }
        self.choices.check(&mut diagnostics);
        if self.json && !matches!(self.format, Format::Table | Format::Json) {
            let hint = "leave one of the two out";
            diagnostics.push(Diagnostic::new("--json: --output asks for another format", hint));
        }
        error::check(diagnostics)?;
        Ok(origin)
    }
}

/// The path of a file without links and relative parts; none of a device, or if its folder is missing.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(found) = fs::canonicalize(path) {
        return found.is_file().then_some(found);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(fs::canonicalize(folder).ok()?.join(path.file_name()?))
}
