//! The claim: the annotation on a node that says which signal is being handled, how strong it is, and what has been set
//! on the node for it. The patch that cordons the node writes it, each kind of signal under a key of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::Node;

/// Beginning of every claim's key. An earlier release wrote the event id alone as `cast-spot/claim`, which claims nothing.
const PREFIX: &str = "cast-spot/claim.";
/// Key of the claim of a notice.
pub const NOTICE: &str = "cast-spot/claim.notice";
/// Version of the claims that this release writes and reads.
pub(super) const VERSION: u8 = 1;

/// Something that the handler sets on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// `spec.unschedulable`.
    Cordon,
    /// The taint that gives the reason.
    Taint,
    /// The label that takes the node out of load balancers.
    Label,
}

/// A claim on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Key of the annotation.
    #[serde(skip)]
    pub key: String,
    /// Version of the format.
    pub v: u8,
    /// Strength of the signal.
    pub rank: u8,
    /// Name of the event's kind.
    pub kind: String,
    /// EventBridge event id.
    pub event: String,
    /// How far the handling has come.
    pub phase: String,
    /// When the signal was sent. What the node had before then is not the handler's.
    pub since: Timestamp,
    /// When the claim ends: the deadline of a notice.
    pub until: Timestamp,
    /// Marks that the handler sets for the signal.
    pub undo: Vec<Mark>,
}

impl Claim {
    /// The annotation's value.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The claims on a node by key, for courses that are not blind. A claim of another version or one that is malformed is
/// `None`: its rank is not known, and what it names is kept.
#[must_use]
pub fn claims(node: &Node) -> Vec<(&str, Option<Claim>)> {
    let claims = node.metadata.annotations.iter().filter(|(key, _)| key.starts_with(PREFIX));
    claims.map(|(key, text)| (key.as_str(), parse(key, text))).collect()
}

fn parse(key: &str, text: &str) -> Option<Claim> {
    let claim: Claim = serde_json::from_str(text).ok()?;
    (claim.v == VERSION).then(|| Claim { key: key.to_owned(), ..claim })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(in crate::plan) fn claim(key: &str, undo: &[Mark]) -> Claim {
        Claim {
            key: key.to_owned(),
            v: VERSION,
            rank: 90,
            kind: "spot_interruption".into(),
            event: "e-1".into(),
            phase: "drain".into(),
            since: "2026-11-22T09:00:00Z".parse().unwrap(),
            until: "2026-11-22T09:02:00Z".parse().unwrap(),
            undo: undo.to_vec(),
        }
    }

    fn node(annotations: &Value) -> Node {
        serde_json::from_value(json!({"metadata": {"name": "n", "annotations": annotations}})).unwrap()
    }

    const ALL: [Mark; 3] = [Mark::Cordon, Mark::Taint, Mark::Label];

    #[test]
    fn a_claim_is_read_as_it_was_written() {
        let claim = claim(NOTICE, &ALL);
        let text = r#"{"v":1,"rank":90,"kind":"spot_interruption","event":"e-1","phase":"drain","#.to_owned()
            + r#""since":"2026-11-22T09:00:00Z","until":"2026-11-22T09:02:00Z","undo":["cordon","taint","label"]}"#;
        assert_eq!(claim.text(), text);
        let earlier = "88249090-8246-481c-9138-47174d6eb6aa";
        let node = node(&json!({NOTICE: text, "cast-spot/claim": earlier, "other": "x"}));
        assert_eq!(claims(&node), [(NOTICE, Some(claim))]);
    }

    #[test]
    fn a_claim_that_cannot_be_read_is_kept() {
        let text = claim(NOTICE, &[]).text();
        for (case, key, text) in [
            ("of a later version", NOTICE, text.replace(r#""v":1"#, r#""v":2"#)),
            ("a mark of a later release", NOTICE, text.replace("[]", r#"["lease"]"#)),
            ("malformed", NOTICE, "{".to_owned()),
        ] {
            let node = node(&json!({key: text}));
            assert_eq!(claims(&node), [(key, None)], "{case}");
        }
    }
}
