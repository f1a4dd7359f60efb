//! The options of `cast-spot onboard`.

use std::path::PathBuf;

use crate::{choices::ChoiceArgs, target::TargetArgs};

const EXAMPLES: &str = "\
Examples:
  cast-spot onboard --principal arn:aws:iam::123456789012:user/console --external-id 3f0c…
                                       the cluster of your kubeconfig, managed by a role
  cast-spot onboard --mode user --credentials-file key.ini
                                       managed by a user, its key in a new file
  cast-spot onboard --zip bootstrap.zip
                                       once onboarded: new code, all else as it is
  cast-spot onboard --rotate-key       a new access key; the old one is disabled
  cast-spot onboard --dry-run          the same as cast-spot plan
  cast-spot onboard --yes --json       for scripts

It can be run again at any time: it makes what is missing and mends what differs.

Exit codes:
  0    all is as it should be
  1    not complete, or not confirmed; running it again goes on from there
  2    wrong call, or the request cannot be fulfilled for this cluster
  3    something that is not ours stands in the way; --adopt makes it ours
  4    AWS or the cluster refused, or cannot be reached (rights, credentials, network)
  10   --dry-run: there are changes
  130  interrupted; running it again goes on from there";

/// Onboard a cluster: show the plan, ask, make it
///
/// With --json, the access key of a new user stands in the report's field `access_key`, unless --credentials-file
/// takes it. It is written nowhere else.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) target: TargetArgs,

    #[command(flatten)]
    pub(super) choices: ChoiceArgs,

    /// Write a new access key to this file (mode 0600), in place of the terminal; it must not be there yet
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(super) credentials_file: Option<PathBuf>,

    /// Tell this console the role's ARN; its token comes from CAST_SPOT_CONSOLE_TOKEN or --console-token-file
    #[arg(long, value_name = "URL", help_heading = "Results")]
    pub(super) console_url: Option<String>,

    /// Id of the cluster in the console
    #[arg(long, value_name = "ID", help_heading = "Results")]
    pub(super) console_cluster_id: Option<String>,

    /// File with the console's token
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(super) console_token_file: Option<PathBuf>,

    /// Do not ask
    #[arg(long, short, help_heading = "How")]
    pub(super) yes: bool,

    /// Show the plan, write nothing
    #[arg(long, help_heading = "How")]
    pub(super) dry_run: bool,

    /// Print the report as JSON
    #[arg(long, help_heading = "How")]
    pub(super) json: bool,
}
