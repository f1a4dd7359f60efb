//! A cluster of `data/`, with its prices.

use std::{fs, path::PathBuf};

use cast_spot_savings::{
    choices::Choices,
    compare::{Comparison, compare},
    prices::PriceList,
    report::{Nodes, Proposal},
    snapshot::{File, Snapshot, read_prices},
};

/// A cluster and the prices for it.
pub(crate) struct Case {
    pub(crate) snapshot: Snapshot,
    pub(crate) prices: PriceList,
    pub(crate) choices: Choices,
}

impl Case {
    /// `data/NAME.json`, with the prices of that file or of `data/prices.json`.
    pub(crate) fn read(name: &str) -> Self {
        let file = File { name, content: &content(name) };
        let snapshot = Snapshot::read(&[file]).unwrap_or_else(|faults| panic!("{faults:?}"));
        let prices = snapshot.prices.clone();
        let prices = prices.unwrap_or_else(|| read_prices(&content("prices")).unwrap());
        Self { snapshot, prices, choices: Choices::default() }
    }

    /// The same with the prices of `data/NAME.json`.
    pub(crate) fn priced_by(self, name: &str) -> Self {
        Self { prices: read_prices(&content(name)).unwrap(), ..self }
    }

    /// The same with other choices.
    pub(crate) fn choosing(mut self, choose: impl FnOnce(&mut Choices)) -> Self {
        choose(&mut self.choices);
        self
    }

    /// The comparison, without a rehearsal.
    pub(crate) fn compare(&self) -> Comparison {
        let now = "2026-11-28T12:00:00Z".parse().unwrap();
        compare(&self.snapshot, Some(&self.prices), &self.choices, now)
    }
}

/// Percent that a proposal saves.
pub(crate) fn saves(proposal: &Proposal) -> Option<String> {
    proposal.saves.as_ref().map(|saves| saves.percent.clone())
}

/// Instance types of a proposal, by name.
pub(crate) fn types(proposal: &Proposal) -> Vec<&str> {
    let mut types: Vec<_> =
        proposal.configuration.nodes.iter().map(|node| node.instance_type.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// Number, type, market and zone of a proposal's nodes.
pub(crate) fn nodes(proposal: &Proposal) -> Vec<String> {
    let line = |node: &Nodes| {
        let market = node.market.map(|market| format!(" {market}")).unwrap_or_default();
        let zone = node.zone.as_deref().unwrap_or_default();
        format!("{} × {}{market} {zone}", node.count, node.instance_type)
    };
    proposal.configuration.nodes.iter().map(line).collect()
}

/// The content of `data/NAME.json`.
pub(crate) fn content(name: &str) -> Vec<u8> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/data").join(format!("{name}.json"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
