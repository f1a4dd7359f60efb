//! Kubernetes Events: what `kubectl describe` shows of a notice, on the node and on overridden pods.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, Node, ObjectReference, Pod},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};

use super::{PodOutcome, PodReport};
use crate::event::Notice;

/// Component that the Events come from.
const COMPONENT: &str = "cast-spot";

/// Nodes have no namespace; Events about them go here, as the kubelet's do.
const NODE_EVENTS: &str = "default";

/// "The drain of the node begins."
#[must_use]
pub fn draining(notice: &Notice, node: &Node, now: Timestamp) -> Event {
    let message = format!(
        "EC2 will {} {} at {} (Spot interruption, event {}): draining",
        notice.action.as_str(),
        notice.instance_id,
        notice.deadline,
        notice.event_id
    );
    event(notice, node_reference(node), "SpotInterruption", "Warning", message, now)
}

/// "The drain of the node has ended", with what became of its pods.
#[must_use]
pub fn drained(notice: &Notice, node: &Node, pods: &[PodReport], now: Timestamp) -> Event {
    let left = pods.iter().filter(|p| p.is_unfinished()).count();
    let gone = pods.iter().filter(|p| !matches!(p.outcome, PodOutcome::Left | PodOutcome::Failed)).count();
    let (reason, kind) =
        if left == 0 { ("SpotDrained", "Normal") } else { ("SpotDrainIncomplete", "Warning") };
    let message =
        format!("{gone} pods gone, {left} still there, {} stay with the node", pods.len() - gone - left);
    event(notice, node_reference(node), reason, kind, message, now)
}

/// "This pod was deleted over what stood in its eviction's way."
#[must_use]
pub fn overridden(notice: &Notice, pod: &Pod, why: &str, now: Timestamp) -> Event {
    let reference = ObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Pod".into()),
        name: pod.metadata.name.clone(),
        namespace: pod.metadata.namespace.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    };
    let message = format!(
        "Deleted at the last moment ({why}): EC2 will {} {} at {}",
        notice.action.as_str(),
        notice.instance_id,
        notice.deadline
    );
    event(notice, reference, "SpotOverride", "Warning", message, now)
}

fn node_reference(node: &Node) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Node".into()),
        name: node.metadata.name.clone(),
        uid: node.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// The name is made of object, notice and reason: a second delivery makes no second Event.
fn event(
    notice: &Notice,
    about: ObjectReference,
    reason: &str,
    kind: &str,
    message: String,
    now: Timestamp,
) -> Event {
    let name = format!("{}.{}.{reason}", about.name.as_deref().unwrap_or_default(), notice.event_id);
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' })
        .take(250)
        .collect();
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
