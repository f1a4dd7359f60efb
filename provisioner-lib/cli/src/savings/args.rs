//! The options of `cast-spot savings`.

use std::path::PathBuf;

use cast_spot_savings::{
    compare::Choices,
    provider::{MOST_SPOT_DAYS, USUAL_SPOT_DAYS},
};
use clap::value_parser;

use crate::{
    environment::Environment,
    error::{self, CliError},
    target::{Target, TargetArgs},
    terminal::Diagnostic,
};

const EXAMPLES: &str = "\
Examples:
  cast-spot savings                              the cluster of your kubeconfig, with prices from AWS
  cast-spot savings --html savings.html          and an HTML page to share
  cast-spot savings --save-snapshot prod.json    and keep the cluster in a file
  cast-spot savings --snapshot prod.json         from the file alone: no cluster, no AWS
  cast-spot savings --json | jq '.workloads[] | select(.verdict == \"spot\") | .name'

  kubectl get nodes,pods,deploy,rs,sts,ds,jobs,pdb,pv,pvc,sc,csinodes,ns -A -o json > prod.json
  cast-spot savings --snapshot prod.json --prices prices.json
                                                 from files of other tools

It reads: nodes, pods and what they belong to from the API server, and instance types, Spot prices and On-Demand
prices from AWS (`cast-spot policy savings` prints the IAM policy). What may not be read is named in the report.

Exit codes:
  0  there is a report; it names what it lacks
  1  the cluster is empty, or a file could not be written
  2  wrong call
  4  AWS or the cluster refused, or cannot be reached (permissions, credentials, network)";

/// Show what the cluster costs and what it could cost, with Spot and without; writes nothing
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Read the cluster from this file of --save-snapshot, or of `kubectl get … -o json`
    #[arg(long, value_name = "FILE", help_heading = "What is read")]
    snapshot: Option<PathBuf>,

    /// Read types and prices from this file, or from a snapshot with prices
    #[arg(long, value_name = "FILE", help_heading = "What is read")]
    prices: Option<PathBuf>,

    /// Days that a Spot price is the mean of, 1 to 90 [default: 7]
    #[arg(long, value_name = "N", help_heading = "What is read")]
    #[arg(value_parser = value_parser!(u32).range(1..=i64::from(MOST_SPOT_DAYS)))]
    spot_days: Option<u32>,

    /// The biggest proposed node, in vCPUs [default: any]
    #[arg(long, value_name = "N", help_heading = "What is proposed", value_parser = value_parser!(u32).range(1..))]
    max_vcpus: Option<u32>,

    /// Do not rehearse what happens if the Spot nodes go
    #[arg(long, help_heading = "What is proposed")]
    no_rehearsal: bool,

    /// Print the report as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Write the report as one page for a browser
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,

    /// Write the cluster to this file, for --snapshot; without commands, environments and annotations
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    save_snapshot: Option<PathBuf>,
}

/// A valid call.
#[derive(Debug)]
pub(super) struct Call {
    /// None if only files are read.
    pub(super) target: Option<Target>,
    pub(super) snapshot: Option<PathBuf>,
    pub(super) prices: Option<PathBuf>,
    pub(super) spot_days: u32,
    pub(super) choices: Choices,
    pub(super) no_rehearsal: bool,
    pub(super) json: bool,
    pub(super) html: Option<PathBuf>,
    pub(super) save_snapshot: Option<PathBuf>,
}

impl Call {
    /// Reads the options, or fails with every fault of them.
    pub(super) fn read(args: &Args, environment: &Environment) -> Result<Self, CliError> {
        let mut diagnostics = Vec::new();
        let target = args.snapshot.is_none().then(|| args.target.target(environment, &mut diagnostics));
        if args.spot_days.is_some() && (args.prices.is_some() || args.snapshot.is_some()) {
            diagnostics.push(Diagnostic::new(
                "--spot-days together with a file: the prices in it are what they are",
                "leave it out, or let prices be read from AWS",
            ));
        }
        let written = [("--html", &args.html), ("--save-snapshot", &args.save_snapshot)];
        let read = [("--snapshot", &args.snapshot), ("--prices", &args.prices)];
        let written = written.into_iter().filter_map(|(option, path)| Some((option, path.as_ref()?)));
        let written: Vec<_> = written.collect();
        for (place, (option, path)) in written.iter().enumerate() {
            let others = written[..place].iter().copied();
            let others = others.chain(read.iter().filter_map(|(name, path)| Some((*name, path.as_ref()?))));
            for (other, _) in others.filter(|(_, other)| other == path) {
                diagnostics.push(Diagnostic::new(
                    format!("{option} {}: the same file as {other}", path.display()),
                    "give each a file of its own",
                ));
            }
        }
        error::check(diagnostics)?;
        Ok(Self {
            target,
            snapshot: args.snapshot.clone(),
            prices: args.prices.clone(),
            spot_days: args.spot_days.unwrap_or(USUAL_SPOT_DAYS),
            choices: Choices { max_vcpus: args.max_vcpus },
            no_rehearsal: args.no_rehearsal,
            json: args.json,
            html: args.html.clone(),
            save_snapshot: args.save_snapshot.clone(),
        })
    }
}
