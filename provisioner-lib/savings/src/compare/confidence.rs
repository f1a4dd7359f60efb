//! The savings as a range, and what lowers the confidence in it.

use jiff::Timestamp;

use super::{Inputs, notes::age};
use crate::{
    catalog::Market,
    report::{Confidence, Configuration, Prices, Proposal, Range},
};

/// Age at which prices lower the confidence.
const OLD_SECONDS: u64 = 30 * 86_400;

/// From the smaller to the larger savings of the proposals; none if neither is known.
pub(super) fn range(proposals: [&Proposal; 2], because: Vec<String>) -> Option<Range> {
    let saves = || proposals.into_iter().filter_map(|proposal| proposal.saves.clone());
    let confidence = match because.len() {
        0 => Confidence::High,
        1 => Confidence::Medium,
        _ => Confidence::Low,
    };
    Some(Range {
        low: saves().min_by_key(|saves| saves.hourly)?,
        high: saves().max_by_key(|saves| saves.hourly)?,
        confidence,
        because,
    })
}

/// What lowers the confidence, each in a few words.
pub(super) fn doubts(
    inputs: &Inputs<'_>,
    today: &Configuration,
    prices: &Prices,
    now: Timestamp,
) -> Vec<String> {
    let pods = &inputs.demand.pods;
    let without_requests = pods.iter().filter(|pod| pod.requests.lack_cpu_or_memory()).count();
    let assumed = inputs.of_ec2().filter(|machine| !machine.market_is_known).count();
    let old = prices.age_seconds.filter(|age| *age >= OLD_SECONDS).map(|age| age / 86_400);
    let without_prices =
        [Market::OnDemand, Market::Spot].into_iter().filter(|market| inputs.prices.count(*market) == 0);
    let mut doubts = Vec::new();
    let mut add = |applies: bool, doubt: String| doubts.extend(applies.then_some(doubt));
    add(!inputs.snapshot.missing.is_empty(), "not everything could be read".to_owned());
    add(today.unpriced > 0, format!("{} of today's nodes have no price", today.unpriced));
    add(assumed > 0, format!("{assumed} of today's nodes do not tell On-Demand from Spot"));
    // One in a hundred changes no figure that is shown.
    add(
        without_requests * 100 > pods.len(),
        format!("{without_requests} of {} pods lack requests", pods.len()),
    );
    // Compared all the same, as the user chose.
    add(without_requests * 20 > pods.len(), "the proposals have no room for these".to_owned());
    add(prices.read_at.is_none(), "the prices have no date".to_owned());
    let is_later = |at: Option<Timestamp>| at.is_some_and(|at| age(at, now).is_none());
    add(is_later(prices.read_at), "the prices are dated later than now".to_owned());
    add(is_later(inputs.snapshot.read_at), "nodes and pods are dated later than now".to_owned());
    add(old.is_some(), format!("the prices are {} days old", old.unwrap_or_default()));
    without_prices.for_each(|market| add(true, format!("there are no {market} prices")));
    doubts
}
