//! The report as CSV and as Markdown, and the limit for pipelines.

use cast_spot_savings::{
    money::Money,
    render::{csv, markdown, page, table},
    report::{Before, Report},
};

use crate::case::Case;

/// Head and rows of a CSV without quoted cells.
fn read(text: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

#[test]
fn csv_of_nodes_adds_up_to_the_configurations() {
    let report = Case::read("all-pods").compare().report;
    let text = csv::nodes(&report).unwrap();
    let (head, rows) = read(&text);
    assert_eq!(head[..3], ["configuration", "instance_type", "market"]);
    let monthly = head.iter().position(|name| *name == "monthly").unwrap();
    for (name, whole) in [("today", report.today.monthly), ("spot", report.spot.configuration.monthly)] {
        let of = rows.iter().filter(|row| row[0] == name);
        let sum: Money = of.map(|row| row[monthly].parse::<Money>().unwrap()).sum();
        assert_eq!(sum, whole, "{name}");
    }
}

#[test]
fn csv_has_a_row_for_each_workload() {
    let report = Case::read("all-pods").compare().report;
    let text = csv::workloads(&report).unwrap();
    assert_eq!(text.lines().count(), report.workloads.len() + 1);
    assert!(text.starts_with("namespace,kind,name,pods,cpu_millis,"), "{text}");
    assert!(text.contains(",USD,"), "{text}");
}

#[test]
fn a_cell_is_no_formula_of_a_spreadsheet() {
    let mut report = Case::read("all-pods").compare().report;
    report.workloads.truncate(1);
    report.workloads[0].name = "=HYPERLINK(0)".to_owned();
    report.workloads[0].namespace = "@shop".to_owned();
    let text = csv::workloads(&report).unwrap();
    let row = text.lines().nth(1).unwrap();
    assert!(row.starts_with("'@shop,") && row.contains(",'=HYPERLINK(0),"), "{row}");
}

#[test]
fn markdown_of_names_links_and_mentions_nothing() {
    let mut case = Case::read("all-pods");
    case.snapshot.cluster = Some("![x](https://a.example) @org/team www.b.example".to_owned());
    let text = markdown::render(&case.compare().report);
    let title = "\\!\\[x\\](https\\://a.example) ＠org/team www\\.b.example in ";
    assert!(text.starts_with(&format!("## Available savings: {title}")), "{text}");
}

#[test]
fn a_name_cannot_end_a_cell_of_markdown() {
    let mut case = Case::read("all-pods");
    case.snapshot.cluster = Some("a|b<img>\nc".to_owned());
    let text = markdown::render(&case.compare().report);
    assert!(text.starts_with("## Available savings: a\\|b&lt;img> c in "), "{text}");
    assert!(text.contains("List prices; by requests alone"), "{text}");
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut of_table = None;
    for line in text.lines() {
        if !line.starts_with('|') {
            of_table = None;
        } else if let Some(columns) = of_table {
            assert_eq!(bars(line), columns, "{line}");
        } else {
            of_table = Some(bars(line));
        }
    }
}

#[test]
fn a_limit_is_for_the_larger_savings() {
    // All pods of this cluster: 29.5 % On-Demand, 74.6 % with Spot.
    let mut report = Case::read("all-pods").compare().report;
    let high = report.range.clone().unwrap().high;
    let percent = |text: &str| text.split('.').next().unwrap().parse::<u32>().unwrap();
    assert!(report.saves_more_than(percent(&high.percent)));
    assert!(!report.saves_more_than(percent(&high.percent) + 1));
    report.range = None;
    assert!(!report.saves_more_than(0), "not known");
}

#[test]
fn an_earlier_snapshot_is_compared_at_the_same_prices() {
    let now = Case::read("all-pods");
    let mut earlier = Case::read("all-pods");
    earlier.snapshot.read_at = Some("2026-10-28T06:00:00Z".parse().unwrap());
    // A node of the twelve, $0.428 an hour, is new since then.
    let node = earlier.snapshot.nodes.pop().unwrap();
    let is_on = |pod: &k8s_openapi::api::core::v1::Pod| {
        pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) == node.metadata.name
    };
    earlier.snapshot.pods.retain(|pod| !is_on(pod));
    let mut report = now.compare().report;
    let before = Before::of(earlier.compare().report);
    assert_eq!((before.nodes, report.today.monthly - before.monthly), (11, "312.44".parse().unwrap()));
    let other = report.namespaces.iter().find(|one| one.name == "other").unwrap();
    let was = before.monthly_of("other");
    assert!(was.is_some() && was < other.cost.monthly_today, "{was:?}");
    assert_eq!(before.monthly_of("nowhere"), Some(Money::ZERO));
    report.before = Some(before);
    let said = "In the snapshot of 2026-10-28 06:00 UTC, at the same prices: 11 nodes for $3,437 a month, of which up to";
    assert!(markdown::render(&report).contains(said), "{}", markdown::render(&report));
    assert!(page::render(&report).unwrap().contains(said));
    assert!(table::render(&report, 400).contains(said));
}

#[test]
fn earlier_nodes_without_a_price_cost_no_nothing() {
    let now = Case::read("all-pods").compare().report;
    for (without_price, expected) in [
        (12, ": 12 nodes without a price. Now: 12 nodes for "),
        (2, ": 12 nodes, 2 without a price, for $3,124 a month, of which up to "),
    ] {
        let mut earlier = Case::read("all-pods");
        for node in &mut earlier.snapshot.nodes[..without_price] {
            let labels = node.metadata.labels.as_mut().unwrap();
            labels.insert("node.kubernetes.io/instance-type".to_owned(), "x9.large".to_owned());
        }
        let before = Before::of(earlier.compare().report);
        assert_eq!(before.monthly_of("other").is_some(), without_price < 12, "{:?}", before.namespaces);
        let report = Report { before: Some(before), ..now.clone() };
        for text in [markdown::render(&report), table::render(&report, 400), page::render(&report).unwrap()] {
            assert!(text.contains(expected) && !text.contains("$0.00"), "{expected}: {text}");
        }
    }
    let mut report = now;
    report.range.as_mut().unwrap().high.monthly = Money::ZERO;
    report.before = Some(Before::of(report.clone()));
    let text = markdown::render(&report);
    assert!(text.contains("12 nodes for $3,749 a month. Now: 12 nodes for $3,749 a month."), "{text}");
}

#[test]
fn a_pod_without_a_node_is_listed_once() {
    // A pod of Windows waits in both proposals.
    let report = Case::read("windows-pending").compare().report;
    assert_eq!(report.unplaced.len(), 2, "{:?}", report.unplaced);
    for text in [table::render(&report, 400), page::render(&report).unwrap()] {
        let lines = text.lines().filter(|line| line.contains("iis-") && line.contains("pending"));
        let lines: Vec<_> = lines.collect();
        assert!(lines.len() == 1 && lines[0].contains("(both proposals)"), "{lines:?}");
    }
}
