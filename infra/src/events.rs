//! Kinds of events that EventBridge sends the function: one row each, for the handler that decodes them, the
//! provisioner and the templates that make their rules, the rehearsal and the tests that send them.

/// One kind of EventBridge event and the rule that sends it to the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventKind {
    /// Stable name in reports.
    pub name: &'static str,
    /// EventBridge `source`.
    pub source: &'static str,
    /// EventBridge `detail-type`.
    pub detail_type: &'static str,
    /// Name of the rule.
    pub rule: &'static str,
    /// Description of the rule.
    pub description: &'static str,
    /// Event pattern of the rule (JSON).
    pub pattern: &'static str,
}

/// A Spot interruption warning (EC2 User Guide, "Spot Instance interruption notices").
pub const SPOT_INTERRUPTION: EventKind = EventKind {
    name: "spot_interruption",
    source: "aws.ec2",
    detail_type: "EC2 Spot Instance Interruption Warning",
    rule: "cast-spot-interruption",
    description: "Spot interruption warnings",
    pattern: include_str!("../events/spot-interruption.json"),
};

/// All kinds, in the order of their rules.
pub const ALL: [EventKind; 1] = [SPOT_INTERRUPTION];

/// Name of the rule that sends the function a [`SELF_TEST`] every day.
pub const SELF_TEST_RULE: &str = "cast-spot-self-test";

/// Input of the self-test's rule (JSON): a dry-run notice for an instance that does not exist. EventBridge fills
/// in `<id>`, `<time>`, `<account>` and `<region>` from the scheduled event.
pub const SELF_TEST: &str = include_str!("../events/self-test.json");
