//! Instance types that a NodePool allows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    catalog::{Catalog, INSTANCE_TYPE, InstanceType, Market},
    offers::Offer,
};

/// The most that another type of the same size may cost, in percent of the proposed one.
const MOST_PERCENT: i64 = 110;

/// The types of `offers`. Spot nodes are interrupted by type and zone, so that a Spot pool also has types of the same
/// size at about the same price.
pub(super) fn types<'a>(offers: &[&'a Offer], market: Market, catalog: &'a Catalog) -> BTreeSet<&'a str> {
    let mut allowed: BTreeSet<&str> = offers.iter().map(|offer| offer.instance_type.as_str()).collect();
    if market == Market::OnDemand {
        return allowed;
    }
    let types: BTreeMap<_, _> = catalog.types.iter().map(|found| (found.name.as_str(), found)).collect();
    for price in catalog.prices.iter().filter(|price| price.market == Market::Spot) {
        let (Some(zone), Some(other)) = (&price.zone, types.get(price.instance_type.as_str())) else {
            continue;
        };
        let is_like = |offer: &&&Offer| {
            offer.zone == *zone
                && types.get(offer.instance_type.as_str()).is_some_and(|proposed| is_like(proposed, other))
                && price.hourly.micros() * 100 <= offer.hourly.micros() * MOST_PERCENT
        };
        if offers.iter().any(|offer| is_like(&offer)) {
            allowed.insert(&other.name);
        }
    }
    allowed
}

/// Whether all that a pod may see of the one is there in the other, too.
fn is_like(one: &InstanceType, other: &InstanceType) -> bool {
    !other.bare_metal
        && other.current_generation
        && other.burstable == one.burstable
        && other.architecture == one.architecture
        && (other.vcpus, other.memory_mib) == (one.vcpus, one.memory_mib)
        && other.devices == one.devices
        && other.local_disks >= one.local_disks
        && other.max_pods() >= one.max_pods()
        && other.max_volumes() >= one.max_volumes()
}

/// Requirements that exactly these types meet: by name, or by family and size where that is shorter.
pub(super) fn of_types(types: &BTreeSet<&str>) -> Vec<Value> {
    let parts: Option<Vec<_>> = types.iter().map(|name| name.split_once('.')).collect();
    let (families, sizes): (BTreeSet<_>, BTreeSet<_>) = parts.unwrap_or_default().into_iter().unzip();
    let words = families.len() + sizes.len();
    if words > 0 && words < types.len() && families.len() * sizes.len() == types.len() {
        return vec![
            is_in("karpenter.k8s.aws/instance-family", families),
            is_in("karpenter.k8s.aws/instance-size", sizes),
        ];
    }
    vec![is_in(INSTANCE_TYPE, types)]
}

/// A requirement of a NodePool: the label has one of these values.
pub(super) fn is_in<V: AsRef<str>>(key: &str, values: impl IntoIterator<Item = V>) -> Value {
    let values: Vec<_> = values.into_iter().map(|value| value.as_ref().to_owned()).collect();
    json!({ "key": key, "operator": "In", "values": values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(types: &[&str]) -> Vec<Value> {
        of_types(&types.iter().copied().collect()).iter().map(|found| found["key"].clone()).collect()
    }

    #[test]
    fn families_stand_for_types_only_where_they_mean_the_same() {
        let by_name = ["node.kubernetes.io/instance-type"];
        let by_family = ["karpenter.k8s.aws/instance-family", "karpenter.k8s.aws/instance-size"];
        let all = ["c5.large", "c5.xlarge", "m5.large", "m5.xlarge", "r5.large", "r5.xlarge"];
        assert_eq!(keys(&all), by_family);
        assert_eq!(keys(&all[..5]), by_name);
        assert_eq!(keys(&all[..4]), by_name, "no shorter");
    }
}
