//! Prices of another region than the cluster's.

use std::collections::BTreeMap;

use super::Inputs;
use crate::{catalog::is_local_zone, machines, prices::PriceList, snapshot::Snapshot};

/// The region of most nodes by their labels, else the snapshot's.
fn region_of(snapshot: &Snapshot) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for node in &snapshot.nodes {
        if let Some(region) = machines::region(node) {
            *counts.entry(region).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(region, _)| region).or(snapshot.region.as_deref())
}

/// Both regions, if the prices are of another one than the cluster's.
pub(super) fn mismatch(snapshot: &Snapshot, prices: &PriceList) -> Option<String> {
    let of_prices = prices.catalog.region.as_str();
    let of_nodes = region_of(snapshot)?;
    // Nodes in Local Zones may show them as a region of their own.
    let is_within = of_prices == of_nodes || is_local_zone(of_prices, of_nodes);
    let is_other = !of_prices.is_empty() && !is_within;
    is_other.then(|| format!("the prices are of {of_prices}, and the nodes are in {of_nodes}"))
}

/// The region of the report: that of the cluster, else that of the prices.
pub(super) fn shown(inputs: &Inputs<'_>) -> Option<String> {
    let of_prices = Some(inputs.prices.catalog.region.as_str()).filter(|region| !region.is_empty());
    let region = inputs.snapshot.region.as_deref().or(of_prices);
    region.or_else(|| region_of(inputs.snapshot)).map(str::to_owned)
}
