//! Soft constraints: the scheduler only prefers them, so a packing that breaks them is cheaper, and less safe.

use super::Inputs;
use crate::{
    catalog::HOSTNAME,
    demand::{Demand, Pod, note},
    money::Money,
    pack::{Limits, Packing, pack_within},
};

impl Inputs<'_> {
    /// A packing that keeps the soft constraints if they cost little, else those over zones if these do, else none; and
    /// a sentence about pods whose soft constraints are not kept.
    pub(super) fn pack_softly(&self, demand: &Demand, limits: &Limits) -> (Packing, Option<String>) {
        let plain = pack_within(demand, &self.offers, limits);
        let percent = self.choices.soft_percent;
        let is_near = |packing: &Packing| {
            let most = self.hourly(&plain).micros().saturating_mul(i64::from(percent) + 100);
            packing.unplaced.len() <= plain.unplaced.len()
                && self.hourly(packing).micros().saturating_mul(100) <= most
        };
        let mut tried = 0;
        for is_kept in [|_: &str| true, |key: &str| key != HOSTNAME] {
            let (hard, kept) = hardened(demand, is_kept);
            // Without constraints over nodes the second try is the first.
            if percent == 0 || kept == 0 || kept == tried {
                continue;
            }
            tried = kept;
            let packing = pack_within(&hard, &self.offers, limits);
            if is_near(&packing) {
                let dropped = demand.pods.iter().filter(|pod| soft_keys(pod).any(|key| !is_kept(key)));
                return (packing, dropped_note(dropped, percent));
            }
        }
        let dropped = demand.pods.iter().filter(|pod| soft_keys(pod).next().is_some());
        let dropped = dropped_note(dropped, percent);
        (plain, dropped)
    }

    fn hourly(&self, packing: &Packing) -> Money {
        packing.nodes.iter().map(|node| self.offers[node.offer].hourly).sum()
    }
}

/// The demand with the soft constraints over these topology keys as hard ones, and their number.
fn hardened(demand: &Demand, is_kept: impl Fn(&str) -> bool) -> (Demand, usize) {
    let mut demand = demand.clone();
    let mut kept = 0;
    for pod in &mut demand.pods {
        let spread = pod.soft_spread.iter().filter(|spread| is_kept(&spread.topology_key));
        let before = pod.spread.len() + pod.anti_affinity.len();
        pod.spread.extend(spread.cloned());
        let apart = pod.soft_anti_affinity.iter().filter(|term| is_kept(&term.topology_key));
        pod.anti_affinity.extend(apart.cloned());
        kept += pod.spread.len() + pod.anti_affinity.len() - before;
    }
    (demand, kept)
}

fn soft_keys(pod: &Pod) -> impl Iterator<Item = &str> {
    let spread = pod.soft_spread.iter().map(|spread| spread.topology_key.as_str());
    spread.chain(pod.soft_anti_affinity.iter().map(|term| term.topology_key.as_str()))
}

fn dropped_note<'p>(pods: impl Iterator<Item = &'p Pod>, percent: u32) -> Option<String> {
    let names: Vec<String> = pods.map(Pod::full_name).collect();
    let text = format!(
        "soft spread or anti-affinity is not kept, as it costs more than {percent} % of the nodes; \
         the scheduler keeps it as far as there is room"
    );
    note(&text, &names)
}
