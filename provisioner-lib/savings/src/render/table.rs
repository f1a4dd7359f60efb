//! The report as a table with ANSI codes, which the caller strips if the output is not a terminal. Names of the cluster
//! stay in their lines, but are shown as they are: the caller replaces other characters that a terminal would follow.

use std::{fmt::Write, iter};

use anstyle::{AnsiColor, Style};

use super::{fold::fold, headline, rows, usage, words};
use crate::report::{Configuration, Name, Proposal, Report, Verdict, Workload};

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
    text += &namespaces(report);
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
    let style = |name: Name, proposal: Option<&Proposal>| match proposal {
        Some(proposal) if proposal.is_cheaper() && name != Name::Usage => GOOD,
        _ => Style::new(),
    };
    let styles = report.configurations().into_iter().map(|(name, _, proposal)| style(name, proposal));
    let mut text = columns(rows::COSTS, &rows::costs(report), &styles.collect::<Vec<_>>());
    paragraph(&mut text, &words::month(report), width, 0, DIM);
    paragraph(&mut text, &headline::spread(report), width, 0, DIM);
    text.push('\n');
    paragraph(&mut text, &headline::headline(report), width, 0, BOLD);
    paragraph(&mut text, &headline::basis(report), width, 0, Style::new());
    paragraph(&mut text, &headline::since(report), width, 0, Style::new());
    text + &by_usage(report, width)
}

fn by_usage(report: &Report, width: usize) -> String {
    let Some(usage) = &report.usage else { return String::new() };
    let mut text = section("Usage");
    for line in usage::sentences(report, usage) {
        paragraph(&mut text, &line, width, 0, Style::new());
    }
    usage.risks.iter().for_each(|risk| paragraph(&mut text, &format!("! {risk}"), width, 2, WARN));
    text
}

/// Lines of cells, the first of each to the left and the others to the right. A row without a style has none.
fn columns<const N: usize>(head: [&str; N], rows: &[[String; N]], styles: &[Style]) -> String {
    let head = head.map(str::to_owned);
    let styles = [DIM].into_iter().chain(styles.iter().copied()).chain(iter::repeat(Style::new()));
    let mut text = String::new();
    for (cells, style) in [&head].into_iter().chain(rows).zip(styles) {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = [&head].into_iter().chain(rows).map(|cells| length(&cells[column]));
            let width = width.max().unwrap_or(0);
            let _ =
                if column == 0 { write!(line, "{cell:<width$}") } else { write!(line, "  {cell:>width$}") };
        }
        let _ = writeln!(text, "{style}{}{style:#}", one_line(line.trim_end()));
    }
    text
}

fn nodes(name: Name, configuration: &Configuration, report: &Report, width: usize) -> String {
    let mut text = format!("\n  {}\n", words::name(name));
    paragraph(&mut text, &words::nodes(name, configuration), width, 2, DIM);
    for fold in fold(configuration) {
        let count = words::thousands(fold.count);
        let what = one_line(&fold.what);
        let monthly = words::monthly_or_none(fold.monthly, &report.currency);
        let _ = writeln!(text, "  {count:>4} × {what:<19} {:<34} {monthly:>9}", fold.size);
        let details = [&fold.types, &fold.zones].map(|part| one_line(part));
        let details: Vec<_> = details.into_iter().filter(|part| !part.is_empty()).collect();
        paragraph(&mut text, &details.join("; "), width, 9, DIM);
    }
    text
}

fn namespaces(report: &Report) -> String {
    match rows::namespaces(report).as_slice() {
        [] => String::new(),
        rows => section("Costs by namespace, a month") + &columns(rows::NAMESPACES, rows, &[]),
    }
}

fn workloads(report: &Report, width: usize) -> String {
    let mut text = section("Workloads");
    let _ = writeln!(text, "{}", words::friendly(report));
    for (verdict, heading) in [
        (Verdict::Spot, "could run on Spot"),
        (Verdict::OnDemand, "stay On-Demand"),
        (Verdict::Stays, "stay where they are"),
    ] {
        let of = words::by_risk(report, |found| found == verdict);
        if !of.is_empty() {
            let _ = writeln!(text, "\n  {DIM}{heading}{DIM:#}");
        }
        for workload in of {
            text += &row(workload, report, width);
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

fn row(workload: &Workload, report: &Report, width: usize) -> String {
    let (sign, style) = match workload.verdict {
        Verdict::Spot => ("✓", GOOD),
        _ => ("=", DIM),
    };
    let name = one_line(&format!("{}/{}", workload.namespace, workload.name));
    let kind = one_line(workload.kind.as_str());
    let pods = words::count(workload.pods, "pod");
    let mut about = format!("{kind}, {pods}, {}", words::requests(workload));
    let currency = &report.currency;
    let (today, then) = (workload.cost.monthly_today, workload.cost.monthly_proposed);
    if let Some(today) = today {
        let _ = write!(about, ", {}", words::rough(today, currency));
        let _ = then.map_or(Ok(()), |then| write!(about, " → {}", words::rough(then, currency)));
        about += " a month";
    }
    let fits = length(&name) + length(&about) + 6 <= width;
    let gap = if fits { "  " } else { "\n      " };
    let mut text = format!("  {style}{sign}{style:#} {name}{gap}{DIM}{about}{DIM:#}\n");
    let mut say = |words: &str, style: Style| paragraph(&mut text, words, width, 6, style);
    workload.usage.iter().for_each(|found| say(&usage::of_workload(workload, found), DIM));
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
    let unplaced = rows::unplaced(report);
    for (proposals, pod) in unplaced.iter().take(UNPLACED_SHOWN) {
        let (namespace, name, reason, keeps) = (&pod.namespace, &pod.pod, &pod.reason, words::keeps(pod));
        let words = format!("{namespace}/{name} ({proposals}): {reason}; {keeps}");
        paragraph(&mut text, &words, width, 2, WARN);
    }
    if unplaced.len() > UNPLACED_SHOWN {
        let more = words::thousands(unplaced.len() - UNPLACED_SHOWN);
        let _ = writeln!(text, "  and {more} more (--json has all)");
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
