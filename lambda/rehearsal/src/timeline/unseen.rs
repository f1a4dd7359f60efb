//! Answers for instances that EC2 does not take: they have no chart. Errors stand below the verdict.

use std::collections::BTreeMap;

use crate::outcome::Delivery;

use super::{node::Painter, paint, reports};

/// A line for each answer; one for all that are equal but for the instance.
pub(super) fn lines(painter: &Painter<'_>) -> Vec<String> {
    let outcome = painter.outcome;
    let drawn = |delivery: &Delivery| {
        outcome.timelines.iter().any(|node| delivery.instances.contains(&node.instance))
    };
    let mut alike: BTreeMap<String, Vec<&Delivery>> = BTreeMap::new();
    for delivery in outcome.deliveries.iter().filter(|delivery| delivery.answer.is_ok() && !drawn(delivery)) {
        let answer = answer(delivery);
        // Attempts and their time, in parentheses, differ from one to the next.
        let answer = answer.replace(instance(delivery), "the instance");
        let key = answer.split_once(" (").map_or(answer.as_str(), |(key, _)| key);
        alike.entry(key.to_owned()).or_default().push(delivery);
    }
    let mut alike: Vec<_> = alike.into_iter().collect();
    alike.sort_by_key(|(_, deliveries)| deliveries[0].at_ms);
    alike
        .iter()
        .flat_map(|(answer, deliveries)| paint::wrap(&line(answer, deliveries), painter.layout.width(), 2))
        .collect()
}

/// One line for `deliveries` that were all answered by `alike`.
fn line(alike: &str, deliveries: &[&Delivery]) -> String {
    if let [only] = *deliveries {
        let at = paint::duration(only.at_ms);
        return format!("delivery for {} at {at}: {}", instance(only), answer(only));
    }
    let took = |delivery: &&Delivery| delivery.answered_ms.map(|ms| ms.saturating_sub(delivery.at_ms));
    let longest = paint::duration(deliveries.iter().filter_map(took).max().unwrap_or(0));
    let number = deliveries.len();
    format!("{number} deliveries for other instances, the longest answered after {longest}: {alike}")
}

fn instance(delivery: &Delivery) -> &str {
    delivery.instances.first().map_or("no instance", String::as_str)
}

fn answer(delivery: &Delivery) -> String {
    let Some(report) = reports::answered(delivery, instance(delivery)) else { return "answered".to_owned() };
    let word = |key: &str| report[key].as_str().unwrap_or("no reason given");
    format!("{}: {}", word("outcome"), word("reason"))
}
