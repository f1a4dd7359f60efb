//! Notices of a random world, and the ways in which they reach the function.

use serde_json::json;

use super::dice::Dice;
use crate::{Action, WorldSpec};

pub(super) fn notices(spec: &mut WorldSpec, rng: &mut Dice) {
    let nodes = spec.cluster().nodes.len();
    let mut struck: Vec<usize> = (0..nodes).collect();
    rng.shuffle(&mut struck);
    struck.truncate(rng.usize(1..=nodes.min(5)));
    let mut bodies = Vec::new();
    for index in struck {
        let action = rng.one(&[
            Action::Terminate,
            Action::Terminate,
            Action::Terminate,
            Action::Stop,
            Action::Hibernate,
        ]);
        let later_ms = rng.u64(0..40_000);
        let at_ms = rng.one(&[0, 0, later_ms]);
        let mut payload = spec.interrupt(index, action, at_ms);
        if action == Action::Stop && rng.chance(20) {
            payload["detail"]["instance-action"] = "retire".into();
        }
        // EC2 promises two minutes and does not keep every promise.
        let lead_ms = rng.u64(60_000..120_000);
        if let Some(notice) = spec.notices.last_mut().filter(|_| rng.chance(7)) {
            notice.lead_ms = lead_ms;
        }
        if let Some(delivery) = spec.deliveries.last_mut() {
            delivery.payload = if rng.chance(5) { json!({ "Payload": payload }) } else { payload.clone() };
            delivery.at_ms += rng.one(&[0, 80, 80, 3_000, 100_000, 125_000]);
            delivery.crash_after_ms = rng.chance(15).then(|| rng.u64(1..20_000));
        }
        for _ in 0..rng.one(&[0, 0, 0, 1, 2]) {
            let later_ms = rng.u64(0..130_000);
            spec.deliver(at_ms + rng.one(&[0, 1, 60_000, later_ms]), payload.clone());
        }
        bodies.push(payload);
    }
    if let Some(another) = spec.clusters.get(1) {
        let instance = another.nodes[0].instance.clone();
        let payload = spec.payload(&instance, Action::Terminate, 0);
        spec.deliver(0, payload);
    }
    if rng.chance(20) {
        for number in 0..rng.usize(1..=30) {
            let payload = spec.payload(&format!("i-0f{number:015x}"), Action::Terminate, 0);
            spec.deliver(rng.one(&[0, 0, 30, 5_000]), payload);
        }
    }
    if rng.chance(20) {
        let records: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(number, body)| {
                let by_sns = json!({ "Type": "Notification", "TopicArn": "t", "Message": body.to_string() });
                let body = if rng.chance(30) { by_sns.to_string() } else { body.to_string() };
                json!({ "messageId": format!("m-{number}"), "eventSource": "aws:sqs", "body": body })
            })
            .collect();
        let piped = rng.chance(30);
        spec.deliver(40_000, if piped { json!(records) } else { json!({ "Records": records }) });
    }
}
