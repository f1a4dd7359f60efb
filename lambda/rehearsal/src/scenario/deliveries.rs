//! Notices that arrive twice, late, or at a function that dies.

use crate::WorldSpec;

use super::Options;

/// The notice three times: at once, while the first is at work, and when all is done.
pub(super) fn duplicate(spec: &mut WorldSpec, _: &Options) {
    let first = spec.deliveries.clone();
    for at_ms in [300, 30_000] {
        for delivery in &first {
            spec.deliver(at_ms, delivery.payload.clone());
        }
    }
}

/// Every function dies between the cordon, which takes effect one and a half round trips after the start,
/// and the first eviction, which is sent after two.
pub(super) fn crash(spec: &mut WorldSpec, options: &Options) {
    let crash_ms = options.latency_ms + options.latency_ms * 3 / 4;
    for delivery in &mut spec.deliveries {
        delivery.crash_after_ms = Some(crash_ms.max(1));
    }
}

/// The notice half a minute after EC2 has taken the instance.
pub(super) fn missed(spec: &mut WorldSpec, _: &Options) {
    spec.deliveries.iter_mut().for_each(|delivery| delivery.at_ms = 150_000);
}

/// Events five minutes after they were issued, as a replayed archive delivers them. EC2 takes nothing.
pub(super) fn stale(spec: &mut WorldSpec, _: &Options) {
    spec.notices.clear();
    spec.deliveries.iter_mut().for_each(|delivery| delivery.at_ms = 300_000);
}
