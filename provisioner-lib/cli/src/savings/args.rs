//! The options of `cast-spot savings`, and what they come to.

use std::path::PathBuf;

use cast_spot_savings::compare::Choices;

use crate::{
    environment::Environment,
    refusal::Refusal,
    target::{Target, TargetArgs},
    terminal::Complaint,
};

/// Days of Spot prices where nothing else is asked for.
const USUAL_SPOT_DAYS: u32 = cast_spot_savings::provider::USUAL_SPOT_DAYS;
const MOST_SPOT_DAYS: u32 = cast_spot_savings::provider::MOST_SPOT_DAYS;

const EXAMPLES: &str = "\
Examples:
  cast-spot savings                              the cluster of your kubeconfig, with prices from AWS
  cast-spot savings --html savings.html          and a page to show around
  cast-spot savings --save-snapshot prod.json    and keep what was read
  cast-spot savings --snapshot prod.json         from the file alone: no cluster, no AWS
  cast-spot savings --json | jq '.workloads[] | select(.verdict == \"spot\") | .name'

  kubectl get nodes,pods,deploy,rs,sts,ds,jobs,pdb,pv,pvc,sc,csinodes,ns -A -o json > prod.json
  cast-spot savings --snapshot prod.json --prices prices.json
                                                 from what others have read

It reads: nodes, pods and what they belong to from the API server, and instance types, Spot prices and On-Demand
prices from AWS (`cast-spot policy savings` prints the IAM policy). What may not be read is named in the report.

Exit codes:
  0  there is a report; what it lacks stands in it
  1  the cluster is empty, or a file could not be written
  2  wrong call
  4  AWS or the cluster refused, or cannot be reached (rights, credentials, network)";

/// Show what the cluster costs and what it could cost, with Spot and without; writes nothing
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Read the cluster from this file: what --save-snapshot has written, or `kubectl get … -o json`
    #[arg(long, value_name = "FILE", help_heading = "What is read")]
    snapshot: Option<PathBuf>,

    /// Read types and prices from this file, or from a snapshot that has some
    #[arg(long, value_name = "FILE", help_heading = "What is read")]
    prices: Option<PathBuf>,

    /// Days of which a Spot price is the mean, 1 to 90 [default: 7]
    #[arg(long, value_name = "N", help_heading = "What is read")]
    spot_days: Option<String>,

    /// The biggest node that is proposed, in vCPUs [default: any]
    #[arg(long, value_name = "N", help_heading = "What is proposed")]
    max_vcpus: Option<String>,

    /// Do not rehearse what happens if the Spot nodes go
    #[arg(long, help_heading = "What is proposed")]
    no_rehearsal: bool,

    /// Print the report as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Write the report as one page for a browser
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,

    /// Write what was read, for --snapshot; no commands, environments or annotations are in it
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    save_snapshot: Option<PathBuf>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Call {
    /// None where nothing but files is read.
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
    /// All that is wrong with the options at once.
    pub(super) fn read(args: &Args, environment: &Environment) -> Result<Self, Refusal> {
        let mut complaints = Vec::new();
        let target = args.snapshot.is_none().then(|| args.target.read(environment, &mut complaints));
        let spot_days = number("--spot-days", args.spot_days.as_deref(), 1, MOST_SPOT_DAYS, &mut complaints);
        let max_vcpus = number("--max-vcpus", args.max_vcpus.as_deref(), 1, u32::MAX, &mut complaints);
        if args.spot_days.is_some() && (args.prices.is_some() || args.snapshot.is_some()) {
            complaints.push(Complaint::new(
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
                complaints.push(Complaint::new(
                    format!("{option} {}: the same file as {other}", path.display()),
                    "give each a file of its own",
                ));
            }
        }
        if !complaints.is_empty() {
            return Err(Refusal::wrong_call(complaints));
        }
        Ok(Self {
            target,
            snapshot: args.snapshot.clone(),
            prices: args.prices.clone(),
            spot_days: spot_days.unwrap_or(USUAL_SPOT_DAYS),
            choices: Choices { max_vcpus },
            no_rehearsal: args.no_rehearsal,
            json: args.json,
            html: args.html.clone(),
            save_snapshot: args.save_snapshot.clone(),
        })
    }
}

fn number(
    option: &str,
    text: Option<&str>,
    least: u32,
    most: u32,
    complaints: &mut Vec<Complaint>,
) -> Option<u32> {
    let text = text?;
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let range = if most == u32::MAX { format!("{least} or more") } else { format!("{least} to {most}") };
        complaints.push(Complaint::new(
            format!("{option} {text}: not a whole number, {range}"),
            "see `cast-spot savings --help`",
        ));
    }
    number
}
