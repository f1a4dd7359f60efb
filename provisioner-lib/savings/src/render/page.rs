//! The report as one page without scripts or external files, for phones and screen readers, too.

use askama::Template;

use super::{
    fold::{Fold, fold},
    headline, rows, usage, words,
};
use crate::{
    catalog::Market,
    money::Money,
    report::{Configuration, Name, Proposal, Report, Verdict, Workload},
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
    mixes: Vec<Mix>,
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
struct Mix {
    name: &'static str,
    sum: String,
    lines: Vec<Line>,
}

struct Line {
    fold: Fold,
    monthly: String,
    class: &'static str,
    units: usize,
    more: usize,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report) -> Self {
        let of = |verdicts: &[Verdict]| -> Vec<&'a Workload> {
            words::by_risk(report, |verdict| verdicts.contains(&verdict))
        };
        let mixes = report.configurations().into_iter();
        Self {
            costs: costs(report),
            mixes: mixes
                .map(|(name, configuration, _)| Mix::of(name, configuration, &report.currency))
                .collect(),
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
        let title = words::name(name);
        Cost {
            name: title,
            others,
            label: if is_known { format!("{title}: {monthly} a month") } else { format!("{title}: {nodes}") },
            monthly,
            parts: [("on_demand", configuration.hourly_on_demand), ("spot", configuration.hourly_spot)]
                .into_iter()
                .filter(|(_, money)| *money > Money::default())
                .map(|(class, money)| Part { class, width: share(money, longest) })
                .collect(),
            saves: proposal.and_then(|proposal| words::saves(proposal, currency)).unwrap_or_default(),
            // What has risks of its own is not shown as the others are.
            is_cheaper: name != Name::Usage && proposal.is_some_and(Proposal::is_cheaper),
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

impl Mix {
    fn of(name: Name, configuration: &Configuration, currency: &str) -> Self {
        let lines = fold(configuration).into_iter().map(|fold| {
            let units = usize::min(fold.count, MOST_UNITS);
            Line {
                units,
                more: fold.count - units,
                monthly: words::monthly_or_none(fold.monthly, currency),
                class: match fold.market {
                    Some(Market::OnDemand) => "on_demand",
                    Some(Market::Spot) => "spot",
                    None => "other",
                },
                fold,
            }
        });
        Self {
            name: words::name(name),
            sum: words::count(configuration.count, "node"),
            lines: lines.collect(),
        }
    }
}
