//! Today's nodes and their sum.

use std::{cmp::Reverse, collections::BTreeMap};

use super::Inputs;
use crate::{
    catalog::Market,
    machines::{Machine, Place},
    money::Money,
    quantity::Resources,
    report::{Configuration, HOURS_PER_MONTH, Nodes},
};

/// A node of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Counted {
    pub(super) instance_type: String,
    pub(super) market: Option<Market>,
    pub(super) zone: Option<String>,
    pub(super) vcpus: u32,
    pub(super) memory_mib: u64,
    pub(super) hourly: Option<Money>,
}

impl Counted {
    pub(super) fn of(machine: &Machine) -> Self {
        let instance_type = match (machine.place, &machine.instance_type) {
            (Place::Fargate, _) => "fargate".to_owned(),
            (Place::Windows, Some(name)) => format!("{name} (Windows)"),
            (_, Some(name)) => name.clone(),
            (_, None) => "unknown".to_owned(),
        };
        Self {
            instance_type,
            market: machine.market,
            zone: machine.zone.clone(),
            vcpus: machine.vcpus,
            memory_mib: machine.memory_mib,
            hourly: machine.hourly,
        }
    }
}

pub(super) fn configuration(inputs: &Inputs<'_>) -> Configuration {
    let counted: Vec<Counted> = inputs.machines.values().map(Counted::of).collect();
    let mut requested = Resources::default();
    for (place, pod) in inputs.snapshot.pods.iter().enumerate() {
        if crate::demand::is_live(pod) && inputs.machine_of(place).is_some() {
            let spec = pod.spec.as_ref();
            requested = requested.plus(&spec.map(crate::demand::requests).unwrap_or_default());
        }
    }
    let nodes = inputs.machines.values().map(|machine| &machine.allocatable);
    let allocatable = nodes.fold(Resources::default(), |sum, found| sum.plus(found));
    sum(counted, &requested, &allocatable)
}

/// Groups equal nodes, the most expensive first, and adds them up.
pub(super) fn sum(counted: Vec<Counted>, requested: &Resources, allocatable: &Resources) -> Configuration {
    let mut groups: BTreeMap<Counted, usize> = BTreeMap::new();
    for node in counted {
        *groups.entry(node).or_default() += 1;
    }
    let mut whole = Configuration::default();
    for (node, count) in groups {
        let times = count as i64;
        let hourly = node.hourly.map(|hourly| hourly * times);
        whole.hourly += hourly.unwrap_or_default();
        match node.market {
            Some(Market::Spot) => whole.hourly_spot += hourly.unwrap_or_default(),
            _ => whole.hourly_on_demand += hourly.unwrap_or_default(),
        }
        whole.unpriced += if hourly.is_none() && node.market.is_some() { count } else { 0 };
        whole.count += count;
        whole.vcpus = whole.vcpus.saturating_add(node.vcpus.saturating_mul(count as u32));
        whole.memory_mib = whole.memory_mib.saturating_add(node.memory_mib.saturating_mul(count as u64));
        whole.nodes.push(Nodes {
            instance_type: node.instance_type,
            market: node.market,
            zone: node.zone,
            count,
            vcpus: node.vcpus,
            memory_mib: node.memory_mib,
            hourly_each: node.hourly,
            hourly,
            monthly: hourly.map(|hourly| hourly * i64::from(HOURS_PER_MONTH)),
        });
    }
    whole.nodes.sort_by_key(|nodes| Reverse((nodes.hourly, nodes.count)));
    whole.monthly = whole.hourly * i64::from(HOURS_PER_MONTH);
    let percent = |part: u64, whole: u64| {
        (whole > 0).then(|| u32::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(u32::MAX))
    };
    whole.cpu_percent = percent(requested.cpu, allocatable.cpu);
    whole.memory_percent = percent(requested.memory, allocatable.memory);
    whole
}
