//! A plan as text: a line for each resource that changes, and below it the changes.

use std::{collections::BTreeMap, fmt::Write};

use anstyle::{AnsiColor, Style};
use cast_spot_provisioner::{
    invisible::visible,
    names::DOCUMENTED_POLICY,
    onboard::Planned,
    plan::{Action, Plan, Step, Unmanaged},
    resource::Kind,
};

use super::{
    document,
    groups::{Group, group_of},
};
use crate::style::{BOLD, DIM, RED, YELLOW, green};

/// The sign, word and colour of an action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActionStyle {
    pub(crate) sign: &'static str,
    pub(crate) word: &'static str,
    pub(crate) style: Style,
}

impl ActionStyle {
    /// The style of `action`.
    pub(crate) fn of(action: &Action) -> Self {
        let style = |sign, word, color: AnsiColor| Self { sign, word, style: color.on_default() };
        match action {
            Action::Create => style("+", "create", AnsiColor::Green),
            Action::Update { .. } => style("~", "change", AnsiColor::Yellow),
            Action::Replace { .. } => style("-/+", "replace", AnsiColor::Magenta),
            Action::Delete => style("-", "remove", AnsiColor::Red),
            Action::Keep => Self { sign: "=", word: "keep", style: Style::new().dimmed() },
            Action::Conflict { .. } => style("!", "CONFLICT", AnsiColor::Red),
        }
    }
}

/// Width of the column with the kind.
const KIND: usize = 18;
/// Indentation of changes.
const INDENT: &str = "          ";

/// What cast-spot never removes.
pub(crate) const LEFT: &str = "what is not managed by cast-spot, listed above";

/// The plan, in lines of `width`.
pub(crate) fn render(planned: &Planned, width: usize) -> String {
    let mut text = heading(planned);
    if !planned.plan.is_empty() {
        text += &steps(planned, width);
    }
    text += &unmanaged(&planned.plan);
    let _ = writeln!(text, "\n{}{}", caution(planned), summary(&planned.plan));
    text
}

/// The line that names the cluster.
pub(crate) fn heading(planned: &Planned) -> String {
    let facts = &planned.facts;
    let gone = if facts.cluster.is_gone() { ", which no longer exists," } else { "" };
    let named = |name: &str, what: &str| match name {
        "" => String::new(),
        name => format!("{what}{name}"),
    };
    format!(
        "{BOLD}Cluster{}{BOLD:#}{gone}{}{}\n",
        named(&facts.cluster.name, " "),
        named(&facts.region, " in "),
        named(&facts.identity.account, ", account ")
    )
}

/// All steps, by group.
pub(crate) fn steps(planned: &Planned, width: usize) -> String {
    let mut groups: BTreeMap<Group, Vec<&Step>> = BTreeMap::new();
    for step in &planned.plan.steps {
        groups.entry(group_of(&step.id, &planned.facts)).or_default().push(step);
    }
    let mut text = String::new();
    for ((_, heading), steps) in groups {
        let _ = writeln!(text, "\n{BOLD}{heading}{BOLD:#}");
        let (kept, others): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|step| step.action == Action::Keep);
        text.extend(others.into_iter().map(|step| line(step, &planned.plan, width)));
        if !kept.is_empty() {
            text += &keeping(kept.len());
        }
    }
    text
}

/// What is not managed by cast-spot; nothing if there is none.
pub(crate) fn unmanaged(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.unmanaged.is_empty() {
        let _ = writeln!(text, "\n{BOLD}Not managed by cast-spot{BOLD:#}");
    }
    for Unmanaged { id, why, is_expected } in &plan.unmanaged {
        let (kind, name) = id.labels();
        let sign = if *is_expected { String::from("    ?") } else { format!("    {YELLOW}?{YELLOW:#}") };
        let _ = writeln!(text, "{sign} {:9}{kind:KIND$} {name}\n{INDENT}  {DIM}{why}{DIM:#}", "leave");
    }
    text
}

/// What the documented privilege means, of this cluster and of others: the role of the function is one for the account.
pub(crate) fn caution(planned: &Planned) -> String {
    let is_granted = |step: &Step| {
        step.id.kind == Kind::Policy && step.id.name == DOCUMENTED_POLICY && step.action != Action::Delete
    };
    let mut text = String::new();
    if planned.plan.steps.iter().any(is_granted) {
        let _ = writeln!(
            text,
            "{YELLOW}caution:{YELLOW:#} with the documented privilege, the principal may replace the function's code while the \
             function serves no other\ncluster. Code that it puts there may write any log and invoke any function of the \
             account, and is the handler in\nevery cluster of the account. --least-privilege takes that back \
             (docs/permissions.md)\n"
        );
    }
    for (region, name) in planned.facts.documented_others() {
        let _ = writeln!(
            text,
            "{YELLOW}caution:{YELLOW:#} cluster {name} in {region} has the documented privilege, and with it the functions' role, one \
             for all regions: their\ncode may write any log and invoke any function of the account. Where {name} is the only \
             cluster of another region, its\nprincipal may replace that code until the next `onboard` there, and is the handler \
             in this cluster, too\nhint: `cast-spot onboard --cluster {name} --region {region} --least-privilege` takes that \
             back (docs/permissions.md)\n"
        );
    }
    text
}

fn keeping(count: usize) -> String {
    let ActionStyle { sign, word, style } = ActionStyle::of(&Action::Keep);
    let what = if count == 1 { "1 resource, as it is" } else { &format!("{count} resources, as they are") };
    format!("{style}{sign:>5} {word:9}{what}{style:#}\n")
}

/// One step and its changes.
fn line(step: &Step, plan: &Plan, width: usize) -> String {
    let ActionStyle { sign, word, style } = ActionStyle::of(&step.action);
    let (kind, name) = step.id.labels();
    let narrows = if plan.narrows(step) { format!("  {DIM}(fewer rights){DIM:#}") } else { String::new() };
    let mut text = format!("{style}{sign:>5} {word:9}{style:#}{kind:KIND$} {name}{narrows}\n");
    match &step.action {
        Action::Update { changes } => {
            for change in changes {
                for line in document::lines(change, width.saturating_sub(INDENT.len() + 2)) {
                    let _ = writeln!(text, "{INDENT}  {line}");
                }
            }
        }
        Action::Replace { why } | Action::Conflict { why } => {
            let _ = writeln!(text, "{INDENT}  {DIM}{}{DIM:#}", visible(why));
        }
        Action::Create | Action::Delete | Action::Keep => {}
    }
    text
}

/// The number of steps of each kind.
pub(crate) fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        let all = format!("all {} resources are as they should be", plan.steps.len());
        return if plan.has_unexpected() {
            format!("{YELLOW}Nothing to do{YELLOW:#}: {all}, beside {LEFT}")
        } else {
            format!("{}: {all}", green("Nothing to do"))
        };
    }
    let counts: Vec<String> = super::counts(plan)
        .into_iter()
        .filter(|(_, _, count)| *count > 0)
        .map(|(_, words, count)| format!("{count} {words}"))
        .collect();
    let conflicts = plan.conflicts().count();
    if conflicts > 0 {
        let what = if conflicts == 1 {
            "1 resource that has the name of a desired one".to_owned()
        } else {
            format!("{conflicts} resources that have the names of desired ones")
        };
        return format!(
            "{RED}Conflict{RED:#}: cast-spot does not manage {what}; nothing is written.\n\
             Rename or remove what is listed above, or take it over with --adopt"
        );
    }
    format!("{BOLD}Plan{BOLD:#}: {}", counts.join(", "))
}
