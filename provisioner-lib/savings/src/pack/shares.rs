//! How many pods each domain of a spread constraint gets in the end. With these shares fixed, nodes can be filled one
//! after the other, zone by zone.

use super::types::{Problem, Spread};

/// The share of each domain, for each counter that spreads pods over domains that are not nodes.
pub(super) struct Shares(pub(super) Vec<Option<Vec<u32>>>);

impl Shares {
    /// Shares for `counts` pods of each class beside the pods that stay. Where some domains have to have more pods
    /// than others, they are the cheapest.
    pub(super) fn new(problem: &Problem, counts: &[usize]) -> Self {
        let mut shares = Self(vec![None; problem.counters.len()]);
        for (class, found) in problem.classes.iter().enumerate() {
            let spreads = found.rules.spread.iter();
            for spread in spreads.filter(|spread| problem.counters[spread.counter].domains.is_some()) {
                if shares.0[spread.counter].is_none() {
                    shares.0[spread.counter] = Some(of_counter(problem, counts, class, spread));
                }
            }
        }
        shares
    }

    /// The shares of a counter's domains.
    pub(super) fn of(&self, counter: usize) -> Option<&[u32]> {
        self.0[counter].as_deref()
    }
}

fn of_counter(problem: &Problem, counts: &[usize], class: usize, spread: &Spread) -> Vec<u32> {
    let counter = &problem.counters[spread.counter];
    let members = counter.members.iter().enumerate().filter(|(_, counts_in)| **counts_in);
    let mut pods: usize = members.clone().map(|(class, _)| counts[class]).sum();
    let mut shares = vec![0; counter.values];
    for (kind, (_, residents)) in
        problem.kinds.iter().enumerate().filter_map(|(kind, found)| Some((kind, found.stays.as_ref()?)))
    {
        if let Some(domain) = counter.domain(kind, 0) {
            shares[domain] += residents.iter().filter(|class| counter.members[**class]).count() as u32;
        }
    }
    // The cheapest kind of each domain that takes pods of the class.
    let mut open: Vec<(f64, usize)> = Vec::new();
    for domain in &spread.domains {
        let here = |kind: &usize| counter.domain(*kind, 0) == Some(*domain);
        let fits = |kind: &usize| members.clone().any(|(class, _)| problem.classes[class].eligible[*kind]);
        let kinds = (0..problem.kinds.len()).filter(here).filter(fits);
        let price = kinds.map(|kind| problem.price_of_one(kind, class)).reduce(f64::min);
        open.extend(price.map(|price| (price, *domain)));
    }
    open.sort_by(|one, other| one.0.total_cmp(&other.0));
    // A domain without any pod keeps the others at maxSkew.
    let is_short = open.len() < spread.domains.len().max(spread.min_domains);
    let most = if is_short { spread.max_skew } else { u32::MAX };
    while pods > 0 {
        let least = open.iter().filter(|(_, domain)| shares[*domain] < most);
        let Some((_, domain)) = least.min_by_key(|(_, domain)| shares[*domain]) else { break };
        shares[*domain] += 1;
        pods -= 1;
    }
    shares
}

impl Problem {
    /// What one pod of the class costs on a node of this kind, by the resource of which it takes the greatest part.
    fn price_of_one(&self, kind: usize, class: usize) -> f64 {
        let found = &self.kinds[kind];
        let parts = self.classes[class].nonzero.iter();
        let parts = parts.map(|(dimension, amount)| *amount as f64 / found.room[*dimension].max(1) as f64);
        parts.fold(0.0, f64::max) * found.hourly.micros() as f64
    }
}
