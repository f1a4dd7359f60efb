//! API priority and fairness: a call that changes something waits for a seat, or is turned away.

use super::{Reply, answers::answer, request::Asked, status};
use crate::{
    facts::{Call, CallFact},
    faults::FaultKind,
    world::state::State,
};

/// A call that has waited longer than this was not served as a well API server serves it.
const PROMPT_MS: u64 = 100;

/// Answers a call when it has had its seat.
pub(super) fn admit(
    asked: Asked,
    state: &mut State,
    cluster: usize,
    call: &Call,
    fault: Option<FaultKind>,
) -> Reply {
    let now_ms = state.now_ms;
    let level = state.clusters[cluster].level.as_mut().filter(|_| fault.is_none() && call.operation.writes);
    let Some(level) = level else { return answer(&asked, state, cluster, call, fault) };
    let service_ms = level.seats.service_ms;
    let begins_ms = level.take(now_ms);
    if begins_ms.is_none_or(|begins_ms| begins_ms > now_ms + PROMPT_MS) {
        state.emit_call(call, CallFact::Starved);
    }
    match begins_ms {
        None => answer(&asked, state, cluster, call, Some(FaultKind::Throttled)),
        Some(begins_ms) => {
            let serve = move |state: &mut State, call: &Call, fault| {
                // A caller that hangs up gives up its place in the queue.
                if call.hung_up { status::hung_up() } else { answer(&asked, state, cluster, call, fault) }
            };
            Reply::held(begins_ms + service_ms - now_ms, Box::new(serve))
        }
    }
}
