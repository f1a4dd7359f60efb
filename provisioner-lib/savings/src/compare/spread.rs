//! What the proposal with Spot costs at the lowest and the highest Spot prices of the days that its prices are the mean of.

use std::collections::BTreeMap;

use crate::{
    catalog::{Market, Spread},
    money::Money,
    prices::PriceList,
    report::Configuration,
};

/// The costs of a month; none without Spot nodes, or where the extremes of a pool are not known.
pub(super) fn monthly(spot: &Configuration, prices: &PriceList, hours: u32) -> Option<Spread> {
    let of_pools: BTreeMap<_, Spread> = prices
        .catalog
        .prices
        .iter()
        .filter(|price| price.market == Market::Spot)
        .filter_map(|price| Some(((price.instance_type.as_str(), price.zone.as_deref()), price.spread?)))
        .collect();
    let nodes = || spot.nodes.iter().filter(|nodes| nodes.market == Some(Market::Spot));
    let of = |extreme: fn(Spread) -> Money| -> Option<Money> {
        let each = nodes().map(|nodes| {
            let spread = of_pools.get(&(nodes.instance_type.as_str(), nodes.zone.as_deref()))?;
            Some(extreme(*spread) * nodes.count as i64)
        });
        let hourly = each.sum::<Option<Money>>()? + spot.hourly_on_demand;
        Some(hourly * i64::from(hours))
    };
    nodes().next()?;
    Some(Spread { lowest: of(|spread| spread.lowest)?, highest: of(|spread| spread.highest)? })
}
