//! Notices that arrive twice, late, or at a function that dies.

use crate::{Action, WorldSpec};

use super::Options;
use super::cluster::{calm, interrupt, terminated};

/// The notice three times: at once, while the first is at work, and when all is done.
pub(super) fn duplicate(options: &Options) -> WorldSpec {
    let mut spec = calm(options);
    let payloads = interrupt(&mut spec, options, Action::Terminate);
    for at_ms in [300, 30_000] {
        for payload in &payloads {
            spec.deliver(at_ms, payload.clone());
        }
    }
    spec
}

/// Every function dies between the cordon, which takes effect one and a half round trips after the start,
/// and the first eviction, which is sent after two.
pub(super) fn crash(options: &Options) -> WorldSpec {
    let mut spec = terminated(options, |_| {});
    let crash_ms = options.latency_ms + options.latency_ms * 3 / 4;
    for delivery in &mut spec.deliveries {
        delivery.crash_after_ms = Some(crash_ms.max(1));
    }
    spec
}

/// The notice half a minute after EC2 has taken the instance.
pub(super) fn missed(options: &Options) -> WorldSpec {
    let mut spec = terminated(options, |_| {});
    for delivery in &mut spec.deliveries {
        delivery.at_ms = 150_000;
    }
    spec
}

/// Events five minutes after they were issued, as a replayed archive delivers them. EC2 takes nothing.
pub(super) fn stale(options: &Options) -> WorldSpec {
    let mut spec = terminated(options, |_| {});
    spec.notices.clear();
    for delivery in &mut spec.deliveries {
        delivery.at_ms = 300_000;
    }
    spec
}
