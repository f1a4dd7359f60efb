//! The Spot notices in a payload of the function, read without the handler's own decoder.

use cast_spot_handler::event::{Action, Delivery};
use cast_spot_infra::events::SPOT_INTERRUPTION;
use jiff::Timestamp;
use serde_json::Value;

use crate::{facts::AnnouncedNotice, world::clock::Clock};

/// From the notice's time to its deadline.
const LEAD_MS: i64 = 120_000;

/// The notices in an event or in many, in whatever wrappers the handler takes off.
pub(crate) fn notices_in(payload: &Value, clock: Clock) -> Vec<AnnouncedNotice> {
    let events = match Delivery::of(payload.clone()) {
        Ok(Delivery::Direct(event)) => vec![event],
        Ok(Delivery::Batch(records)) => records.into_iter().filter_map(|record| record.event.ok()).collect(),
        Err(_) => Vec::new(),
    };
    events.iter().filter_map(|event| notice(event, clock)).collect()
}

fn notice(event: &Value, clock: Clock) -> Option<AnnouncedNotice> {
    if event["detail-type"] != SPOT_INTERRUPTION.detail_type || event["source"] != SPOT_INTERRUPTION.source {
        return None;
    }
    // Nothing may be written for a rehearsal.
    if event["detail"]["dry-run"] == true {
        return None;
    }
    let action = match event["detail"]["instance-action"].as_str()? {
        "terminate" => Action::Terminate,
        "hibernate" => Action::Hibernate,
        "" => return None,
        // A word of EC2 that is not known yet ends the instance's processes, too.
        _ => Action::Stop,
    };
    let issued: Timestamp = event["time"].as_str()?.parse().ok()?;
    Some(AnnouncedNotice {
        instance: event["detail"]["instance-id"].as_str()?.to_owned(),
        action,
        deadline_ms: clock.ms_of(issued) + LEAD_MS,
        region: event["region"].as_str().map(str::to_owned),
    })
}
