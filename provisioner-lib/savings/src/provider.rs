//! Reads the cluster and AWS; writes nothing anywhere. What may not be read is noted as missing, by the action that it
//! takes, and the rest is read all the same.

mod ec2;
mod kubernetes;
mod pricing;
mod prometheus;

use std::collections::BTreeSet;

use cast_spot_cloud::{Access, Error, ErrorKind};
use jiff::{SignedDuration, Timestamp};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};

pub use self::prometheus::{USUAL_USAGE_DAYS, read_usage};
use self::{ec2::Ec2, pricing::Pricing};
use crate::{
    catalog::{Catalog, Market, Price, is_local_zone},
    choices::Scoring,
    machines,
    prices::{self, PriceList, time_weighted},
    report::Missing,
    snapshot::{self, Snapshot},
};

/// Days of Spot prices that are read where nothing else is asked for.
pub const USUAL_SPOT_DAYS: u32 = 7;
/// EC2 keeps no more ("View Spot Instance pricing history" in the EC2 user guide).
pub const MOST_SPOT_DAYS: u32 = 90;

/// Reads the objects of the cluster `name`, and asks EC2 of nodes that do not say how they were bought.
pub async fn read_cluster(access: &Access, name: &str, now: Timestamp) -> Result<Snapshot, Vec<Error>> {
    let mut missing = Vec::new();
    let cluster = access.cluster(name).await;
    if let Ok(None) = cluster {
        let message = format!("there is no cluster {name} in {}", access.region());
        let hint = "`aws eks list-clusters` shows the clusters; --region and --profile choose where to look";
        return Err(vec![Error::new(ErrorKind::Other, "eks:DescribeCluster", message).hint(hint)]);
    }
    let what = "whether the kubeconfig leads to this cluster was not checked";
    let cluster = or_note(cluster, what, &mut missing);
    let scoring = cluster.as_ref().and_then(|cluster| cluster.scoring_strategy.as_deref()).and_then(scoring);
    let client = access.kubernetes(cluster.as_ref()).await.map_err(|error| vec![error])?;
    let mut snapshot = Box::pin(kubernetes::read(&client)).await?;
    snapshot::SCHEMA.clone_into(&mut snapshot.schema);
    snapshot.read_at = Some(now);
    snapshot.cluster = Some(name.to_owned());
    snapshot.region = Some(access.region().to_owned());
    snapshot.scoring = scoring;
    snapshot.missing.splice(0..0, missing);
    // How they were bought is not on their labels.
    let silent = snapshot.nodes.iter().filter(|node| machines::market(node, &snapshot.lifecycles).is_none());
    let silent: Vec<String> = silent.filter_map(machines::instance_id).map(str::to_owned).collect();
    if !silent.is_empty() {
        let lifecycles = Ec2::of(access.sdk()).lifecycles(&silent).await;
        let what = "how some nodes were bought is not known";
        snapshot.lifecycles = or_note(lifecycles, what, &mut snapshot.missing);
    }
    snapshot.tidy();
    Ok(snapshot)
}

/// The scoring strategy of this name; none if the packing does not know it.
fn scoring(name: &str) -> Option<Scoring> {
    Scoring::deserialize(name.into_deserializer()).map_err(|_: value::Error| ()).ok()
}

/// Reads types and prices for the nodes and zones of a snapshot. What is missing is noted in the snapshot.
pub async fn read_prices(
    access: &Access,
    snapshot: &mut Snapshot,
    spot_days: u32,
    now: Timestamp,
) -> PriceList {
    let (ec2, pricing) = (Ec2::of(access.sdk()), Pricing::of(access.sdk()));
    let zones: BTreeSet<String> = machines::machines(snapshot, &Catalog::default())
        .into_values()
        .filter(|machine| machine.market.is_some())
        .filter_map(|machine| machine.zone)
        .collect();
    let (types, offered, on_demand) =
        tokio::join!(ec2.types(), ec2.offered(&zones), pricing.on_demand(access.region()));
    let missing = &mut snapshot.missing;
    let types = or_note(types, "instance types could not be read, so nothing can be proposed", missing);
    let (listed, currency) = or_note(on_demand, "On-Demand prices could not be read", missing);
    let mut prices = match offered {
        Ok(offered) => in_zones(access.region(), &listed, &offered),
        Err(error) => {
            let what = "which zones have which types is not known: each is taken to have all";
            missing.push(note(what, &error));
            listed
        }
    };
    let from = now - SignedDuration::from_hours(24 * i64::from(spot_days));
    let asked: Vec<String> =
        types.iter().filter(|found| !found.bare_metal).map(|found| found.name.clone()).collect();
    let points = ec2.spot_prices(&asked, &zones, from, now).await;
    let points = or_note(points, "Spot prices could not be read", missing);
    prices.extend(time_weighted(&points, from, now));
    PriceList {
        schema: prices::SCHEMA.to_owned(),
        read_at: Some(now),
        spot_days: Some(spot_days),
        currency,
        catalog: Catalog { region: access.region().to_owned(), types, prices },
    }
}

/// A price of the region holds in its zones that have the type; Local Zones have prices of their own.
fn in_zones(region: &str, listed: &[Price], offered: &BTreeSet<(String, String)>) -> Vec<Price> {
    let zones = |price: &Price| {
        let from = (price.instance_type.clone(), String::new());
        let of_type = offered.range(from..).take_while(|(name, _)| *name == price.instance_type);
        let zones = of_type.map(|(_, zone)| zone.clone()).filter(|zone| !is_local_zone(region, zone));
        zones.collect::<Vec<_>>()
    };
    let prices = listed
        .iter()
        .filter(|price| price.market == Market::OnDemand)
        .flat_map(|price| zones(price).into_iter().map(|zone| Price { zone: Some(zone), ..price.clone() }));
    prices.collect()
}

/// What was read; if the call failed, nothing, and a note of its effect.
fn or_note<T: Default>(read: Result<T, Error>, what: &str, missing: &mut Vec<Missing>) -> T {
    read.unwrap_or_else(|error| {
        missing.push(note(what, &error));
        T::default()
    })
}

/// A call that failed, as something that is missing.
fn note(what: &str, error: &Error) -> Missing {
    let why = match &error.reason {
        ErrorKind::Denied { action } => format!("not allowed: {action}"),
        _ => error.to_string(),
    };
    let hint = match &error.reason {
        ErrorKind::Denied { action } if action.contains(':') => {
            "`cast-spot policy savings` prints the policy that allows it".to_owned()
        }
        _ => error.hint.clone().unwrap_or_default(),
    };
    Missing { what: format!("{what} ({why})"), hint }
}

#[cfg(test)]
mod tests;
