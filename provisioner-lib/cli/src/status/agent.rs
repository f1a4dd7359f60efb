//! The agent of a connected cluster: whether it is as it should be, and runs.

use std::{fmt::Write, process::ExitCode};

use anstyle::{AnsiColor, Style};
use cast_spot_provisioner::{
    connect::{Health, health},
    onboard::PlanError,
    provider::{self, ErrorKind, Provider},
};
use serde_json::{Value, json};

use super::checks;
use crate::{
    environment::Environment,
    plan::{
        json,
        table::{self, green},
    },
    refusal::{self, NOT_GOOD, Refusal},
    session,
    target::TargetArgs,
    terminal::{Complaint, Screen},
};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();

/// What is known of it.
#[derive(Debug)]
pub(super) enum Agent {
    /// The cluster is not connected.
    Absent,
    /// The caller may not look, and why.
    Hidden(String),
    /// It is connected.
    There(Box<Health>),
}

impl Agent {
    /// Whether nothing is wrong with it.
    pub(super) fn is_good(&self) -> bool {
        !matches!(self, Self::There(health) if !health.is_good())
    }
}

/// `status --agent`.
pub(super) fn run(target: &TargetArgs, as_json: bool, environment: &Environment) -> ExitCode {
    session::run(async {
        let mut complaints = Vec::new();
        let target = target.read_direct(environment, &mut complaints);
        if !complaints.is_empty() {
            return Err(Refusal::wrong_call(complaints));
        }
        let provider = provider::Direct::connect(&target.connection);
        let cluster = target.cluster.unwrap_or_default();
        let agent = match health(&cluster, &provider).await? {
            Some(health) => Agent::There(Box::new(health)),
            None => Agent::Absent,
        };
        let complaint = Complaint::new("no agent of cast-spot is here", "`cast-spot connect` puts one in");
        let refusal = Refusal { complaints: vec![complaint], code: NOT_GOOD };
        show(&agent, as_json, &mut Screen::standard(), refusal)
    })
}

/// Whoever may see the rest but not the agent is told so.
pub(super) async fn look(cluster: &str, provider: &impl Provider) -> Result<Agent, Refusal> {
    match health(cluster, provider).await {
        Ok(Some(health)) => Ok(Agent::There(Box::new(health))),
        Ok(None) => Ok(Agent::Absent),
        Err(PlanError::Calls(errors))
            if errors.iter().all(|error| matches!(error.reason, ErrorKind::Denied { .. })) =>
        {
            let words = errors.iter().map(|error| refusal::of_call(error).error).collect::<Vec<_>>();
            Ok(Agent::Hidden(words.join("; ")))
        }
        Err(error) => Err(error.into()),
    }
}

/// The agent of a cluster that is not onboarded, which is said besides; without an agent, there is nothing else to
/// say.
pub(super) fn show_alone(
    agent: &Agent,
    as_json: bool,
    screen: &mut Screen,
    not_onboarded: Refusal,
) -> Result<u8, Refusal> {
    if let Agent::There(_) = agent {
        for complaint in &not_onboarded.complaints {
            screen.say(&format!("{}: {}\n", complaint.error, complaint.hint));
        }
    }
    show(agent, as_json, screen, not_onboarded)
}

fn show(agent: &Agent, as_json: bool, screen: &mut Screen, otherwise: Refusal) -> Result<u8, Refusal> {
    let Agent::There(health) = agent else { return Err(otherwise) };
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
    Ok(if health.is_good() { 0 } else { NOT_GOOD })
}

/// Null where it is not known.
pub(super) fn document(agent: &Agent) -> Value {
    let Agent::There(health) = agent else { return Value::Null };
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
            return format!("\n{DIM}Whether there is an agent, was not seen: {why}{DIM:#}\n");
        }
        Agent::There(health) => health,
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
    let hint = "`cast-spot connect` shows the same and mends it";
    match differing {
        0 => format!("{RED}✗{RED:#} the agent does not run\nhint: what its pods wait for is said above\n"),
        1 => format!("{RED}✗{RED:#} 1 of {} objects of the agent differs\nhint: {hint}\n", steps.len()),
        many => {
            format!("{RED}✗{RED:#} {many} of {} objects of the agent differ\nhint: {hint}\n", steps.len())
        }
    }
}
