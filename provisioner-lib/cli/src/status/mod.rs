//! `cast-spot status`: compares a cluster with its desired state, and checks that it works.

mod agent;
mod checks;

use cast_spot_provisioner::{
    provider::Provider,
    verify::{Verification, verify},
};
use serde_json::json;

use crate::{
    choices::ChoiceArgs,
    environment::Environment,
    error::{CliError, EXIT_INCOMPLETE},
    plan::{json, table},
    session::{self, AccountChecked, PartialRequest},
    target::TargetArgs,
    terminal::Screen,
};

const EXAMPLES: &str = "\
Examples:
  cast-spot status                      the cluster of your kubeconfig, with its own choices
  cast-spot status --zip bootstrap.zip  and whether the function runs this code
  cast-spot status --agent              only the agent of a connected cluster; needs no permissions in AWS
  cast-spot status --json               for monitoring

Without --mode, --principal and --external-id, the choices are those of the onboarding. The agent is shown if the
cluster is connected.

Exit codes:
  0  everything that exists is as it should be, and works
  1  something has drifted, does not work, or the cluster is neither onboarded nor connected
  2  wrong call
  4  AWS or the cluster refused, or cannot be reached (permissions, credentials, network)";

/// Compare an onboarded cluster with its desired state, and check that it works; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
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
        let (target, request) = args.choices.read(&args.target, environment, false, Vec::new())?;
        let provider = session::connect(&target).await?;
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
            let agent = agent::observe(cluster, provider).await?;
            return agent::show_alone(&agent, as_json, screen, error);
        }
        spec => spec?,
    };
    let verification = verify(&spec, provider, &mut |_| {}).await?;
    let agent = agent::observe(cluster, provider).await?;
    let text = if as_json {
        let mut document = document(&verification);
        document["agent"] = agent::document(&agent);
        json::text(&document)?
    } else {
        render(&verification, screen.width) + &agent::render(&agent, screen.width)
    };
    screen.print(&text)?;
    Ok(if verification.is_good() && agent.is_good() { 0 } else { EXIT_INCOMPLETE })
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
    let planned = &verification.planned;
    let mut text = table::heading(planned);
    if planned.plan.is_empty() {
        text += &checks::resources(planned.plan.steps.len());
    } else {
        text += &table::steps(planned, width);
    }
    text += &checks::render(&verification.checks);
    text += "\n";
    text += &checks::verdict(verification);
    text
}

#[cfg(test)]
mod tests;
