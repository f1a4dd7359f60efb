//! `cast-spot status`: compares a cluster with its desired state, and checks that it works.

mod agent;
mod checks;

use cast_spot_provisioner::{
    provider::Provider,
    verify::{Verification, verify},
};
use serde_json::json;

use agent::Agent;

use crate::{
    choices::ChoiceArgs,
    environment::Environment,
    error::{CliError, EXIT_INCOMPLETE},
    plan::{json, table},
    session::{self, AccountChecked, PartialRequest},
    target::TargetArgs,
    terminal::Screen,
};

/// Compare an onboarded cluster with its desired state, and check that it works; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    choices: ChoiceArgs,

    /// Check the agent alone, with access to Kubernetes alone
    #[arg(long, help_heading = "Output")]
    agent: bool,

    /// Print the result as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        if args.agent {
            return agent::run(&args.target, args.json, environment, screen).await;
        }
        let (target, request) = args.choices.read(&args.target, environment, Vec::new())?;
        let provider = session::connect(&target, args.json, screen).await?;
        Box::pin(show(request, &target.cluster, args.json, &provider, screen)).await
    })
}

async fn show(
    request: PartialRequest,
    cluster: &str,
    as_json: bool,
    provider: &AccountChecked<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, CliError> {
    let spec = match provider.spec_of_onboarded(request).await {
        // Not onboarded, but it may be connected.
        Err(error) if error.code == EXIT_INCOMPLETE => {
            let agent = match agent::observe(cluster, provider).await? {
                Agent::Connected(agent) => agent,
                Agent::Faulty(faults) => return Err(faults.into()),
                Agent::Absent | Agent::Hidden(_) => return Err(error),
            };
            for diagnostic in &error.diagnostics {
                screen.eprint(&format!("{}: {}\n", diagnostic.error, diagnostic.hint));
            }
            return agent::show(&agent, as_json, screen);
        }
        spec => spec?,
    };
    let verification = verify(&spec, provider, &mut |_| {}).await?;
    let agent = agent::observe(cluster, provider).await?;
    let text = if as_json {
        let mut document = document(&verification);
        document["agent"] = agent.document();
        document["warnings"] = json!(agent.warning().into_iter().collect::<Vec<_>>());
        json::text(&document)?
    } else {
        render(&verification, screen.width) + &agent::render(&agent, screen.width)
    };
    screen.print(&text)?;
    let is_agent_good = agent.warning().is_none() && agent.is_good();
    Ok(if verification.is_good() && is_agent_good { 0 } else { EXIT_INCOMPLETE })
}

/// The result as `cast-spot.status/1`.
fn document(verification: &Verification) -> serde_json::Value {
    let mut document = json::plan(&verification.planned);
    document["schema"] = json!("cast-spot.status/1");
    document["good"] = json!(verification.is_good());
    document["checks"] = json!(verification.checks);
    document
}

fn render(verification: &Verification, width: usize) -> String {
    table::heading(&verification.planned)
        + &checks::comparison(verification, "Resources", "", width)
        + &table::caution(&verification.planned)
        + &checks::verdict(verification)
}

#[cfg(test)]
mod tests;
