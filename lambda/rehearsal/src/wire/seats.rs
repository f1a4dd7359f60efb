//! A call that changes something waits for a seat of its API server (API priority and fairness), or is turned away.

use super::{
    Effect, Reply,
    answers::answer,
    request::{Asked, Visit},
    status,
};
use crate::{facts::CallFact, faults::FaultKind};

/// A call that has waited longer than this was not served as a well API server serves it.
const PROMPT_MS: u64 = 100;

/// Answers a call when it has had its seat.
pub(super) fn admit(asked: Asked, index: usize) -> Effect {
    Box::new(move |state, call, fault| {
        let now_ms = state.now_ms;
        let level = state.clusters[index].level.as_mut();
        let Some(level) = level.filter(|_| fault.is_none() && call.operation.writes) else {
            return answer(&mut Visit { asked: &asked, state, index, call }, fault);
        };
        let service_ms = level.seats.service_ms;
        let begins_ms = level.take(now_ms);
        if begins_ms.is_none_or(|begins_ms| begins_ms > now_ms + PROMPT_MS) {
            state.emit_call(call, CallFact::Starved);
        }
        let Some(begins_ms) = begins_ms else {
            return answer(&mut Visit { asked: &asked, state, index, call }, Some(FaultKind::Throttled));
        };
        let serve: Effect = Box::new(move |state, call, fault| {
            // A caller that hangs up gives up its place in the queue.
            if call.hung_up {
                return status::hung_up();
            }
            answer(&mut Visit { asked: &asked, state, index, call }, fault)
        });
        Reply::held(begins_ms + service_ms - now_ms, serve)
    })
}
