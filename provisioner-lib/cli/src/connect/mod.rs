//! `cast-spot connect`: shows the plan, asks, installs the agent, and reports the result.

mod args;
mod yaml;

use std::fmt::Write;

use cast_spot_provisioner::{
    connect::{self, AGENT, CurrentAgent, Request, Spec},
    provider::{self, Aws, Provider},
};

use crate::{
    environment::Environment,
    error::CliError,
    session,
    style::{BOLD, YELLOW},
    target::Direct,
    terminal::Screen,
    workflow::{self, Finished, OutputOptions, Workflow, headline},
};
use args::Format;

pub(crate) use args::Args;

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let (target, mut request) = args.read(environment)?;
        if args.format == Format::Yaml {
            find_account(&mut request, None, &target, screen).await;
            let spec = request.complete(None)?;
            caution(&spec, screen);
            screen.print_document(&yaml::render(&spec, args.include_token)?)?;
            return Ok(0);
        }
        let provider = provider::Direct::connect(&target.connection);
        let cluster = target.cluster.clone().unwrap_or_default();
        let agent = connect::observe(&cluster, &provider).await?;
        find_account(&mut request, Some(&agent), &target, screen).await;
        let spec = request.complete(Some(&agent))?;
        Box::pin(carry_out(&spec, &agent, args.options(), &provider, screen)).await
    })
}

/// Takes the account of the AWS credentials where neither kubeconfig nor options name one. This needs no permissions;
/// without credentials, the account stays open.
async fn find_account(
    request: &mut Request,
    agent: Option<&CurrentAgent>,
    target: &Direct,
    screen: &mut Screen,
) {
    if request.account.is_some() || agent.is_some_and(|agent| agent.choices.is_some()) {
        return;
    }
    let Ok(aws) = Aws::connect(&target.connection).await else { return };
    if let Ok(identity) = aws.identity().await {
        // Shown because it is a guess, and the agent reports it.
        let account = identity.account;
        screen.eprint(&format!("account {account} is that of the AWS credentials; --account sets another\n"));
        request.account = Some(account);
    }
}

async fn carry_out(
    spec: &Spec,
    agent: &CurrentAgent,
    options: OutputOptions,
    provider: &impl Provider,
    screen: &mut Screen,
) -> Result<u8, CliError> {
    let planned = agent.plan(spec)?;
    caution(spec, screen);
    let workflow = Workflow::new("cast-spot connect", "cast-spot.connection/1", &planned, options);
    workflow::run(
        workflow,
        screen,
        async |cancel, progress| connect::connect(spec, planned.clone(), provider, cancel, progress).await,
        async |report, _| Finished {
            headline: headline(&spec.choices.cluster, "connected, read-only", report, &planned.plan)
                + &details(spec),
            ..Finished::default()
        },
    )
    .await
}

/// The agent's program is what the image's name stands for on the day it is pulled.
fn caution(spec: &Spec, screen: &mut Screen) {
    for image in spec.unpinned() {
        screen.eprint(&format!(
            "{YELLOW}caution:{YELLOW:#} {image} is named by a tag, and its registry decides what that is: \
             NAME@sha256:DIGEST is one image for good\n"
        ));
    }
}

fn details(spec: &Spec) -> String {
    let choices = &spec.choices;
    let mut text = "\n".to_owned();
    for (name, value) in [
        ("Agent", format!("Deployment {AGENT} in namespace {AGENT}")),
        ("Image", choices.image.clone()),
        ("Reports to", choices.api_url.clone()),
        ("As", format!("{} in {}, account {}", choices.cluster, choices.region, choices.account)),
    ] {
        let _ = writeln!(text, "  {name:12} {value}");
    }
    let _ = writeln!(text, "\n{BOLD}Next:{BOLD:#}");
    for (command, what) in [
        ("cast-spot status --agent", "whether it is as it should be, and runs"),
        ("cast-spot onboard", "handle Spot interruptions"),
        ("cast-spot disconnect", "remove it again"),
    ] {
        let _ = writeln!(text, "  {command:26} {what}");
    }
    text
}

#[cfg(test)]
mod tests;
