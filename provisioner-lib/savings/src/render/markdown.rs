//! The result as Markdown, for pull requests and chats: headline, costs, namespaces, workloads, and what is missing.

use std::fmt::Write;

use super::{headline, rows, usage, words};
use crate::report::{Report, Verdict, Workload};

/// The report in tables of GitHub's dialect.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = format!("## Available savings: {}\n\n", cell(&words::title(report)));
    let _ = writeln!(text, "**{}**\n", cell(&headline::headline(report)));
    for line in [
        headline::basis(report),
        headline::since(report),
        words::dates(report) + ".",
        words::month(report),
        headline::spread(report),
    ] {
        text += &if line.is_empty() { line } else { cell(&line) + "\n" };
    }
    text += &table(rows::COSTS, rows::costs(report));
    text += &by_usage(report);
    let namespaces = rows::namespaces(report);
    if !namespaces.is_empty() {
        text += "\n### Costs by namespace, a month\n";
        text += &table(rows::NAMESPACES, namespaces);
    }
    let _ = writeln!(text, "\n### Workloads\n\n{}", words::friendly(report));
    let workloads = words::by_risk(report, |verdict| verdict != Verdict::EveryNode);
    text += &table(
        ["workload", "pods", "today", "with Spot", "proposed", "why", "if interrupted"],
        workloads.into_iter().map(|workload| row(workload, &report.currency)),
    );
    if !report.missing.is_empty() {
        text += "\n### Missing\n\n";
        for note in &report.missing {
            let hint = if note.hint.is_empty() { String::new() } else { format!(" (hint: {})", note.hint) };
            let _ = writeln!(text, "- {}{}", cell(&note.what), cell(&hint));
        }
    }
    text
}

fn by_usage(report: &Report) -> String {
    let Some(usage) = &report.usage else { return String::new() };
    let lines = usage::sentences(report, usage).into_iter();
    let mut text = "\n### Usage\n\n".to_owned();
    text += &lines.map(|line| cell(&line) + "\n").collect::<String>();
    text.extend(usage.risks.iter().map(|risk| format!("\n- **Risk**: {}", cell(risk))));
    let rows = report.workloads.iter().filter_map(|workload| {
        let usage = workload.usage.as_ref()?;
        let [used, sized] = [usage::of_used(workload, usage), usage::of_sized(usage)];
        let name = format!("`{}/{}`", workload.namespace, workload.name);
        Some([name, words::thousands(workload.pods), words::requests(workload), used, sized])
    });
    text + "\n" + &table(["workload", "pods", "requests", "uses", "sized"], rows)
}

fn row(workload: &Workload, currency: &str) -> [String; 7] {
    let texts = workload.reasons.iter().map(|reason| reason.text.clone());
    let cautions = workload.cautions.iter().map(|caution| format!("**{}**", caution.text));
    let why: Vec<String> = texts.chain(cautions).collect();
    [
        format!("`{}/{}`", workload.namespace, workload.name),
        words::thousands(workload.pods),
        words::cost(workload.cost.monthly_today, currency),
        words::cost(workload.cost.monthly_proposed, currency),
        proposed(workload.verdict).to_owned(),
        why.join("; "),
        workload.risk.as_ref().map_or_else(String::new, words::risk),
    ]
}

fn proposed(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Spot => "Spot",
        Verdict::OnDemand => "On-Demand",
        Verdict::EveryNode => "every node",
        Verdict::Stays => "as today",
    }
}

fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = format!("\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
    for cells in rows {
        let _ = writeln!(text, "| {} |", cells.map(|text| cell(&text)).join(" | "));
    }
    text
}

/// Text of the cluster in one line, that neither ends a cell nor begins an element of Markdown or HTML, nor mentions
/// a person.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => cell.push(' '),
            '<' => cell += "&lt;",
            '@' => cell.push('＠'),
            '\\' | '|' | '[' | ']' | '!' | '#' | '_' | '~' => cell.extend(['\\', c]),
            _ => cell.push(c),
        }
    }
    cell.replace("://", "\\://").replace("www.", "www\\.")
}
