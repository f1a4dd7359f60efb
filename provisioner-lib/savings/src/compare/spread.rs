//! What the proposal with Spot costs at the lowest and the highest Spot prices of the days that its prices are the mean of.

use crate::{
    catalog::{Market, Spread},
    money::Money,
    prices::PriceList,
    report::Configuration,
};

/// The costs of a month; none without Spot nodes, or where the extremes of a pool are not known.
pub(super) fn monthly(spot: &Configuration, prices: &PriceList, hours: u32) -> Option<Spread> {
    let nodes = || spot.nodes.iter().filter(|nodes| nodes.market == Some(Market::Spot));
    let of = |extreme: fn(Spread) -> Money| -> Option<Money> {
        let each = nodes().map(|nodes| {
            let price = prices.catalog.price(&nodes.instance_type, Market::Spot, nodes.zone.as_deref())?;
            Some(extreme(price.spread?) * nodes.count as i64)
        });
        let hourly = each.sum::<Option<Money>>()? + spot.hourly_on_demand;
        Some(hourly * i64::from(hours))
    };
    nodes().next()?;
    Some(Spread { lowest: of(|spread| spread.lowest)?, highest: of(|spread| spread.highest)? })
}
