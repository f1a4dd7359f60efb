//! The agent of a connected cluster: compared with its desired state, and checked.

use std::fmt::Write;

use cast_spot_provisioner::{
    connect::{Health, health},
    onboard::PlanError,
    provider::{self, ErrorKind, Provider},
};
use serde_json::{Value, json};

use super::checks;
use crate::{
    environment::Environment,
    error::{self, CliError, EXIT_INCOMPLETE},
    plan::{json, table},
    style::{BOLD, DIM, RED, green},
    target::TargetArgs,
    terminal::Screen,
};

/// The agent, as far as the caller may see it.
#[derive(Debug)]
pub(super) enum Agent {
    /// The cluster is not connected.
    Absent,
    /// The caller lacks permission: the reason.
    Hidden(String),
    /// The cluster is connected.
    Connected(Box<Health>),
}

impl Agent {
    /// Whether no fault of it is known.
    pub(super) fn is_good(&self) -> bool {
        !matches!(self, Self::Connected(health) if !health.is_good())
    }
}

/// Runs `status --agent`.
pub(super) async fn run(
    target: &TargetArgs,
    as_json: bool,
    environment: &Environment,
    screen: &mut Screen,
) -> Result<u8, CliError> {
    let target = target.read_direct(environment)?;
    let provider = provider::Direct::connect(&target.connection);
    let health = health(&target.cluster.unwrap_or_default(), &provider).await?;
    let agent = health.map_or(Agent::Absent, |health| Agent::Connected(Box::new(health)));
    let hint = "`cast-spot connect` installs it";
    show(&agent, as_json, screen, CliError::new(EXIT_INCOMPLETE, "no agent of cast-spot is here", hint))
}

/// Reads the agent. A caller without permission to do so still gets the rest of the status.
pub(super) async fn observe(cluster: &str, provider: &impl Provider) -> Result<Agent, CliError> {
    match health(cluster, provider).await {
        Ok(Some(health)) => Ok(Agent::Connected(Box::new(health))),
        Ok(None) => Ok(Agent::Absent),
        Err(PlanError::Calls(errors))
            if errors.iter().all(|error| matches!(error.reason, ErrorKind::Denied { .. })) =>
        {
            let reasons: Vec<_> = errors.iter().map(|error| error::of_call(error).error).collect();
            Ok(Agent::Hidden(reasons.join("; ")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows the agent of a cluster that is not onboarded, with a note on that. Fails if there is no agent either.
pub(super) fn show_alone(
    agent: &Agent,
    as_json: bool,
    screen: &mut Screen,
    not_onboarded: CliError,
) -> Result<u8, CliError> {
    if let Agent::Connected(_) = agent {
        for diagnostic in &not_onboarded.diagnostics {
            screen.eprint(&format!("{}: {}\n", diagnostic.error, diagnostic.hint));
        }
    }
    show(agent, as_json, screen, not_onboarded)
}

fn show(agent: &Agent, as_json: bool, screen: &mut Screen, otherwise: CliError) -> Result<u8, CliError> {
    let Agent::Connected(health) = agent else { return Err(otherwise) };
    let text = if as_json {
        let mut text = json::plan(&health.planned);
        text["schema"] = json!("cast-spot.status/1");
        text["onboarded"] = json!(false);
        text["summary"] = json!({});
        (text["steps"], text["checks"]) = (json!([]), json!([]));
        text["good"] = json!(health.is_good());
        text["agent"] = document(agent);
        json::text(&text)?
    } else {
        table::heading(&health.planned) + &render(agent, screen.width)
    };
    screen.print(&text)?;
    Ok(if health.is_good() { 0 } else { EXIT_INCOMPLETE })
}

/// The agent in JSON; null if it is unknown.
pub(super) fn document(agent: &Agent) -> Value {
    let Agent::Connected(health) = agent else { return Value::Null };
    let plan = json::plan(&health.planned);
    json!({
        "good": health.is_good(),
        "summary": plan["summary"],
        "steps": plan["steps"],
        "checks": health.checks,
    })
}

pub(super) fn render(agent: &Agent, width: usize) -> String {
    let health = match agent {
        Agent::Absent => return String::new(),
        Agent::Hidden(why) => {
            return format!("\n{DIM}The agent is unknown: {why}{DIM:#}\n");
        }
        Agent::Connected(health) => health,
    };
    let planned = &health.planned;
    let all = planned.plan.steps.len();
    let mut text = String::new();
    if planned.plan.is_empty() {
        let _ = writeln!(text, "\n{BOLD}The agent, read-only{BOLD:#}");
        let _ = writeln!(text, "  {}    all {all} objects are as they should be", green("ok"));
    } else {
        text += &table::steps(planned, width);
    }
    text += &checks::render(&health.checks);
    text + "\n" + &verdict(health)
}

fn verdict(health: &Health) -> String {
    let steps = &health.planned.plan.steps;
    let writes = steps.iter().filter(|step| step.action.writes()).count();
    let differing = writes + health.planned.plan.conflicts().count();
    if health.is_good() {
        return format!("{} the agent is as it should be, and runs\n", green("✓"));
    }
    let hint = "run `cast-spot connect` to repair it";
    match differing {
        0 => format!(
            "{RED}✗{RED:#} the agent does not run\nhint: the checks above show what its pods wait for\n"
        ),
        1 => format!("{RED}✗{RED:#} 1 of {} objects of the agent differs\nhint: {hint}\n", steps.len()),
        many => {
            format!("{RED}✗{RED:#} {many} of {} objects of the agent differ\nhint: {hint}\n", steps.len())
        }
    }
}
