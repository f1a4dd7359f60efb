//! `cast-spot offboard`: deletes what cast-spot manages for a cluster, and reports what is left.

use cast_spot_provisioner::{
    offboard::{self, Removal},
    provider::Provider,
};

use crate::{
    environment::Environment,
    error::{CliError, EXIT_INCOMPLETE},
    plan::table::{self, LEFT},
    session::{self, AccountChecked},
    style::{YELLOW, green},
    target::TargetArgs,
    terminal::Screen,
    workflow::{self, Finished, OutputOptions, Workflow, tick},
};

/// Offboard a cluster: remove everything that onboarding it has made, and nothing else
#[derive(Debug, Default, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Keep the log group and the dead-letter queue, even when this is the region's last cluster
    #[arg(long, help_heading = "How")]
    keep_logs: bool,

    /// Continue although instances run with the node role: without it they pull no images from ECR and give pods no
    /// addresses
    #[arg(long, help_heading = "How")]
    nodes_lose_access: bool,

    #[command(flatten)]
    output: OutputOptions,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let target = args.target.read(environment)?;
        let provider = session::connect(&target, args.output.json, screen).await?;
        Box::pin(carry_out(&target.cluster, args, &provider, screen)).await
    })
}

async fn carry_out(
    cluster: &str,
    args: &Args,
    provider: &AccountChecked<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, CliError> {
    let Args { keep_logs, nodes_lose_access, output, .. } = *args;
    let removal = Removal { cluster: cluster.to_owned(), keep_logs, nodes_lose_access };
    let planned = offboard::plan(&removal, provider).await?;
    let question = format!(
        "\nSpot interruptions of {cluster} are no longer handled then.\nType the cluster's name to confirm: "
    );
    let gone = if planned.facts.cluster.is_gone() { "; the cluster does not exist either" } else { "" };
    let is_left = planned.plan.has_unexpected();
    let nothing = if is_left {
        format!("\n{YELLOW}!{YELLOW:#} cast-spot has nothing here but {LEFT}{gone}\n")
    } else {
        format!("{} nothing of cast-spot is here for it{gone}\n", green("✓"))
    };
    let nothing = table::unmanaged(&planned.plan) + &nothing;
    let workflow = Workflow {
        nothing: Some(table::heading(&planned) + &nothing),
        question: &question,
        accepted: &[cluster],
        ..Workflow::new("cast-spot offboard", "cast-spot.offboarding/1", &planned, output)
    };
    let code = workflow::run(
        workflow,
        screen,
        async |cancel, progress| {
            offboard::offboard(&removal, planned.clone(), provider, cancel, progress).await
        },
        async |report, _| {
            let left = if !report.warnings().is_empty() {
                "what may be left is named below"
            } else if is_left {
                &format!("{LEFT}, is left")
            } else if keep_logs {
                "of what cast-spot made, nothing but logs is left"
            } else {
                "nothing that cast-spot made is left"
            };
            let headline =
                format!("{} cluster {cluster} is offboarded; {left}\n", tick(report, &planned.plan));
            let is_new = report.done() > 0;
            Finished { headline: if is_new { headline } else { String::new() }, ..Finished::default() }
        },
    )
    .await?;
    Ok(if code == 0 && is_left { EXIT_INCOMPLETE } else { code })
}

#[cfg(test)]
mod tests;
