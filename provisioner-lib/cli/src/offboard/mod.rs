//! `cast-spot offboard`: takes out what is ours, and says what is left.

use std::process::ExitCode;

use cast_spot_provisioner::{
    apply::{Progress, Stop},
    offboard::{self, Removal},
    onboard::Planned,
    provider::Provider,
};

use crate::{
    environment::Environment,
    onboard::{
        outcome,
        progress::{Ended, follow_plan},
    },
    plan::{
        self, json,
        table::{self, green},
    },
    refusal::{INTERRUPTED, NOT_GOOD, Refusal},
    session::{self, Guarded},
    target::TargetArgs,
    terminal::{Complaint, Screen},
};

const EXAMPLES: &str = "\
Examples:
  cast-spot offboard                        the cluster of your kubeconfig, after a question
  cast-spot offboard --cluster prod --yes   without one, for scripts
  cast-spot offboard --dry-run              only show what would go
  cast-spot offboard --keep-logs            what the function has said stays

What is shared with other clusters stays for them; what cast-spot did not make stays in any case.
The cluster need not be there any more.

Exit codes:
  0    nothing of this cluster is left
  1    something is left, or it was not confirmed; running it again goes on from there
  2    wrong call, or instances run with the node role
  4    AWS or the cluster refused, or cannot be reached (rights, credentials, network)
  10   --dry-run: there is something to remove
  130  interrupted; running it again goes on from there";

/// Take a cluster out again: everything that onboarding it has made, and nothing else
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Leave the log group and the dead-letter queue, also with the last cluster of the region
    #[arg(long, help_heading = "How")]
    keep_logs: bool,

    /// Go on although instances run with the node role: without it they pull no images from ECR and give pods no
    /// addresses
    #[arg(long, help_heading = "How")]
    nodes_lose_access: bool,

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
        let target = args.target.read(environment, &mut complaints);
        if !complaints.is_empty() {
            return Err(Refusal::wrong_call(complaints));
        }
        let provider = session::connect(&target).await?;
        let removal = Removal {
            cluster: target.cluster.clone(),
            keep_logs: args.keep_logs,
            nodes_lose_access: args.nodes_lose_access,
        };
        Box::pin(carry_out(&removal, args, &provider, &mut Screen::standard())).await
    })
}

async fn carry_out(
    removal: &Removal,
    args: &Args,
    provider: &Guarded<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let planned = offboard::plan(removal, provider).await?;
    if args.dry_run && args.json {
        screen.print(&json::text(&json::plan(&planned))?)?;
        return Ok(plan::exit_code(&planned));
    }
    let text = render(&planned, screen.width);
    if args.json {
        screen.say(&text);
    } else {
        screen.print(&text)?;
    }
    if args.dry_run {
        return Ok(plan::exit_code(&planned));
    }
    if !planned.plan.is_empty() && !args.yes {
        confirm(&removal.cluster, screen)?;
    }
    take_out(removal, planned, args.json, provider, screen).await
}

fn render(planned: &Planned, width: usize) -> String {
    if planned.plan.is_empty() {
        let left = if planned.facts.cluster.is_gone() { "; there is no such cluster, either" } else { "" };
        return format!(
            "{}{} nothing of cast-spot is here for it{left}\n",
            table::heading(planned),
            green("✓")
        );
    }
    table::render(planned, width)
}

fn confirm(cluster: &str, screen: &mut Screen) -> Result<(), Refusal> {
    if !screen.has_person {
        let complaint = Complaint::new(
            "nobody is there to confirm: standard input is no terminal",
            "give --yes to take it out without a question, or --dry-run to see what would go",
        );
        return Err(Refusal::wrong_call(vec![complaint]));
    }
    let question = format!(
        "\nSpot interruptions of {cluster} are no longer handled then.\nType the cluster's name to go on: "
    );
    if screen.ask(&question)? == cluster {
        return Ok(());
    }
    let complaint =
        Complaint::new("not confirmed; nothing was written", format!("type `{cluster}`, or give --yes"));
    Err(Refusal { complaints: vec![complaint], code: NOT_GOOD })
}

async fn take_out(
    removal: &Removal,
    planned: Planned,
    as_json: bool,
    provider: &Guarded<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let work = async |stop: &Stop, heard: &mut (dyn FnMut(Progress<'_>) + Send)| {
        offboard::offboard(removal, planned.clone(), provider, stop, heard).await
    };
    let Ended::Done(report) = follow_plan(&planned.plan, "cast-spot plan", screen, work).await? else {
        return Ok(INTERRUPTED);
    };
    if as_json {
        screen.print(&json::text(&json::report(json::OFFBOARDING, &planned, &report, None))?)?;
    } else if !report.is_complete() {
        screen.print(&format!("\n{}", outcome::incomplete(&report, "cast-spot offboard")))?;
    } else if report.done() > 0 {
        let left = if removal.keep_logs { "nothing but logs of it is left" } else { "nothing of it is left" };
        let done = format!("\n{} cluster {} is offboarded; {left}\n", green("✓"), removal.cluster);
        screen.print(&(done + &outcome::backups(&report)))?;
    }
    Ok(outcome::exit_code(&report))
}

#[cfg(test)]
mod tests;
