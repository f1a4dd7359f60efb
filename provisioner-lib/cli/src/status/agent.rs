//! The agent of a connected cluster: compared with its desired state, and checked.

use cast_spot_provisioner::{
    connect::{Health, health},
    fault::Faults,
    onboard::PlanError,
    plan::Action,
    provider::{self, ErrorKind, Provider},
    verify::Verification,
};
use serde_json::{Value, json};

use super::checks;
use crate::{
    environment::Environment,
    error::{self, CliError, EXIT_INCOMPLETE},
    plan::{json, table},
    style::{BOLD, RED, green},
    target::TargetArgs,
    terminal::Screen,
    workflow::outcome,
};

/// The agent, as far as the caller may see it.
#[derive(Debug)]
pub(super) enum Agent {
    /// The cluster is not connected.
    Absent,
    /// The caller lacks permission: the reason.
    Hidden(String),
    /// Something else has put choices into its annotations that `connect` does not take.
    Faulty(Faults),
    /// The cluster is connected.
    Connected(Box<Verification>),
}

impl Agent {
    /// Whether nothing is wrong with it, as far as it is known.
    pub(super) fn is_good(&self) -> bool {
        match self {
            Self::Absent | Self::Hidden(_) => true,
            Self::Faulty(_) => false,
            Self::Connected(agent) => agent.is_good(),
        }
    }

    /// The agent in JSON.
    pub(super) fn document(&self) -> Value {
        match self {
            Self::Absent | Self::Hidden(_) => Value::Null,
            Self::Faulty(faults) => json!({ "good": false, "faults": faults }),
            Self::Connected(agent) => document_of(agent),
        }
    }

    /// What could not be looked at.
    pub(super) fn warning(&self) -> Option<String> {
        if let Self::Hidden(why) = self { Some(format!("the agent is unknown: {why}")) } else { None }
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
    let Some(health) = health(&target.cluster.unwrap_or_default(), &provider).await? else {
        let hint = "`cast-spot connect` installs it";
        return Err(CliError::new(EXIT_INCOMPLETE, "no agent of cast-spot is here", hint));
    };
    show(&of(health), as_json, screen)
}

fn of(Health { planned, checks }: Health) -> Verification {
    Verification { planned, checks }
}

/// Reads the agent. A caller without permission to do so still gets the rest of the status.
pub(super) async fn observe(cluster: &str, provider: &impl Provider) -> Result<Agent, CliError> {
    match health(cluster, provider).await {
        Ok(Some(health)) => Ok(Agent::Connected(Box::new(of(health)))),
        Ok(None) => Ok(Agent::Absent),
        Err(PlanError::Calls(errors))
            if errors.iter().all(|error| matches!(error.reason, ErrorKind::Denied { .. })) =>
        {
            let reasons: Vec<_> = errors.iter().map(|error| error::of_call(error).error).collect();
            Ok(Agent::Hidden(reasons.join("; ")))
        }
        Err(PlanError::Faults(faults)) => Ok(Agent::Faulty(faults)),
        Err(error) => Err(error.into()),
    }
}

/// Shows the agent of a cluster that is not onboarded.
pub(super) fn show(agent: &Verification, as_json: bool, screen: &mut Screen) -> Result<u8, CliError> {
    let text = if as_json {
        let mut document = json::head("cast-spot.status/1", &agent.planned);
        document["summary"] = json!({});
        document["steps"] = json!([]);
        document["onboarded"] = json!(false);
        document["checks"] = json!([]);
        document["good"] = json!(agent.is_good());
        document["agent"] = document_of(agent);
        json::text(&document)?
    } else {
        table::heading(&agent.planned) + &comparison(agent, screen.width)
    };
    screen.print(&text)?;
    Ok(if agent.is_good() { 0 } else { EXIT_INCOMPLETE })
}

fn document_of(agent: &Verification) -> Value {
    let Verification { planned, checks } = agent;
    let (summary, steps) = (json::summary(&planned.plan), &planned.plan.steps);
    json!({ "good": agent.is_good(), "summary": summary, "steps": steps, "checks": checks })
}

pub(super) fn render(agent: &Agent, width: usize) -> String {
    match agent {
        Agent::Absent => String::new(),
        Agent::Hidden(_) => outcome::warnings(&agent.warning().into_iter().collect::<Vec<_>>()),
        Agent::Faulty(faults) => {
            let faults = faults.0.iter().map(error::of_fault);
            let lines =
                faults.map(|fault| format!("  {RED}✗{RED:#} {}\n    hint: {}\n", fault.error, fault.hint));
            format!("\n{BOLD}The agent, read-only{BOLD:#}\n{}", lines.collect::<String>())
        }
        Agent::Connected(agent) => comparison(agent, width),
    }
}

fn comparison(agent: &Verification, width: usize) -> String {
    checks::comparison(agent, "The agent, read-only", " objects", width) + &verdict(agent)
}

fn verdict(agent: &Verification) -> String {
    if agent.is_good() {
        return format!("{} the agent is as it should be, and runs\n", green("✓"));
    }
    let steps = &agent.planned.plan.steps;
    let differing = steps.iter().filter(|step| step.action != Action::Keep).count();
    let (what, hint) = if differing == 0 {
        ("the agent does not run".to_owned(), "the checks above show what its pods wait for")
    } else {
        let differ = if differing == 1 { "differs" } else { "differ" };
        let what = format!("{differing} of {} objects of the agent {differ}", steps.len());
        (what, "run `cast-spot connect` to repair it")
    };
    format!("{RED}✗{RED:#} {what}\nhint: {hint}\n")
}
