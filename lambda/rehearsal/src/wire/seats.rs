//! API priority and fairness: a call that changes something waits for a seat, or is turned away.

use super::{Call, Reply, request::Asked};
use crate::{
    faults::FaultKind,
    world::{spec::Seats, state::State},
};

/// A call that has waited longer than this was not served as a well API server serves it.
const PROMPT_MS: u64 = 100;

/// The seats of one cluster's API server.
pub(crate) struct Level {
    seats: Seats,
    /// When each seat is free.
    free_ms: Vec<u64>,
    /// When the calls that wait get their seats.
    begins_ms: Vec<u64>,
}

impl Level {
    pub(crate) fn new(seats: Seats) -> Self {
        Self { seats, free_ms: vec![0; seats.concurrent.max(1) as usize], begins_ms: Vec::new() }
    }

    /// When a call that arrives now gets its seat; `None`: it is turned away.
    fn take(&mut self, now_ms: u64) -> Option<u64> {
        self.begins_ms.retain(|begins_ms| *begins_ms > now_ms);
        let waiting = self.begins_ms.len();
        let first_free = self.free_ms.iter_mut().min()?;
        let begins_ms = now_ms.max(*first_free);
        if begins_ms > now_ms {
            if waiting >= self.seats.queue as usize {
                return None;
            }
            self.begins_ms.push(begins_ms);
        }
        *first_free = begins_ms + self.seats.service_ms;
        Some(begins_ms)
    }
}

/// Answers a call when it has had its seat.
pub(super) fn admit(
    asked: Asked,
    state: &mut State,
    cluster: usize,
    call: Call,
    fault: Option<FaultKind>,
) -> Reply {
    let operation = asked.operation(&state.clusters[cluster].name);
    let now_ms = state.now_ms;
    let level = state.clusters[cluster].level.as_mut().filter(|_| fault.is_none() && operation.writes);
    let Some(level) = level else { return asked.answer(state, cluster, call, fault) };
    let service_ms = level.seats.service_ms;
    let begins_ms = level.take(now_ms);
    if begins_ms.is_none_or(|begins_ms| begins_ms > now_ms + PROMPT_MS) {
        state.observer.struck_call(call.env, &operation, now_ms);
    }
    match begins_ms {
        None => asked.answer(state, cluster, call, Some(FaultKind::Throttled)),
        Some(begins_ms) => {
            let serve = move |state: &mut State, call: Call, fault| {
                // A caller that hangs up gives up its place in the queue.
                if call.hung_up { Asked::nothing() } else { asked.answer(state, cluster, call, fault) }
            };
            Reply::held(begins_ms + service_ms - now_ms, Box::new(serve))
        }
    }
}
