//! "EC2 Spot Instance Interruption Warning" (EC2 user guide, "Spot Instance interruption notices").

use cast_spot_infra::events::SPOT_INTERRUPTION;
use jiff::SignedDuration;
use serde_json::Value;

use super::{Action, Envelope, EventError, Kind, Notice, Signal, Subject, envelope::type_name, printable};

/// EC2 issues the warning two minutes before it stops or terminates the instance. Before hibernation
/// there is a warning but no lead: the two minutes then only bound our own work.
const LEAD: SignedDuration = SignedDuration::from_secs(120);

/// Not sent by EC2: asks for plan and report without any write. `cast-spot status` sends it.
const DRY_RUN: &str = "dry-run";

pub(super) const KIND: Kind = Kind { event: SPOT_INTERRUPTION, parse };

fn parse(envelope: &Envelope) -> Result<Signal, EventError> {
    let instance_id = envelope.detail_text("instance-id")?;
    let well_formed = instance_id
        .strip_prefix("i-")
        .is_some_and(|hex| (8..=17).contains(&hex.len()) && hex.chars().all(|c| c.is_ascii_hexdigit()));
    if !well_formed {
        return Err(EventError::new(
            "detail.instance-id",
            format!("`{instance_id}` is not an EC2 instance id"),
        ));
    }
    let mut remark = None;
    let action = match envelope.detail_text("instance-action")? {
        "terminate" => Action::Terminate,
        "stop" => Action::Stop,
        "hibernate" => Action::Hibernate,
        other => {
            // The instance will be taken in some way, and its pods are safe elsewhere in each of them.
            remark = Some(format!("instance-action `{}` is unknown: treated as a stop", printable(other)));
            Action::Stop
        }
    };
    let deadline = envelope
        .time
        .checked_add(LEAD)
        .map_err(|_| EventError::new("time", format!("`{}` is out of range", envelope.time)))?;
    let dry_run = flag(envelope, DRY_RUN)?;
    let subject = Subject {
        instance_id: instance_id.to_owned(),
        account: envelope.account.clone(),
        region: envelope.region.clone(),
    };
    Ok(Signal::Ends(Notice {
        event_id: envelope.id.clone(),
        kind: SPOT_INTERRUPTION.name,
        subject,
        action,
        time: envelope.time,
        deadline,
        dry_run,
        remark,
    }))
}

fn flag(envelope: &Envelope, key: &str) -> Result<bool, EventError> {
    match envelope.detail.get(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => {
            let found = format!("expected a boolean, found {}", type_name(other));
            Err(EventError::new(format!("detail.{key}"), found))
        }
    }
}
