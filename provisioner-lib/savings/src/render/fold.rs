//! Nodes folded to what matters of them: how many, how big, and how they are bought.

use std::collections::BTreeMap;

use super::words;
use crate::{
    catalog::Market,
    money::Money,
    report::{Configuration, Nodes},
};

/// Nodes of one market and one number of vCPUs.
pub(super) struct Fold {
    pub(super) count: usize,
    /// The instance type, or the size of several.
    pub(super) what: String,
    /// `Spot, 4 vCPU, 16 GiB each`; of several types `Spot, 8 GiB to 16 GiB each`.
    pub(super) size: String,
    pub(super) market: Option<Market>,
    /// None if the price of a node is not known.
    pub(super) monthly: Option<Money>,
    /// The number of nodes of each type, if there are several.
    pub(super) types: String,
    /// The number of nodes in each zone.
    pub(super) zones: String,
}

/// The nodes of a configuration, the most expensive first.
pub(super) fn fold(configuration: &Configuration) -> Vec<Fold> {
    let mut alike: Vec<Vec<&Nodes>> = Vec::new();
    for nodes in &configuration.nodes {
        let key = |nodes: &Nodes| {
            // What is not of EC2 is not known by its size.
            let name = nodes.market.is_none().then(|| nodes.instance_type.clone());
            (nodes.market, nodes.vcpus, nodes.monthly.is_some(), name)
        };
        match alike.iter_mut().find(|others| key(others[0]) == key(nodes)) {
            Some(others) => others.push(nodes),
            None => alike.push(vec![nodes]),
        }
    }
    let mut folds: Vec<Fold> = alike.iter().map(|alike| one(alike)).collect();
    folds.sort_by_key(|fold| std::cmp::Reverse(fold.monthly));
    folds
}

fn one(alike: &[&Nodes]) -> Fold {
    let first = alike[0];
    let types = counted(alike.iter().map(|nodes| (nodes.instance_type.as_str(), nodes.count)));
    let zones = counted(alike.iter().filter_map(|nodes| Some((nodes.zone.as_deref()?, nodes.count))));
    let memory = || alike.iter().map(|nodes| nodes.memory_mib);
    let (least, most) = (memory().min().unwrap_or(0), memory().max().unwrap_or(0));
    let memory = if least == most {
        words::memory(most)
    } else {
        format!("{} to {}", words::memory(least), words::memory(most))
    };
    let market = words::market(first.market);
    let names = |counted: &[(&str, usize)], between: &str| -> String {
        let names = counted.iter().map(|(name, count)| format!("{}{between}{name}", words::thousands(count)));
        names.collect::<Vec<_>>().join(", ")
    };
    // The heading of several types has their vCPUs.
    let size = match types.len() {
        1 => format!("{} vCPU, {memory}", words::thousands(first.vcpus)),
        _ => memory,
    };
    Fold {
        count: alike.iter().map(|nodes| nodes.count).sum(),
        what: match types.as_slice() {
            [(name, _)] => (*name).to_owned(),
            several => format!("{}-vCPU of {} types", first.vcpus, several.len()),
        },
        size: format!("{market}, {size} each"),
        market: first.market,
        monthly: alike.iter().map(|nodes| nodes.monthly).sum(),
        types: if types.len() > 1 { names(&types, " ") } else { String::new() },
        zones: names(&zones, " in "),
    }
}

/// The number of each name, the most frequent first.
fn counted<'n>(names: impl Iterator<Item = (&'n str, usize)>) -> Vec<(&'n str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, count) in names {
        *counts.entry(name).or_default() += count;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(name: &str, zone: &str, memory_mib: u64, count: usize) -> Nodes {
        Nodes {
            instance_type: name.to_owned(),
            market: Some(Market::Spot),
            zone: Some(zone.to_owned()),
            count,
            vcpus: 4,
            memory_mib,
            hourly_each: None,
            hourly: None,
            monthly: Some(Money::from_micros(50_000_000)),
        }
    }

    #[test]
    fn nodes_of_a_size_and_market_are_one_line() {
        let nodes = vec![nodes("c6a.xlarge", "a", 8_192, 1), nodes("m6a.xlarge", "b", 16_384, 2)];
        let folds = fold(&Configuration { nodes, ..Configuration::default() });
        let found: Vec<_> = folds.iter().map(|fold| (fold.count, fold.what.as_str())).collect();
        assert_eq!(found, [(3, "4-vCPU of 2 types")]);
        assert_eq!(folds[0].size, "Spot, 8 GiB to 16 GiB each");
        assert_eq!(
            (folds[0].types.as_str(), folds[0].zones.as_str()),
            ("2 m6a.xlarge, 1 c6a.xlarge", "2 in b, 1 in a")
        );
        assert_eq!(folds[0].monthly, Some(Money::from_micros(100_000_000)));
    }

    #[test]
    fn a_type_alone_is_named() {
        let nodes = vec![nodes("c6a.xlarge", "a", 8_192, 1), nodes("c6a.xlarge", "b", 8_192, 1)];
        let folds = fold(&Configuration { nodes, ..Configuration::default() });
        assert_eq!((folds[0].count, folds[0].what.as_str(), folds[0].types.as_str()), (2, "c6a.xlarge", ""));
    }
}
