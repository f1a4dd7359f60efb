//! The claim: the annotation on a node that says which signal is being handled, how strong it is, and what is set on the
//! node for it. The patch that cordons the node writes it, each kind of signal under a key of its own.

use jiff::Timestamp;
use serde::Serialize;

use crate::event::Notice;

/// Key of the claim of a notice. An earlier release wrote the event id alone as `cast-spot/claim`, which claims nothing.
pub(super) const NOTICE: &str = "cast-spot/claim.notice";

#[derive(Serialize)]
struct Claim<'a> {
    /// Version of the format.
    v: u8,
    /// Strength of the signal.
    rank: u8,
    /// Name of the event's kind.
    kind: &'static str,
    /// EventBridge event id.
    event: &'a str,
    /// How far the handling has come.
    phase: &'static str,
    /// When the signal was sent. What the node had before then is not the handler's.
    since: Timestamp,
    /// When the claim ends: the deadline of a notice.
    until: Timestamp,
    /// What the handler sets for the signal.
    undo: [&'static str; 3],
}

/// The claim that a notice of this rank writes.
pub(super) fn claim(notice: &Notice, rank: u8, phase: &'static str) -> String {
    let claim = Claim {
        v: 1,
        rank,
        kind: notice.kind,
        event: &notice.event_id,
        phase,
        since: notice.time,
        until: notice.deadline,
        undo: ["cordon", "taint", "label"],
    };
    serde_json::to_string(&claim).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_names_the_signal_and_what_is_set_for_it() {
        let text = r#"{"v":1,"rank":90,"kind":"spot_interruption","event":"e-1","phase":"drain","#.to_owned()
            + r#""since":"2026-11-22T09:00:00Z","until":"2026-11-22T09:02:00Z","undo":["cordon","taint","label"]}"#;
        assert_eq!(claim(&Notice::sample(), 90, "drain"), text);
    }
}
