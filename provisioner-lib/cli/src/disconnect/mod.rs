//! `cast-spot disconnect`: deletes the agent, and reports what is left.

use cast_spot_provisioner::{
    connect::{self, AGENT, NamespaceContents},
    provider::{self, Provider},
};

use crate::{
    environment::Environment,
    error::{CliError, EXIT_INCOMPLETE},
    session,
    style::green,
    target::TargetArgs,
    terminal::{Diagnostic, Screen},
    workflow::{self, Finished, OutputOptions, Workflow, outcome, tick},
};

/// Disconnect a cluster: remove everything that connecting it has made, and nothing else
#[derive(Debug, Default, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    output: OutputOptions,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let target = args.target.read_direct(environment)?;
        let provider = provider::Direct::connect(&target.connection);
        let cluster = target.cluster.unwrap_or_default();
        Box::pin(carry_out(&cluster, args.output, &provider, screen)).await
    })
}

async fn carry_out(
    cluster: &str,
    options: OutputOptions,
    provider: &(impl Provider + NamespaceContents),
    screen: &mut Screen,
) -> Result<u8, CliError> {
    let removal = connect::plan_removal(cluster, provider).await?;
    let (planned, is_kept) = (removal.planned.clone(), !removal.unmanaged.is_empty());
    let workflow = Workflow {
        nothing: Some(format!("{} nothing of cast-spot's agent is here\n", green("✓"))),
        notes: if is_kept { vec![namespace_kept(&removal.unmanaged)] } else { Vec::new() },
        ..Workflow::new("cast-spot disconnect", "cast-spot.disconnection/1", &planned, options)
    };
    workflow::run(
        workflow,
        screen,
        async |cancel, progress| connect::disconnect(cluster, removal, provider, cancel, progress).await,
        async |report, _| {
            let tick = tick(report, &planned.plan);
            let headline = format!("{tick} the cluster is disconnected; nothing of the agent is left\n");
            let is_shown = report.done() > 0 && !is_kept;
            Finished {
                headline: if is_shown { headline } else { String::new() },
                code: if is_kept { EXIT_INCOMPLETE } else { 0 },
                ..Finished::default()
            }
        },
    )
    .await
}

fn namespace_kept(unmanaged: &[String]) -> Diagnostic {
    const MOST: usize = 5;
    let objects = outcome::listed(unmanaged, MOST);
    Diagnostic::new(
        format!("namespace {AGENT} is kept: it has objects that cast-spot did not make: {objects}"),
        format!("remove them first, or `kubectl delete namespace {AGENT}` with everything in it"),
    )
}

#[cfg(test)]
mod tests;
