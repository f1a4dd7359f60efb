//! Labels of offered nodes: of what they are, and as today's nodes that are alike show them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Node;

use crate::{
    catalog::{ACCELERATOR, Catalog, InstanceType, Market, OFFER_LABELS},
    labels::{CAPACITY_LABELS, Origin, origin, property},
    machines::{Machine, Place},
    objects::label,
};

type Labels = BTreeMap<String, String>;
/// The value that all nodes of a subject show, by subject and key; none where they differ.
type Values<'k, 'n> = BTreeMap<(String, &'k str), Option<&'n str>>;

/// Labels that pods name and that today's nodes show for what they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// Keys that pods name.
    keys: BTreeSet<String>,
    types: BTreeMap<String, Labels>,
    accelerators: BTreeMap<String, Labels>,
    zones: BTreeMap<String, Labels>,
    markets: BTreeMap<Market, Labels>,
}

impl Shown {
    /// Those of `keys` that today's nodes of EC2 show. A value that differs between nodes that are alike is left out:
    /// something else decides it.
    #[must_use]
    pub fn of<'n>(
        nodes: impl IntoIterator<Item = (&'n Node, &'n Machine)>,
        keys: BTreeSet<String>,
        catalog: &Catalog,
    ) -> Self {
        let mut found = Values::new();
        for (node, machine) in nodes.into_iter().filter(|(_, machine)| machine.place == Place::Ec2) {
            let name = machine.instance_type.as_deref();
            for key in &keys {
                let subject = match origin(key) {
                    Origin::Zone => machine.zone.clone(),
                    Origin::Type => name.map(str::to_owned),
                    Origin::Accelerator => name.and_then(|name| catalog.accelerator_model(name)),
                    Origin::Market => machine.market.map(|market| market.label().to_owned()),
                    Origin::Node | Origin::Offer | Origin::Group => None,
                };
                if let (Some(subject), Some(value)) = (subject, label(node, key)) {
                    let same = found.entry((subject, key.as_str())).or_insert(Some(value));
                    *same = same.filter(|same| *same == value);
                }
            }
        }
        let mut this = Self::default();
        for ((subject, key), value) in &found {
            let Some(value) = value else { continue };
            let of = match origin(key) {
                Origin::Zone => this.zones.entry(subject.clone()),
                Origin::Type => this.types.entry(subject.clone()),
                Origin::Accelerator => this.accelerators.entry(subject.clone()),
                _ => continue,
            };
            of.or_default().insert((*key).to_owned(), (*value).to_owned());
        }
        for market in [Market::OnDemand, Market::Spot] {
            let known = CAPACITY_LABELS.iter().filter(|known| keys.contains(known.key));
            let labels = known.filter_map(|known| {
                let seen = found.get(&(market.label().to_owned(), known.key)).copied().flatten();
                let seen = seen.filter(|seen| known.values(market).contains(seen));
                let value =
                    seen.or(known.values(market).first().copied()).filter(|value| !value.is_empty())?;
                Some((known.key.to_owned(), value.to_owned()))
            });
            this.markets.insert(market, labels.collect());
        }
        this.keys = keys;
        this
    }

    /// The labels of a type in a zone from a market, whatever its node group.
    pub(crate) fn labels(&self, of: &InstanceType, region: &str, zone: &str, market: Market) -> Labels {
        let mut labels = Labels::new();
        let values = [of.architecture.label(), "linux", &of.name, zone, region, market.label()];
        for (same, value) in OFFER_LABELS.into_iter().zip(values) {
            labels.extend(same.iter().map(|label| ((*label).to_owned(), value.to_owned())));
        }
        for key in &self.keys {
            if let Some(value) = property(key).and_then(|name| of.property(name)) {
                labels.insert(key.clone(), value);
            }
        }
        let model = of.accelerator_model();
        let shown = [
            self.markets.get(&market),
            self.zones.get(zone),
            model.as_ref().and_then(|model| self.accelerators.get(model)),
            self.types.get(&of.name),
        ];
        labels.extend(shown.into_iter().flatten().flatten().map(|(key, value)| (key.clone(), value.clone())));
        labels.extend(model.map(|model| (ACCELERATOR.to_owned(), model)));
        labels
    }
}
