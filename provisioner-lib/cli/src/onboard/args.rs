//! The options of `cast-spot onboard`.

use std::path::PathBuf;

use crate::{choices::ChoiceArgs, target::TargetArgs, workflow::OutputOptions};

/// Onboard a cluster: show the plan, ask, apply it
///
/// The access key of a new user is shown on a terminal only. Elsewhere --credentials-file receives it, or --show-secret
/// prints it: with --json in the report's field `access_key`.
#[derive(Debug, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) target: TargetArgs,

    #[command(flatten)]
    pub(super) choices: ChoiceArgs,

    /// Write a new access key to this file (mode 0600) instead of the terminal; it must not exist yet, or be empty and yours
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(super) credentials_file: Option<PathBuf>,

    /// Print a new access key also where standard output is not a terminal: there a log may keep it
    #[arg(long, help_heading = "Results", conflicts_with = "credentials_file")]
    pub(super) show_secret: bool,

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
