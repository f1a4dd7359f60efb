//! `cast-spot disconnect`: takes the agent out, and says what is left.

use std::process::ExitCode;

use cast_spot_provisioner::{
    apply::{Progress, Stop},
    connect::{self, AGENT, Leaving, Neighbours},
    onboard::Planned,
    provider::{self, Provider},
};

use crate::{
    environment::Environment,
    onboard::{
        confirm, outcome,
        progress::{Ended, follow_plan},
    },
    plan::{
        self, json,
        table::{self, green},
    },
    refusal::{INTERRUPTED, NOT_GOOD, Refusal},
    session,
    target::TargetArgs,
    terminal::{Complaint, Screen, complain},
};

const EXAMPLES: &str = "\
Examples:
  cast-spot disconnect                 the cluster of your kubeconfig, after a question
  cast-spot disconnect --yes           without one, for scripts
  cast-spot disconnect --dry-run       only show what would go

What belongs to the whole cluster goes as well (ClusterRole, ClusterRoleBinding), also where half of it is gone
already. What cast-spot did not make stays, and the namespace with it if it is in there.

Exit codes:
  0    nothing of the agent is left
  1    something is left, or it was not confirmed; running it again goes on from there
  2    wrong call
  4    the cluster refused, or cannot be reached (rights, credentials, network)
  10   --dry-run: there is something to remove
  130  interrupted; running it again goes on from there";

/// Take the agent out again: everything that connecting has made, and nothing else
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Do not ask
    #[arg(long, short, help_heading = "How")]
    yes: bool,

    /// Show the plan, write nothing
    #[arg(long, help_heading = "How")]
    dry_run: bool,

    /// Print the report as JSON
    #[arg(long, help_heading = "How")]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async {
        let mut complaints = Vec::new();
        let target = args.target.read_direct(environment, &mut complaints);
        if !complaints.is_empty() {
            return Err(Refusal::wrong_call(complaints));
        }
        let provider = provider::Direct::connect(&target.connection);
        let cluster = target.cluster.unwrap_or_default();
        Box::pin(carry_out(&cluster, args, &provider, &mut Screen::standard())).await
    })
}

async fn carry_out(
    cluster: &str,
    args: &Args,
    provider: &(impl Provider + Neighbours),
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let leaving = connect::leaving(cluster, provider).await?;
    let planned = &leaving.planned;
    if args.dry_run && args.json {
        screen.print(&json::text(&json::plan(planned))?)?;
        return Ok(plan::exit_code(planned));
    }
    let text = render(planned, screen.width);
    if args.json {
        screen.say(&text);
    } else {
        screen.print(&text)?;
    }
    if !leaving.others.is_empty() {
        complain(&[staying(&leaving.others)]);
    }
    if args.dry_run {
        return Ok(plan::exit_code(planned));
    }
    if !planned.plan.is_empty() && !args.yes {
        confirm(screen)?;
    }
    take_out(cluster, leaving, args.json, provider, screen).await
}

fn render(planned: &Planned, width: usize) -> String {
    if planned.plan.is_empty() {
        return format!("{} nothing of cast-spot's agent is here\n", green("✓"));
    }
    table::render(planned, width)
}

fn staying(others: &[String]) -> Complaint {
    const MOST: usize = 5;
    let names = others.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    let more = others.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Complaint::new(
        format!("namespace {AGENT} stays: in it is what cast-spot did not make: {names}{more}"),
        format!("remove that first, or `kubectl delete namespace {AGENT}` with all that is in it"),
    )
}

async fn take_out(
    cluster: &str,
    leaving: Leaving,
    as_json: bool,
    provider: &(impl Provider + Neighbours),
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let (planned, is_kept) = (leaving.planned.clone(), !leaving.others.is_empty());
    let work = async |stop: &Stop, heard: &mut (dyn FnMut(Progress<'_>) + Send)| {
        connect::disconnect(cluster, leaving, provider, stop, heard).await
    };
    let Ended::Done(report) =
        follow_plan(&planned.plan, "cast-spot disconnect --dry-run", screen, work).await?
    else {
        return Ok(INTERRUPTED);
    };
    if as_json {
        screen.print(&json::text(&json::report(json::DISCONNECTION, &planned, &report, None))?)?;
    } else if !report.is_complete() {
        screen.print(&format!("\n{}", outcome::incomplete(&report, "cast-spot disconnect")))?;
    } else if report.done() > 0 && !is_kept {
        screen.print(&format!(
            "\n{} the cluster is disconnected; nothing of the agent is left\n",
            green("✓")
        ))?;
    }
    let code = outcome::exit_code(&report);
    Ok(if code == 0 && is_kept { NOT_GOOD } else { code })
}

#[cfg(test)]
mod tests;
