//! Kubernetes Events: what `kubectl describe` shows of a notice, on the node and on overridden pods.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};

use super::{PodOutcome, PodReport};
use crate::{
    event::Notice,
    ports::{Metadata, Node, Pod},
};

/// Component that the Events come from.
const COMPONENT: &str = "cast-spot";

/// Nodes have no namespace; Events about them go here, as the kubelet's do.
const NODE_EVENTS: &str = "default";

/// "The drain of the node begins."
pub(crate) fn draining(notice: &Notice, node: &Node, now: Timestamp) -> Event {
    let message = format!(
        "EC2 will {} {} at {} (Spot interruption, event {}): draining",
        notice.action.as_str(),
        notice.subject.instance_id,
        notice.deadline,
        notice.event_id
    );
    event(notice, reference("Node", &node.metadata), "SpotInterruption", "Warning", message, now)
}

/// "The drain of the node has ended", with what became of its pods.
pub(crate) fn drained(notice: &Notice, node: &Node, pods: &[PodReport], now: Timestamp) -> Event {
    let left = pods.iter().filter(|p| p.is_unfinished()).count();
    let gone = pods.iter().filter(|p| !matches!(p.outcome, PodOutcome::Left | PodOutcome::Failed)).count();
    let (reason, kind) =
        if left == 0 { ("SpotDrained", "Normal") } else { ("SpotDrainIncomplete", "Warning") };
    let message =
        format!("{gone} pods gone, {left} still there, {} stay with the node", pods.len() - gone - left);
    event(notice, reference("Node", &node.metadata), reason, kind, message, now)
}

/// "This pod was deleted over what stood in its eviction's way."
pub(crate) fn overridden(notice: &Notice, pod: &Pod, why: &str, now: Timestamp) -> Event {
    let message = format!(
        "Deleted at the last moment ({why}): EC2 will {} {} at {}",
        notice.action.as_str(),
        notice.subject.instance_id,
        notice.deadline
    );
    event(notice, reference("Pod", &pod.metadata), "SpotOverride", "Warning", message, now)
}

fn reference(kind: &str, metadata: &Metadata) -> ObjectReference {
    let Metadata { name, namespace, uid, .. } = metadata.clone();
    ObjectReference {
        api_version: Some("v1".into()),
        kind: Some(kind.to_owned()),
        name: Some(name),
        namespace: Some(namespace).filter(|namespace| !namespace.is_empty()),
        uid: Some(uid),
        ..ObjectReference::default()
    }
}

/// Longest name of an object (Kubernetes, "Object Names and IDs").
const LONGEST_NAME: usize = 253;

/// Name of an Event, made of object, notice and reason: a second delivery makes no second Event. It is a valid DNS
/// subdomain (RFC 1123) whatever the parts are, and keeps its reason.
fn name(object: &str, notice: &str, reason: &str) -> String {
    let whole = format!("{object}.{notice}");
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let labels = whole.split('.').map(|label| label.chars().map(plain).collect::<String>());
    let labels = labels.map(|label| label.trim_matches('-').to_owned()).filter(|label| !label.is_empty());
    let valid = labels.collect::<Vec<_>>().join(".");
    let reason = reason.to_ascii_lowercase();
    let name = format!("{valid}.{reason}");
    if valid == whole && name.len() <= LONGEST_NAME {
        return name;
    }
    // Cut or altered: the hash keeps it apart from others.
    let tail = format!("{:016x}.{reason}", hash(&whole));
    let kept = valid.get(..LONGEST_NAME.saturating_sub(tail.len() + 1)).unwrap_or(&valid);
    match kept.trim_end_matches(['.', '-']) {
        "" => tail,
        kept => format!("{kept}.{tail}"),
    }
}

/// FNV-1a: the same in every build of the function, which the standard library's is not.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn event(
    notice: &Notice,
    about: ObjectReference,
    reason: &str,
    kind: &str,
    message: String,
    now: Timestamp,
) -> Event {
    let name = name(about.name.as_deref().unwrap_or_default(), &notice.event_id, reason);
    Event {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(about.namespace.clone().unwrap_or_else(|| NODE_EVENTS.to_owned())),
            ..ObjectMeta::default()
        },
        involved_object: about,
        reason: Some(reason.to_owned()),
        type_: Some(kind.to_owned()),
        message: Some(message),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        count: Some(1),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
        reporting_component: Some(COMPONENT.to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fastrand::Rng;

    use super::*;

    fn is_subdomain(name: &str) -> bool {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let label = |label: &str| {
            label.starts_with(edge) && label.ends_with(edge) && label.chars().all(|c| edge(c) || c == '-')
        };
        name.len() <= LONGEST_NAME && name.split('.').all(label)
    }

    #[test]
    fn a_usual_name_is_object_notice_and_reason() {
        let id = "7e1a9c3e-2a54-4d4a-9c5e-0a4f6d3b2c11";
        let expected = format!("web-7d4.{id}.spotoverride");
        assert_eq!(name("web-7d4", id, "SpotOverride"), expected);
    }

    #[test]
    fn every_name_is_valid_and_keeps_its_reason() {
        let mut rng = Rng::with_seed(27);
        let mut text = |most: usize| -> String {
            let letters: Vec<char> = "abcxyz0189-.-._A/ ü\n".chars().collect();
            (0..rng.usize(0..=most)).map(|_| letters[rng.usize(..letters.len())]).collect()
        };
        let mut parts = BTreeSet::new();
        let mut names = BTreeSet::new();
        for _ in 0..5_000 {
            let (object, id) = (text(260), text(40));
            for reason in ["SpotOverride", "SpotDrained"] {
                let name = name(&object, &id, reason);
                assert!(is_subdomain(&name), "{object:?} {id:?}: {name}");
                assert!(name.ends_with(&reason.to_ascii_lowercase()), "{name}");
                parts.insert((format!("{object}.{id}"), reason));
                names.insert(name);
            }
        }
        assert_eq!(names.len(), parts.len(), "two of them share a name");
    }
}
