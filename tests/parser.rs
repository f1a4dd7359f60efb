//! The payload parser against arbitrary input: it never panics, it names the field, and what it accepts is
//! well-formed.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use cast_spot_handler::event::{Decoded, Delivery, EventError, Signal, decode};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value};

const PAYLOADS: [&str; 11] = [
    include_str!("payloads/spot-terminate.json"),
    include_str!("payloads/spot-stop.json"),
    include_str!("payloads/spot-hibernate.json"),
    include_str!("payloads/spot-dry-run.json"),
    include_str!("payloads/rebalance.json"),
    include_str!("payloads/sqs-batch.json"),
    include_str!("payloads/sns-in-sqs.json"),
    include_str!("payloads/pipe-of-sqs.json"),
    include_str!("payloads/pipe-of-events.json"),
    include_str!("payloads/step-functions.json"),
    include_str!("payloads/failure-destination.json"),
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop_oneof!["i-[0-9a-f]{0,20}", "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", "terminate|stop|hibernate"]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = prop_oneof![
            Just("detail".to_owned()),
            Just("Records".to_owned()),
            Just("body".to_owned()),
            prop_oneof![
                "Payload",
                "Type",
                "TopicArn",
                "Message",
                "requestContext",
                "messageId",
                "eventSource"
            ],
            any::<String>()
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|pairs| Value::Object(Map::from_iter(pairs))),
        ]
    })
}

/// All places in a value, as JSON pointers.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, v)| places(v, &format!("{at}/{key}"), into)),
        Value::Array(list) => {
            for (i, v) in list.iter().enumerate() {
                places(v, &format!("{at}/{i}"), into);
            }
        }
        _ => {}
    }
}

fn events(payload: Value) -> Result<Vec<Result<Decoded, EventError>>, EventError> {
    let now: Timestamp = "2026-11-22T09:00:30Z".parse().unwrap();
    Ok(match Delivery::of(payload)? {
        Delivery::Direct(event) => vec![decode(&event, now)],
        Delivery::Batch(records) => {
            records.into_iter().map(|record| record.event.and_then(|event| decode(&event, now))).collect()
        }
    })
}

fn holds(payload: Value) -> Result<(), TestCaseError> {
    for event in events(payload).into_iter().flatten() {
        match event {
            Ok(Decoded::Signal(Signal::Ends(notice))) => {
                let hex = notice.subject.instance_id.strip_prefix("i-").unwrap_or_default();
                prop_assert!(!hex.is_empty() && hex.chars().all(|c| c.is_ascii_hexdigit()), "{notice:?}");
                prop_assert!(notice.deadline > notice.time, "{notice:?}");
            }
            Ok(Decoded::Ignored { reason, .. }) => prop_assert!(!reason.is_empty()),
            Err(error) => prop_assert!(!error.problem.is_empty() && error.to_string().contains("hint:")),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_decoded_or_refused_and_never_panics(payload in any_json()) {
        holds(payload)?;
    }

    #[test]
    fn a_real_payload_with_one_wrong_place_is_decoded_or_refused(
        which in 0..PAYLOADS.len(), place in any::<prop::sample::Index>(), wrong in any_json()
    ) {
        let mut payload: Value = serde_json::from_str(PAYLOADS[which]).unwrap();
        let mut pointers = Vec::new();
        places(&payload, "", &mut pointers);
        if let Some(target) = payload.pointer_mut(place.get::<String>(&pointers)) {
            *target = wrong;
        }
        holds(payload)?;
    }
}

#[test]
fn the_real_payloads_are_decoded() {
    for payload in PAYLOADS {
        assert!(
            events(serde_json::from_str(payload).unwrap()).unwrap().iter().any(Result::is_ok),
            "{payload}"
        );
    }
}
