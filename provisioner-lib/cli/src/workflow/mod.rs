//! A plan from the first look to the last line: shown, confirmed, applied and reported.

pub(crate) mod outcome;
mod progress;

use cast_spot_provisioner::{
    apply::{CancelToken, Progress},
    onboard::{PlanError, Planned},
    plan::Plan,
    provider::AccessKey,
    report::Report,
};

use crate::{
    error::{CliError, EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_USAGE},
    plan::{
        self, json,
        table::{self, LEFT},
    },
    style::{YELLOW, green},
    terminal::{Diagnostic, Screen},
    zip::{self, Zip},
};

/// Answers that confirm a plan.
const YES: &[&str] = &["yes", "y", "Y", "Yes", "YES"];

/// Options of the commands that apply a plan.
#[derive(Debug, Default, Clone, Copy, clap::Args)]
#[command(next_help_heading = "How")]
pub(crate) struct OutputOptions {
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,

    /// Show the plan, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the plan or the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A plan, and the command that applies it.
pub(crate) struct Workflow<'a> {
    /// The command, as it is run again after a failure.
    pub(crate) command: &'static str,
    /// Schema of the report.
    pub(crate) schema: &'static str,
    pub(crate) planned: &'a Planned,
    /// Shown instead of an empty plan.
    pub(crate) nothing: Option<String>,
    /// The zip that was named.
    pub(crate) zip: Option<Zip>,
    /// Shown below the plan.
    pub(crate) notes: Vec<Diagnostic>,
    /// Asked before the plan is applied.
    pub(crate) question: &'a str,
    /// Answers that confirm the plan, the usual one first.
    pub(crate) accepted: &'a [&'a str],
    pub(crate) options: OutputOptions,
}

impl<'a> Workflow<'a> {
    /// A workflow without notes, which `yes` confirms.
    pub(crate) fn new(
        command: &'static str,
        schema: &'static str,
        planned: &'a Planned,
        options: OutputOptions,
    ) -> Self {
        let (notes, question) = (Vec::new(), "\nApply this plan? [y/N] ");
        Self { command, schema, planned, nothing: None, zip: None, notes, question, accepted: YES, options }
    }
}

/// The result of a command, in addition to the report.
#[derive(Default)]
pub(crate) struct Finished {
    /// First lines of a complete run.
    pub(crate) headline: String,
    /// Lines of every run.
    pub(crate) details: String,
    /// Last lines of a complete run.
    pub(crate) next: String,
    /// A new key that the JSON report has to contain, because no file does.
    pub(crate) access_key: Option<AccessKey>,
    /// Exit code of a complete run.
    pub(crate) code: u8,
}

/// Shows the plan, asks, applies it by `work`, and reports the result with what `finish` adds. Returns the exit code.
pub(crate) async fn run(
    workflow: Workflow<'_>,
    screen: &mut Screen,
    work: impl AsyncFnOnce(&CancelToken, &mut (dyn FnMut(Progress<'_>) + Send)) -> Result<Report, PlanError>,
    finish: impl AsyncFnOnce(&Report, &mut Screen) -> Finished,
) -> Result<u8, CliError> {
    let Workflow { planned, options, .. } = workflow;
    let is_shown_only = options.dry_run || planned.plan.conflicts().next().is_some();
    let table = match workflow.nothing {
        Some(text) if planned.plan.is_empty() => text,
        _ => table::render(planned, screen.width) + &zip::line(workflow.zip.as_ref()),
    };
    let with_zip = |document| json::text(&json::with_zip(document, workflow.zip.as_ref()));
    match (options.json, is_shown_only) {
        (false, _) => screen.print(&table)?,
        (true, false) => screen.eprint(&table),
        (true, true) => screen.print(&with_zip(json::plan(planned))?)?,
    }
    screen.warn(&workflow.notes);
    if is_shown_only {
        return Ok(plan::exit_code(planned));
    }
    if !planned.plan.is_empty() && !options.yes {
        confirm(workflow.question, workflow.accepted, screen)?;
    }
    let Some(report) = progress::follow(&planned.plan, screen, work).await? else {
        screen.eprint(&outcome::abandoned(workflow.command));
        return Ok(EXIT_INTERRUPTED);
    };
    let finished = finish(&report, screen).await;
    let code = match outcome::exit_code(&report) {
        0 => finished.code,
        code => code,
    };
    let warnings = outcome::warnings(&report.warnings());
    let text = if options.json {
        screen.eprint(&warnings);
        with_zip(json::report(workflow.schema, planned, &report, finished.access_key.as_ref()))?
    } else {
        render(&report, &finished, workflow.command) + &warnings
    };
    screen.print(&text)?;
    Ok(code)
}

/// Fails unless a person answers with one of `accepted`.
pub(crate) fn confirm(question: &str, accepted: &[&str], screen: &mut Screen) -> Result<(), CliError> {
    ensure_interactive(screen)?;
    if accepted.contains(&screen.ask(question)?.as_str()) {
        return Ok(());
    }
    let hint = format!("answer `{}`, or give --yes", accepted.first().copied().unwrap_or_default());
    Err(CliError::new(EXIT_INCOMPLETE, "not confirmed; nothing was written", hint))
}

/// Fails if there is no terminal to ask on.
pub(crate) fn ensure_interactive(screen: &Screen) -> Result<(), CliError> {
    if screen.is_interactive {
        return Ok(());
    }
    let error = "cannot ask for confirmation: standard input is not a terminal";
    Err(CliError::new(EXIT_USAGE, error, "give --yes to continue without confirmation"))
}

fn render(report: &Report, finished: &Finished, command: &str) -> String {
    let Finished { headline, details, next, .. } = finished;
    let (first, last) = if report.is_complete() {
        (headline.clone(), next.as_str())
    } else {
        (outcome::incomplete(report, command), "")
    };
    let text = first + details + &outcome::notes(report) + last;
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// The sign of a complete run, which is green only where nothing is left to do or to look at.
pub(crate) fn tick(report: &Report, plan: &Plan) -> String {
    if !report.warnings().is_empty() {
        format!("{YELLOW}! not all is well:{YELLOW:#}")
    } else if plan.has_unexpected() {
        format!("{YELLOW}!{YELLOW:#}")
    } else {
        green("✓")
    }
}

/// The headline of a complete run.
pub(crate) fn headline(cluster: &str, state: &str, report: &Report, plan: &Plan) -> String {
    let tick = tick(report, plan);
    let beside = if plan.has_unexpected() { format!(", beside {LEFT}") } else { String::new() };
    match report.done() {
        0 => format!("{tick} cluster {cluster} is already {state}{beside}\n"),
        1 => format!("{tick} cluster {cluster} is {state}; 1 step was done{beside}\n"),
        done => format!("{tick} cluster {cluster} is {state}; {done} steps were done{beside}\n"),
    }
}
