//! Figures and results as text, the same in the table and on the page.

use std::{
    cmp::Reverse,
    fmt::{Display, Write},
};

use crate::{
    catalog::Market,
    money::Money,
    report::{Configuration, Name, Proposal, Report, Risk, Unplaced, Verdict, Workload},
};

/// An hour's price, with the four decimals that Spot prices have.
pub(super) fn hourly(money: Money, currency: &str) -> String {
    amount(money, 4, currency)
}

/// A month's or a year's price: from 100 on in whole units.
pub(crate) fn rough(money: Money, currency: &str) -> String {
    amount(money, if money < CENTS_MATTER { 2 } else { 0 }, currency)
}

/// The same, rounded down: no more is promised than is saved.
pub(super) fn rough_down(money: Money, currency: &str) -> String {
    let unit = if money < CENTS_MATTER { 10_000 } else { 1_000_000 };
    rough(Money::from_micros(money.micros() / unit * unit), currency)
}

const CENTS_MATTER: Money = Money::from_micros(100_000_000);

fn amount(money: Money, decimals: u32, currency: &str) -> String {
    let unit = 10_i64.pow(6 - decimals);
    let micros = money.micros();
    let rounded = (micros.unsigned_abs() + unit as u64 / 2) / unit as u64;
    let scale = 10_u64.pow(decimals);
    let (whole, rest) = (rounded / scale, rounded % scale);
    let sign = if micros < 0 && rounded > 0 { "−" } else { "" };
    let width = decimals as usize;
    let places = if width == 0 { String::new() } else { format!(".{rest:0width$}") };
    let number = thousands(whole) + &places;
    match currency {
        "USD" => format!("{sign}${number}"),
        other => format!("{sign}{number} {other}"),
    }
}

/// `1,234`.
pub(super) fn thousands(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 node`, `2 nodes`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// `2 vCPU, 8 GiB`.
pub(super) fn size(vcpus: u32, memory_mib: u64) -> String {
    format!("{} vCPU, {}", thousands(vcpus), memory(memory_mib))
}

pub(super) fn memory(mib: u64) -> String {
    if mib < 1_024 {
        format!("{mib} MiB")
    } else {
        format!("{} GiB", one_decimal(mib.saturating_mul(10) / 1_024))
    }
}

fn one_decimal(tenths: u64) -> String {
    if tenths.is_multiple_of(10) {
        thousands(tenths / 10)
    } else {
        format!("{}.{}", thousands(tenths / 10), tenths % 10)
    }
}

/// The requests of all pods of a workload.
pub(super) fn requests(workload: &Workload) -> String {
    amounts(workload.cpu_millis, workload.memory_mib)
}

/// `1.5 CPU, 3 GiB`.
pub(super) fn amounts(cpu_millis: u64, memory_mib: u64) -> String {
    let cpu = match cpu_millis {
        millis if millis < 1_000 => format!("{millis}m CPU"),
        millis => format!("{} CPU", one_decimal(millis / 100)),
    };
    match (cpu_millis, memory_mib) {
        (0, 0) => "nothing".to_owned(),
        (_, 0) => cpu,
        (0, mib) => memory(mib),
        (_, mib) => format!("{cpu}, {}", memory(mib)),
    }
}

/// The time since then, in the unit that fits.
pub(super) fn age(seconds: u64) -> String {
    let ago = |number: u64, unit: &str| format!("{} ago", count(number as usize, unit));
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => ago(seconds / 60, "minute"),
        3_600..172_800 => ago(seconds / 3_600, "hour"),
        _ => ago(seconds / 86_400, "day"),
    }
}

pub(super) fn market(market: Option<Market>) -> String {
    market.map_or_else(|| "not of EC2".to_owned(), |market| market.to_string())
}

/// A month's price, or that there is none.
pub(super) fn monthly_or_none(money: Option<Money>, currency: &str) -> String {
    money.map_or_else(|| "no price".to_owned(), |money| rough(money, currency))
}

pub(super) fn name(name: Name) -> &'static str {
    match name {
        Name::Today => "Today",
        Name::OnDemand => "Right-sized, On-Demand",
        Name::Spot => "Right-sized, with Spot",
        Name::Usage => "Sized by usage, with Spot",
    }
}

/// `saves $173.52 a month, 75.1 %`.
pub(super) fn saves(proposal: &Proposal, currency: &str) -> Option<String> {
    let saves = proposal.saves.as_ref()?;
    Some(if proposal.more_expensive.is_some() {
        "costs more than today's Spot nodes, and is not proposed".to_owned()
    } else if proposal.as_today {
        "as today: nothing cheaper was found".to_owned()
    } else if !proposal.is_cheaper() {
        "costs the same".to_owned()
    } else {
        let (month, year) = (rough_down(saves.monthly, currency), rough_down(saves.yearly, currency));
        format!("saves {month} a month, {year} a year, {} %", saves.percent)
    })
}

/// `75.1 %`.
pub(super) fn share_saved(proposal: &Proposal) -> String {
    match &proposal.saves {
        None => NO_FIGURE.to_owned(),
        Some(_) if proposal.more_expensive.is_some() => "costs more".to_owned(),
        Some(_) if proposal.as_today => "as today".to_owned(),
        Some(saves) => format!("{} %", saves.percent),
    }
}

/// `shop in eu-west-1`.
pub(super) fn title(report: &Report) -> String {
    let cluster = report.cluster.as_deref().unwrap_or("a cluster");
    match &report.region {
        Some(region) => format!("{cluster} in {region}"),
        None => cluster.to_owned(),
    }
}

/// The dates of nodes, pods and prices.
pub(super) fn dates(report: &Report) -> String {
    let prices = &report.prices;
    let read = match (prices.read_at, prices.age_seconds) {
        (Some(at), Some(age_seconds)) => format!("prices of {} ({})", minute(at), age(age_seconds)),
        (Some(at), None) => format!("prices of {} (dated later than now)", minute(at)),
        (None, _) => "no prices".to_owned(),
    };
    let objects =
        report.read_at.map_or_else(|| "of an unknown time".to_owned(), |at| format!("of {}", minute(at)));
    format!("Nodes and pods {objects}, {read}")
}

pub(super) fn minute(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The length of a month.
pub(super) fn month(report: &Report) -> String {
    format!("A month is {} hours, a year twelve months.", report.hours_per_month)
}

/// `29 of 41 pods (70.7 %) tolerate Spot.`
pub(super) fn friendly(report: &Report) -> String {
    let (spot, all) = report.spot_friendly();
    if all == 0 {
        return "Only DaemonSet and static pods run here.".to_owned();
    }
    let tenths = spot as u64 * 1_000 / all as u64;
    let spot = thousands(spot);
    format!("{spot} of {} tolerate Spot, {} %.", count(all, "pod"), one_decimal(tenths))
}

/// The consequence for a pod without a node.
pub(super) fn keeps(pod: &Unplaced) -> String {
    match &pod.keeps_node {
        Some(node) => format!("its node {node} stays and is counted"),
        None => "it is pending today, too".to_owned(),
    }
}

/// `4 of 4 end in time, the last after 29.1 s; at most 2 at once`.
pub(super) fn risk(risk: &Risk) -> String {
    let seconds = risk.last_end_ms.map(|ms| format!("{} s", one_decimal(ms / 100)));
    let mut text = format!("{} of {} end in time", risk.ended, count(risk.pods, "pod"));
    if risk.over_budget > 0 {
        let _ = write!(text, " ({} over a PodDisruptionBudget)", risk.over_budget);
    }
    if risk.killed > 0 {
        let _ = write!(text, ", {} killed", risk.killed);
    } else if let Some(seconds) = seconds {
        let _ = write!(text, ", the last after {seconds}");
    }
    let _ = write!(text, "; one pool holds {}", risk.most_in_one_pool);
    text
}

/// Workloads of some verdicts: first what a rehearsal kills, then those with risks, then the most expensive.
pub(super) fn by_risk(report: &Report, is_of: impl Fn(Verdict) -> bool) -> Vec<&Workload> {
    let mut workloads: Vec<&Workload> =
        report.workloads.iter().filter(|workload| is_of(workload.verdict)).collect();
    workloads.sort_by_key(|workload| {
        let killed = workload.risk.as_ref().map_or(0, |risk| risk.killed);
        Reverse((killed, workload.cautions.len(), workload.cost.monthly_today))
    });
    workloads
}

/// The cost of what no pod requests.
pub(super) const UNREQUESTED: &str = "requested by no pod";

/// Whether the cost of any workload is known.
pub(super) fn has_costs(report: &Report) -> bool {
    report.namespaces.iter().any(|namespace| namespace.cost.monthly_today.is_some())
}

/// A cost in a month, if it is known.
pub(super) fn cost(money: Option<Money>, currency: &str) -> String {
    money.map_or_else(|| NO_FIGURE.to_owned(), |money| rough(money, currency))
}

/// Shown instead of an unknown figure.
pub(super) const NO_FIGURE: &str = "–";

/// Whether there are figures. A cluster may have no nodes today, so that is always known.
pub(super) fn is_known(name: Name, configuration: &Configuration) -> bool {
    name == Name::Today || configuration.count > 0
}

/// Whether the price of any node is known, or there are none to pay for.
pub(super) fn has_cost(configuration: &Configuration) -> bool {
    configuration.hourly > Money::ZERO || configuration.unpriced == 0
}

/// `3 nodes, 6 vCPU, 24 GiB; 41 % of CPU and 37 % of memory requested`.
pub(super) fn nodes(name: Name, configuration: &Configuration) -> String {
    if !is_known(name, configuration) {
        return "nothing is proposed".to_owned();
    }
    let mut text = format!(
        "{}, {}",
        count(configuration.count, "node"),
        size(configuration.vcpus, configuration.memory_mib)
    );
    if let (Some(cpu), Some(memory)) = (configuration.cpu_percent, configuration.memory_percent) {
        let _ = write!(text, "; {cpu} % of CPU and {memory} % of memory requested");
    }
    if configuration.unpriced > 0 {
        let _ = write!(text, "; {} without a price", thousands(configuration.unpriced));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_to_the_decimals_that_matter() {
        for (micros, an_hour, a_month) in [
            (0, "$0.0000", "$0.00"),
            (34_249, "$0.0342", "$0.03"),
            (34_250, "$0.0343", "$0.03"),
            (99_990_000, "$99.9900", "$99.99"),
            (1_234_567_894_999, "$1,234,567.8950", "$1,234,568"),
            (-57_600_000, "−$57.6000", "−$57.60"),
            (-1, "$0.0000", "$0.00"),
        ] {
            assert_eq!(hourly(Money::from_micros(micros), "USD"), an_hour);
            assert_eq!(rough(Money::from_micros(micros), "USD"), a_month);
        }
        assert_eq!(rough(Money::from_micros(5_000_000), "CNY"), "5.00 CNY");
        assert_eq!(rough_down(Money::from_micros(1_410_990_000), "USD"), "$1,410");
    }

    #[test]
    fn ages_and_sizes_have_the_unit_that_fits() {
        for (seconds, words) in [
            (0, "just now"),
            (60, "1 minute ago"),
            (7_199, "1 hour ago"),
            (172_800, "2 days ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(age(seconds), words);
        }
        assert_eq!(size(2, 7_936), "2 vCPU, 7.7 GiB");
        assert_eq!(size(64, 262_144), "64 vCPU, 256 GiB");
        assert_eq!(memory(512), "512 MiB");
    }

    #[test]
    fn a_risk_names_killed_pods() {
        let fine =
            Risk { pods: 4, most_in_one_pool: 2, ended: 4, last_end_ms: Some(29_140), ..Risk::default() };
        assert_eq!(risk(&fine), "4 of 4 pods end in time, the last after 29.1 s; one pool holds 2");
        let lost =
            Risk { pods: 4, most_in_one_pool: 4, ended: 1, over_budget: 1, killed: 3, last_end_ms: None };
        assert_eq!(
            risk(&lost),
            "1 of 4 pods end in time (1 over a PodDisruptionBudget), 3 killed; one pool holds 4"
        );
    }
}
