//! A catalog with its date, and Spot prices as a mean over time.

use std::collections::BTreeMap;

use cast_spot_infra::partitions::Partition;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    catalog::{Catalog, Market, Price, Spread},
    money::Money,
};

pub mod product;

/// Schema of a file of prices. Fields may be added to it, but not removed, and none changes its meaning.
pub const SCHEMA: &str = "cast-spot.prices/1";

/// A catalog and its date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PriceList {
    /// [`SCHEMA`] in a file.
    pub schema: String,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// Days before that of which Spot prices are the time-weighted mean.
    pub spot_days: Option<u32>,
    /// ISO 4217 code of all prices, if it was given: see [`PriceList::currency`].
    pub currency: Option<String>,
    /// Types and prices.
    #[serde(flatten)]
    pub catalog: Catalog,
}

/// A text that is not a list of prices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Not JSON, or a field has the wrong type.
    #[error("{0}")]
    Json(String),
    /// Prices and types that cannot be right: the field and value of each.
    #[error(
        "{}; hint: list a type once, and one price above zero for an hour of it in each market and zone; leave out what \
         is not sold",
        .0.join("; ")
    )]
    Fields(Vec<String>),
    /// JSON of something else.
    #[error("neither prices (schema {SCHEMA}) nor a snapshot that has some")]
    Other,
}

impl PriceList {
    /// Refuses, all at once, prices that are not above zero, and types and prices that are listed twice and differ.
    pub(crate) fn check(&self) -> Result<(), FileError> {
        let mut faults = Vec::new();
        let mut types = BTreeMap::new();
        for (place, found) in self.catalog.types.iter().enumerate() {
            let (first, known) = *types.entry(&found.name).or_insert((place, found));
            if known != found {
                faults.push(format!(
                    "types[{place}] is {}, but types[{first}] describes it otherwise",
                    found.name
                ));
            }
        }
        let mut hourly = BTreeMap::new();
        for (place, price) in self.catalog.prices.iter().enumerate() {
            let spread = price
                .spread
                .map(|spread| [("spread.lowest", spread.lowest), ("spread.highest", spread.highest)]);
            let fields = [("hourly", price.hourly)].into_iter().chain(spread.into_iter().flatten());
            let name = &price.instance_type;
            faults.extend(fields.filter(|(_, money)| *money <= Money::ZERO).map(|(field, money)| {
                format!("prices[{place}].{field} of {name} is {money}, not above zero")
            }));
            let (first, known) =
                *hourly.entry((name, price.market, &price.zone)).or_insert((place, price.hourly));
            if known != price.hourly {
                faults.push(format!(
                    "prices[{place}].hourly of {name} is {}, but {known} in prices[{first}] of the same market and zone",
                    price.hourly
                ));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(FileError::Fields(faults)) }
    }

    /// ISO 4217 code of all prices: the given one, else that of the region's partition. Spot prices come without one.
    #[must_use]
    pub fn currency(&self) -> &str {
        let partition = Partition::of_region_or_aws(&self.catalog.region);
        self.currency.as_deref().unwrap_or(partition.currency)
    }

    /// The list with `percent` taken off every On-Demand price: discounts do not apply to Spot prices ("Savings Plans
    /// eligibility" in the Savings Plans User Guide).
    #[must_use]
    pub fn discounted(&self, percent: u32) -> Self {
        let mut list = self.clone();
        for price in list.catalog.prices.iter_mut().filter(|price| price.market == Market::OnDemand) {
            price.hourly = price.hourly.less_percent(percent);
        }
        list
    }

    /// The number of prices of a market.
    #[must_use]
    pub fn count(&self, market: Market) -> usize {
        self.catalog.prices.iter().filter(|price| price.market == market).count()
    }
}

/// A change of the Spot price of an instance type in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpotPoint {
    /// The instance type.
    pub instance_type: String,
    /// The zone.
    pub zone: String,
    /// The time of the change.
    pub since: Timestamp,
    /// For one hour.
    pub hourly: Money,
}

/// The mean price of each pool from `from` to `to`, each price weighted by how long it was in force.
///
/// EC2 answers with the changes in between and the last one before, which is the price at the start
/// (DescribeSpotPriceHistory in the EC2 API reference). A pool that begins later is weighted from there. Nothing is sold
/// for nothing: a price of zero counts as none.
#[must_use]
pub fn time_weighted(points: &[SpotPoint], from: Timestamp, to: Timestamp) -> Vec<Price> {
    let mut pools: BTreeMap<(&str, &str), BTreeMap<Timestamp, Money>> = BTreeMap::new();
    for point in points.iter().filter(|point| point.since < to && point.hourly > Money::ZERO) {
        let pool = pools.entry((&point.instance_type, &point.zone)).or_default();
        pool.insert(point.since, point.hourly);
    }
    let prices = pools.into_iter().filter_map(|((instance_type, zone), pool)| {
        Some(Price {
            instance_type: instance_type.to_owned(),
            zone: Some(zone.to_owned()),
            market: Market::Spot,
            hourly: mean(&pool, from, to)?,
            spread: spread(&pool, from),
        })
    });
    prices.collect()
}

fn mean(prices: &BTreeMap<Timestamp, Money>, from: Timestamp, to: Timestamp) -> Option<Money> {
    let ends = prices.keys().skip(1).copied().chain([to]);
    let (mut sum, mut time) = (0_i128, 0_i128);
    for ((since, hourly), until) in prices.iter().zip(ends) {
        let in_force = i128::from((until.max(from).as_second() - since.max(&from).as_second()).max(0));
        sum += in_force * i128::from(hourly.micros());
        time += in_force;
    }
    match time {
        // The prices have no second between the two times.
        0 => prices.values().last().copied(),
        _ => i64::try_from((sum + time / 2) / time).ok().map(Money::from_micros),
    }
}

/// The extremes of what was in force after `from`.
fn spread(prices: &BTreeMap<Timestamp, Money>, from: Timestamp) -> Option<Spread> {
    let before = prices.range(..=from).next_back();
    let in_force = || before.into_iter().chain(prices.range(from..)).map(|(_, hourly)| *hourly);
    Some(Spread { lowest: in_force().min()?, highest: in_force().max()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn point(zone: &str, since: &str, micros: i64) -> SpotPoint {
        SpotPoint {
            instance_type: "m5.large".to_owned(),
            zone: zone.to_owned(),
            since: at(since),
            hourly: Money::from_micros(micros),
        }
    }

    #[test]
    fn each_price_is_weighted_by_its_duration() {
        for (case, points, micros) in [
            ("one price, from before", vec![point("a", "01T00:00", 30)], 30),
            ("half and half", vec![point("a", "01T00:00", 30), point("a", "15T00:00", 40)], 35),
            ("a quarter", vec![point("a", "10T00:00", 100), point("a", "12T12:00", 20)], 40),
            ("the newest answer first", vec![point("a", "12T12:00", 20), point("a", "10T00:00", 100)], 40),
            (
                "of two before the start the later",
                vec![point("a", "01T00:00", 9), point("a", "02T00:00", 30)],
                30,
            ),
            ("a pool that is new", vec![point("a", "19T00:00", 50)], 50),
            ("after the end", vec![point("a", "01T00:00", 30), point("a", "20T00:00", 900)], 30),
            ("a price of zero", vec![point("a", "10T00:00", 30), point("a", "15T00:00", 0)], 30),
            ("rounded to the nearest", vec![point("a", "10T00:00", 1), point("a", "15T00:00", 2)], 2),
        ] {
            let found = time_weighted(&points, at("10T00:00"), at("20T00:00"));
            assert_eq!(found[0].hourly.micros(), micros, "{case}");
        }
    }

    #[test]
    fn the_spread_is_of_prices_that_were_in_force() {
        let points = [
            point("a", "01T00:00", 90),
            point("a", "02T00:00", 30),
            point("a", "12T00:00", 20),
            point("a", "15T00:00", 40),
            point("a", "20T00:00", 99),
        ];
        let found = time_weighted(&points, at("10T00:00"), at("20T00:00"));
        let spread = found[0].spread.unwrap();
        assert_eq!((spread.lowest.micros(), spread.highest.micros()), (20, 40));
    }

    #[test]
    fn zones_have_prices_of_their_own() {
        let points = [point("a", "01T00:00", 30), point("b", "01T00:00", 60)];
        let found = time_weighted(&points, at("10T00:00"), at("20T00:00"));
        let found: Vec<_> =
            found.iter().map(|price| (price.zone.as_deref().unwrap(), price.hourly.micros())).collect();
        assert_eq!(found, [("a", 30), ("b", 60)]);
    }
}
