//! The options of `cast-spot onboard`.

use std::path::PathBuf;

use crate::{choices::ChoiceArgs, target::TargetArgs, workflow::OutputOptions};

const EXAMPLES: &str = "\
Examples:
  cast-spot onboard --principal arn:aws:iam::123456789012:user/console --external-id 3f0c…
                                       the cluster of your kubeconfig, managed by a role
  cast-spot onboard --mode user --credentials-file key.ini
                                       managed by a user, its key in a new file
  cast-spot onboard --zip bootstrap.zip
                                       once onboarded: new code, all else unchanged
  cast-spot onboard --rotate-key       a new access key; the old one is disabled
  cast-spot onboard --dry-run          the same as cast-spot plan
  cast-spot onboard --yes --json       for scripts

It can be run again at any time: it creates what is missing and repairs what differs.

Exit codes:
  0    all is as it should be
  1    not complete, or not confirmed; run it again to continue
  2    wrong call, or the request cannot be fulfilled for this cluster
  3    an unmanaged resource has the name of a desired one; --adopt takes it over
  4    AWS or the cluster refused, or cannot be reached (permissions, credentials, network)
  10   --dry-run: there are changes
  130  interrupted; run it again to continue";

/// Onboard a cluster: show the plan, ask, apply it
///
/// With --json, the access key of a new user is in the report's field `access_key`, unless --credentials-file
/// receives it. It is written nowhere else.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) target: TargetArgs,

    #[command(flatten)]
    pub(super) choices: ChoiceArgs,

    /// Write a new access key to this file (mode 0600) instead of the terminal; the file must not exist
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(super) credentials_file: Option<PathBuf>,

    /// Send the role's ARN to this console; its token comes from CAST_SPOT_CONSOLE_TOKEN or --console-token-file
    #[arg(long, value_name = "URL", help_heading = "Results")]
    pub(super) console_url: Option<String>,

    /// Id of the cluster in the console
    #[arg(long, value_name = "ID", help_heading = "Results")]
    pub(super) console_cluster_id: Option<String>,

    /// File with the console's token
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(super) console_token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(super) output: OutputOptions,
}
