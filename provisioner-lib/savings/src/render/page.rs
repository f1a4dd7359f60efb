//! The report as one page without scripts or external files, for phones and screen readers, too.

use askama::Template;

use super::words;
use crate::{
    catalog::Market,
    money::Money,
    report::{Configuration, Name, Nodes, Proposal, Report, Verdict, Workload},
};

/// Squares in a row of nodes beyond which they are only counted.
const MOST_UNITS: usize = 60;

/// The page as HTML.
pub fn render(report: &Report) -> Result<String, askama::Error> {
    let page = Page::of(report).render()?;
    Ok(format!("{}\n", page.trim_end()))
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    costs: Vec<Cost>,
    mixes: Vec<Mix<'a>>,
    /// The report, for what the page shows as it is.
    report: &'a Report,
    could_move: Vec<&'a Workload>,
    stay: Vec<&'a Workload>,
    every_node: Vec<&'a Workload>,
}

/// A bar of costs.
struct Cost {
    name: &'static str,
    monthly: String,
    /// The price of an hour and of a year.
    others: String,
    /// The text of the bar for screen readers.
    label: String,
    parts: Vec<Part>,
    saves: String,
    is_cheaper: bool,
    nodes: String,
}

/// A part of a bar, in percent of the longest.
struct Part {
    class: &'static str,
    width: String,
}

/// The nodes of a configuration.
struct Mix<'a> {
    name: &'static str,
    sum: String,
    lines: Vec<Line<'a>>,
}

struct Line<'a> {
    count: usize,
    instance_type: &'a str,
    market: String,
    zones: String,
    monthly: String,
    class: &'static str,
    units: usize,
    more: usize,
    size: String,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report) -> Self {
        let of = |verdicts: &[Verdict]| -> Vec<&'a Workload> {
            report.workloads.iter().filter(|workload| verdicts.contains(&workload.verdict)).collect()
        };
        let mixes = report.configurations();
        Self {
            costs: costs(report),
            mixes: mixes
                .map(|(name, configuration, _)| Mix::of(name, configuration, &report.currency))
                .into(),
            report,
            could_move: of(&[Verdict::Spot]),
            stay: of(&[Verdict::OnDemand, Verdict::Stays]),
            every_node: of(&[Verdict::EveryNode]),
        }
    }
}

fn costs(report: &Report) -> Vec<Cost> {
    let all = report.configurations();
    let longest = all.iter().map(|(_, configuration, _)| configuration.hourly).max().unwrap_or_default();
    let cost = |(name, configuration, proposal): (Name, &Configuration, Option<&Proposal>)| {
        let currency = &report.currency;
        let nodes = words::nodes(name, configuration);
        let is_known = words::is_known(name, configuration) && words::has_cost(configuration);
        let (monthly, others) = if is_known {
            let hour_and_year = format!(
                "{} an hour, {} a year",
                words::hourly(configuration.hourly, currency),
                words::rough(configuration.yearly, currency)
            );
            (words::rough(configuration.monthly, currency), hour_and_year)
        } else {
            (words::NO_FIGURE.to_owned(), String::new())
        };
        let name = words::name(name);
        Cost {
            name,
            others,
            label: if is_known { format!("{name}: {monthly} a month") } else { format!("{name}: {nodes}") },
            monthly,
            parts: [("on_demand", configuration.hourly_on_demand), ("spot", configuration.hourly_spot)]
                .into_iter()
                .filter(|(_, money)| *money > Money::default())
                .map(|(class, money)| Part { class, width: share(money, longest) })
                .collect(),
            saves: proposal.and_then(|proposal| words::saves(proposal, currency)).unwrap_or_default(),
            is_cheaper: proposal.is_some_and(Proposal::is_cheaper),
            nodes,
        }
    };
    all.into_iter().map(cost).collect()
}

/// Percent with two decimals.
fn share(part: Money, whole: Money) -> String {
    let hundredths = i128::from(part.micros()) * 10_000 / i128::from(whole.micros().max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

impl<'a> Mix<'a> {
    fn of(name: Name, configuration: &'a Configuration, currency: &str) -> Self {
        // The page has no room for zones one by one.
        let mut alike: Vec<Vec<&'a Nodes>> = Vec::new();
        for nodes in &configuration.nodes {
            let same = |others: &&mut Vec<&Nodes>| {
                let other = others[0];
                (&other.instance_type, other.market) == (&nodes.instance_type, nodes.market)
                    && other.monthly.is_some() == nodes.monthly.is_some()
            };
            match alike.iter_mut().find(same) {
                Some(others) => others.push(nodes),
                None => alike.push(vec![nodes]),
            }
        }
        Self {
            name: words::name(name),
            sum: words::count(configuration.count, "node"),
            lines: alike.iter().map(|nodes| Line::of(nodes, currency)).collect(),
        }
    }
}

impl<'a> Line<'a> {
    /// Of nodes that differ by their zone alone.
    fn of(alike: &[&'a Nodes], currency: &str) -> Self {
        let first = alike[0];
        let count = alike.iter().map(|nodes| nodes.count).sum();
        let monthly: Option<Money> = alike.iter().map(|nodes| nodes.monthly).sum();
        let zones = alike.iter().filter_map(|nodes| Some((nodes.zone.as_ref()?, nodes.count)));
        let zones = zones.map(|(zone, count)| format!("{count} in {zone}")).collect::<Vec<_>>();
        let units = usize::min(count, MOST_UNITS);
        Self {
            count,
            instance_type: &first.instance_type,
            market: words::market(first.market),
            zones: zones.join(", "),
            monthly: words::monthly_or_none(monthly, currency),
            class: match first.market {
                Some(Market::OnDemand) => "on_demand",
                Some(Market::Spot) => "spot",
                None => "other",
            },
            units,
            more: count - units,
            size: words::size(first.vcpus, first.memory_mib) + " each",
        }
    }
}
