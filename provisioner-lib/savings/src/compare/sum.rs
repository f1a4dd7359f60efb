//! The sum of the nodes of a configuration.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    catalog::Market,
    machines::{Machine, Place},
    quantity::Resources,
    report::{Configuration, Nodes},
};

/// Months of a year.
pub(super) const MONTHS: i64 = 12;

/// Groups equal nodes, the most expensive first, and adds them up. The shares of CPU and memory that are requested are
/// those of the `measured` ones. A month has `hours`.
pub(super) fn sum<'m>(
    hours: u32,
    all: impl IntoIterator<Item = &'m Machine>,
    measured: impl Iterator<Item = &'m Machine> + Clone,
) -> Configuration {
    let mut groups: BTreeMap<Nodes, usize> = BTreeMap::new();
    for machine in all {
        *groups.entry(group_of(machine)).or_default() += 1;
    }
    let mut whole = Configuration::default();
    for (mut nodes, count) in groups {
        let (hourly, times) = (nodes.hourly_each.map(|hourly| hourly * count as i64), count as u32);
        whole.hourly += hourly.unwrap_or_default();
        match nodes.market {
            Some(Market::Spot) => whole.hourly_spot += hourly.unwrap_or_default(),
            _ => whole.hourly_on_demand += hourly.unwrap_or_default(),
        }
        whole.unpriced += if hourly.is_none() && nodes.market.is_some() { count } else { 0 };
        whole.count += count;
        whole.vcpus = whole.vcpus.saturating_add(nodes.vcpus.saturating_mul(times));
        whole.memory_mib = whole.memory_mib.saturating_add(nodes.memory_mib.saturating_mul(count as u64));
        (nodes.count, nodes.hourly) = (count, hourly);
        nodes.monthly = hourly.map(|hourly| hourly * i64::from(hours));
        whole.nodes.push(nodes);
    }
    whole.nodes.sort_by_key(|nodes| Reverse((nodes.hourly, nodes.count)));
    whole.monthly = whole.hourly * i64::from(hours);
    whole.yearly = whole.monthly * MONTHS;
    let requested: Resources = measured.clone().map(|machine| &machine.requested).sum();
    let allocatable: Resources = measured.map(|machine| &machine.allocatable).sum();
    whole.cpu_percent = percent(requested.cpu, allocatable.cpu);
    whole.memory_percent = percent(requested.memory, allocatable.memory);
    whole
}

/// The part in percent, rounded down; none of nothing.
pub(super) fn percent(part: u64, whole: u64) -> Option<u32> {
    (whole > 0).then(|| u32::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(u32::MAX))
}

/// The group of nodes like this one, of which none is counted yet.
fn group_of(machine: &Machine) -> Nodes {
    let name = machine.instance_type.as_deref();
    Nodes {
        instance_type: match (machine.place, name) {
            (Place::Fargate, _) => "fargate".to_owned(),
            (Place::Windows, Some(name)) => format!("{name} (Windows)"),
            _ => name.unwrap_or("unknown").to_owned(),
        },
        market: machine.market,
        zone: machine.zone.clone(),
        count: 0,
        vcpus: machine.vcpus,
        memory_mib: machine.memory_mib,
        hourly_each: machine.hourly,
        hourly: None,
        monthly: None,
    }
}
