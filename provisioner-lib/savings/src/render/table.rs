//! The report as a table with ANSI codes, which the caller strips if the output is not a terminal. Names of the cluster
//! stay in their lines, but are shown as they are: the caller replaces other characters that a terminal would follow.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::words;
use crate::report::{Configuration, Name, Nodes, Proposal, Report, Verdict, Workload};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Narrowest table.
const NARROWEST: usize = 60;
/// Pods without a node beyond this number are only counted.
const UNPLACED_SHOWN: usize = 10;

/// The report in lines of at most `width` columns, unless a word is longer.
#[must_use]
pub fn render(report: &Report, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut text = heading(report, width);
    text += &costs(report, width);
    text += &section("Nodes");
    for (name, configuration, _) in report.configurations() {
        text += &nodes(name, configuration, report, width);
    }
    text += &workloads(report, width);
    text += &unplaced(report, width);
    text += &notes(report, width);
    text
}

/// A name of the cluster, in one line.
fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

fn section(name: &str) -> String {
    format!("\n{BOLD}{name}{BOLD:#}\n")
}

fn heading(report: &Report, width: usize) -> String {
    let title = one_line(&words::title(report));
    let mut text = format!("{BOLD}Available savings: {title}{BOLD:#}\n");
    paragraph(&mut text, &words::dates(report), width, 0, DIM);
    text + "\n"
}

fn costs(report: &Report, width: usize) -> String {
    let currency = &report.currency;
    let rows = report.configurations().map(|(name, configuration, proposal)| {
        let mut cells = [
            words::name(name).to_owned(),
            words::thousands(configuration.count as u64),
            words::thousands(u64::from(configuration.vcpus)),
            words::memory(configuration.memory_mib),
            words::hourly(configuration.hourly, currency),
            words::rough(configuration.monthly, currency),
            words::rough(configuration.yearly, currency),
            proposal.map_or_else(String::new, saves),
        ];
        if !words::is_known(name, configuration) {
            cells[1..].fill(words::NO_FIGURE.to_owned());
        } else if !words::has_cost(configuration) {
            cells[4..7].fill(words::NO_FIGURE.to_owned());
        }
        (cells, if proposal.is_some_and(Proposal::is_cheaper) { GOOD } else { Style::new() })
    });
    let head = ["", "nodes", "vCPU", "memory", "an hour", "a month", "a year", "saves"].map(str::to_owned);
    let mut text = String::new();
    for (cells, style) in [(&head, DIM)].into_iter().chain(rows.iter().map(|(cells, style)| (cells, *style)))
    {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let others = rows.iter().map(|(cells, _)| length(&cells[column]));
            let width = others.chain([length(&head[column])]).max().unwrap_or(0);
            let _ =
                if column == 0 { write!(line, "{cell:<width$}") } else { write!(line, "  {cell:>width$}") };
        }
        let _ = writeln!(text, "{style}{}{style:#}", line.trim_end());
    }
    let _ = writeln!(text, "{DIM}{}{DIM:#}\n", words::month(report));
    paragraph(&mut text, &words::headline(report), width, 0, BOLD);
    paragraph(&mut text, &words::basis(report), width, 0, Style::new());
    text
}

fn saves(proposal: &Proposal) -> String {
    match &proposal.saves {
        None => words::NO_FIGURE.to_owned(),
        Some(_) if proposal.as_today => "as today".to_owned(),
        Some(saves) => format!("{} %", saves.percent),
    }
}

fn nodes(name: Name, configuration: &Configuration, report: &Report, width: usize) -> String {
    let mut text = format!("\n  {}\n", words::name(name));
    paragraph(&mut text, &words::nodes(name, configuration), width, 2, DIM);
    for nodes in &configuration.nodes {
        text += &line(nodes, &report.currency);
    }
    text
}

fn line(nodes: &Nodes, currency: &str) -> String {
    let count = nodes.count;
    let instance_type = one_line(&nodes.instance_type);
    let zone = one_line(nodes.zone.as_deref().unwrap_or(""));
    let market = words::market(nodes.market);
    let size = words::size(nodes.vcpus, nodes.memory_mib);
    let monthly = words::monthly_or_none(nodes.monthly, currency);
    format!("  {count:>4} × {instance_type:<13} {market:<10} {zone:<14} {size:<16} {monthly:>11}\n")
}

fn workloads(report: &Report, width: usize) -> String {
    let mut text = section("Workloads");
    let _ = writeln!(text, "{}", words::friendly(report));
    for (verdict, heading) in [
        (Verdict::Spot, "could run on Spot"),
        (Verdict::OnDemand, "stay On-Demand"),
        (Verdict::Stays, "stay where they are"),
    ] {
        let of: Vec<&Workload> =
            report.workloads.iter().filter(|workload| workload.verdict == verdict).collect();
        if !of.is_empty() {
            let _ = writeln!(text, "\n  {DIM}{heading}{DIM:#}");
        }
        for workload in of {
            text += &row(workload, width);
        }
    }
    let on_every_node = report.workloads.iter().filter(|workload| workload.verdict == Verdict::EveryNode);
    match on_every_node.count() {
        0 => text,
        count => {
            let count = words::count(count, "workload");
            text + &format!("\n  {DIM}{count} on every node: DaemonSets and static pods{DIM:#}\n")
        }
    }
}

fn row(workload: &Workload, width: usize) -> String {
    let (sign, style) = match workload.verdict {
        Verdict::Spot => ("✓", GOOD),
        _ => ("=", DIM),
    };
    let name = one_line(&format!("{}/{}", workload.namespace, workload.name));
    let kind = one_line(workload.kind.as_str());
    let pods = words::count(workload.pods, "pod");
    let mut text = format!(
        "  {style}{sign}{style:#} {name}  {DIM}{kind}, {pods}, {}{DIM:#}\n",
        words::requests(workload)
    );
    let mut say = |words: &str, style: Style| paragraph(&mut text, words, width, 6, style);
    workload.reasons.iter().for_each(|reason| say(&reason.text, Style::new()));
    workload.cautions.iter().for_each(|caution| say(&format!("! {}", caution.text), WARN));
    if let Some(risk) = &workload.risk {
        let style = if risk.killed > 0 { BAD } else { Style::new() };
        say(&format!("if its Spot nodes are interrupted: {}", words::risk(risk)), style);
    }
    text
}

fn unplaced(report: &Report, width: usize) -> String {
    if report.unplaced.is_empty() {
        return String::new();
    }
    let mut text = section("Pods without a node");
    for pod in report.unplaced.iter().take(UNPLACED_SHOWN) {
        let words = format!(
            "{}/{} ({}): {}; {}",
            pod.namespace,
            pod.pod,
            words::name(pod.configuration),
            pod.reason,
            words::keeps(pod)
        );
        paragraph(&mut text, &words, width, 2, WARN);
    }
    if report.unplaced.len() > UNPLACED_SHOWN {
        let _ = writeln!(text, "  and {} more (--json has all)", report.unplaced.len() - UNPLACED_SHOWN);
    }
    text
}

fn notes(report: &Report, width: usize) -> String {
    let mut text = String::new();
    if !report.missing.is_empty() {
        text += &section("Missing");
        for note in &report.missing {
            paragraph(&mut text, &note.what, width, 2, WARN);
            if !note.hint.is_empty() {
                paragraph(&mut text, &format!("hint: {}", note.hint), width, 4, Style::new());
            }
        }
    }
    text += &section("How this was calculated");
    report.assumptions.iter().for_each(|line| paragraph(&mut text, line, width, 2, Style::new()));
    text += &section("Not included");
    report.left_out.iter().for_each(|line| paragraph(&mut text, line, width, 2, Style::new()));
    text
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Adds lines of at most `width` columns, indented by `indent`, and from the second on by two more.
fn paragraph(text: &mut String, words: &str, width: usize, indent: usize, style: Style) {
    if words.is_empty() {
        return;
    }
    for line in wrap(words, width - indent, if indent == 0 { 0 } else { 2 }) {
        let _ = writeln!(text, "{:indent$}{style}{line}{style:#}", "");
    }
}

/// Lines of at most `width` columns, the second and later ones indented, of text that may come from outside.
fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.trim().is_empty() && length(&line) + 1 + length(word) > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        } else if !line.trim().is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines.push(line);
    lines
}
