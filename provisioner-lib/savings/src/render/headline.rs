//! The result in a sentence, and what it is based on.

use super::words::{count, minute, rough, rough_down};
use crate::{
    money::Money,
    report::{Confidence, Missing, Range, Report, Saves},
    snapshot::NODES_UNREAD,
};

/// The result in one sentence.
#[must_use]
pub fn headline(report: &Report) -> String {
    let currency = &report.currency;
    let unread = |missing: &Missing| missing.what.starts_with(NODES_UNREAD);
    if report.today.count == 0 && !report.missing.iter().any(unread) {
        return "The cluster has no nodes, so nothing can be saved.".to_owned();
    }
    let today = rough(report.today.monthly, currency);
    let range = match (&report.unknown, &report.range) {
        (Some(why), _) => return format!("Possible savings are not known: {why}."),
        (None, Some(range)) if range.high.monthly > Money::ZERO => range,
        (None, _) => return format!("{today} a month today, and nothing cheaper was found."),
    };
    let (low, high) = (&range.low, &range.high);
    let span = |of: fn(&Saves) -> Money| {
        let (least, most) = (rough_down(of(low), currency), rough_down(of(high), currency));
        if low.monthly == Money::ZERO || least == most { most } else { format!("{least} to {most}") }
    };
    let percent = if low.monthly == Money::ZERO || low.percent == high.percent {
        format!("{} %", high.percent)
    } else {
        format!("{} to {} %", low.percent, high.percent)
    };
    let up_to = if low.monthly == Money::ZERO { "up to " } else { "" };
    let (month, year) = (span(|saves| saves.monthly), span(|saves| saves.yearly));
    format!("Saves {up_to}{month} of {today} a month ({percent}), {up_to}{year} a year.")
}

/// What the headline is based on, and how reliable it is; empty without figures.
pub(super) fn basis(report: &Report) -> String {
    let Some(range) = &report.range else { return String::new() };
    let prices = match report.discount_percent {
        0 => "List prices".to_owned(),
        percent => format!("On-Demand at list prices less {percent} %, Spot without a discount"),
    };
    let confidence = confidence(range.confidence);
    let because =
        if range.because.is_empty() { String::new() } else { format!(": {}", range.because.join("; ")) };
    format!("{prices}; by requests alone, not by usage. Confidence {confidence}{because}.")
}

pub(super) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    }
}

/// What the proposal with Spot costs at the extremes of Spot prices, if they are known.
pub(super) fn spread(report: &Report) -> String {
    let Some(spread) = &report.spot_spread else { return String::new() };
    let [lowest, highest] = [spread.lowest, spread.highest].map(|money| rough(money, &report.currency));
    let days = report
        .prices
        .spot_days
        .map_or_else(String::new, |days| format!(" of {}", count(days as usize, "day")));
    format!(
        "At the lowest and the highest Spot prices{days} the proposal with Spot costs {lowest} and {highest} a month."
    )
}

/// What has changed since an earlier snapshot, if one is compared.
pub(super) fn since(report: &Report) -> String {
    let Some(before) = &report.before else { return String::new() };
    let currency = &report.currency;
    let at =
        before.read_at.map_or_else(|| "at an unknown time".to_owned(), |at| format!("of {}", minute(at)));
    let cluster = match &before.cluster {
        Some(name) if before.cluster != report.cluster => format!(" of cluster {name}"),
        _ => String::new(),
    };
    let costs = |nodes: usize, monthly: Money, unpriced: usize, range: &Option<Range>| {
        let nodes = count(nodes, "node");
        if monthly == Money::ZERO && unpriced > 0 {
            return format!("{nodes} without a price");
        }
        let unpriced = if unpriced > 0 { format!(", {unpriced} without a price,") } else { String::new() };
        let saves = range.as_ref().map(|range| range.high.monthly).filter(|saves| *saves > Money::ZERO);
        let saves = saves.map_or_else(String::new, |saves| {
            format!(", of which up to {} could be saved", rough_down(saves, currency))
        });
        format!("{nodes}{unpriced} for {} a month{saves}", rough(monthly, currency))
    };
    let today = &report.today;
    format!(
        "In the snapshot{cluster} {at}, at the same prices: {}. Now: {}.",
        costs(before.nodes, before.monthly, before.unpriced, &before.range),
        costs(today.count, today.monthly, today.unpriced, &report.range),
    )
}
