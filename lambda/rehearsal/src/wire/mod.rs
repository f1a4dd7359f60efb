//! The wires into the world: HTTP requests in, HTTP responses out, in the formats of the real services.
//!
//! Every call goes through [`Wire::call`]: half of its latency, its effect (or a fault), the other half. The
//! request is on its way once it is sent: a caller that gives up does not take it back.

use std::{fmt, future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{mpsc::UnboundedReceiver, oneshot},
    time::sleep,
};

use crate::{
    facts::{Call, CallFact, Operation},
    faults::FaultKind,
    world::{World, state::State, watch::Change},
};

mod answers;
mod autoscaling;
pub(crate) mod aws;
mod ec2;
mod eks;
mod eviction;
pub(crate) mod kubernetes;
mod objects;
mod patch;
mod request;
mod resources;
mod reviews;
mod seats;
mod status;
mod token;
mod xml;

/// The wires of one function environment.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) world: World,
    pub(crate) env: usize,
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Bytes,
    /// A body that goes on, after what is in `body` with the time at which that left: the changes of a watch.
    pub(crate) watch: Option<(u64, UnboundedReceiver<Change>)>,
    /// The call is held for so many milliseconds, whether the caller waits or not. Then this happens.
    pub(crate) held: Option<(u64, Effect)>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { status, content_type: "application/json", retry_after: None, body, watch: None, held: None }
    }

    /// No answer yet: `effect` happens in `ms`.
    pub(crate) fn held(ms: u64, effect: Effect) -> Self {
        Self { held: Some((ms, effect)), ..Self::json(0, Bytes::new()) }
    }
}

/// A reply, or the error that takes its place.
type Response = Result<Reply, Reply>;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("connection refused")]
    Refused,
    #[error("connection reset by peer")]
    Reset,
}

/// What a call does when it arrives. It gets the fault, if one strikes, and renders it in its own format.
pub(crate) type Effect = Box<dyn FnOnce(&mut State, &Call, Option<FaultKind>) -> Reply + Send>;

/// An open call: closed when it is answered or dropped.
pub(crate) struct Open {
    world: World,
    call: Call,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.world.enter(|state| state.emit_call(&self.call, CallFact::Closed));
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wires of f{}", self.env)
    }
}

impl Wire {
    /// Sends a call and waits for its answer. The call stays open for as long as [`Open`] lives.
    pub(crate) async fn call(&self, operation: Operation, effect: Effect) -> Result<(Reply, Open), Broken> {
        // The environment is frozen or dead: nothing in it goes on.
        let Some((call, fault, latency_ms)) = self.send(operation) else { return pending().await };
        let open = Open { world: self.world.clone(), call: call.clone() };
        let (mut answer, answered) = oneshot::channel();
        let world = self.world.clone();
        tokio::spawn(async move {
            let fault = match fault {
                Some(FaultKind::Hang(ms)) => {
                    if !outlasts(&mut answer, ms).await {
                        let operation = &call.operation;
                        let what = format!("f{} {} {} given up", call.env, operation.key(), operation.target);
                        return world.enter(|state| state.note(&what));
                    }
                    None
                }
                fault => fault,
            };
            let result = arrive(&world, call, (fault, effect), latency_ms, &answer).await;
            answer.send(result).ok();
        });
        let reply = answered.await.unwrap_or(Err(Broken::Reset))?;
        self.world.enter(|state| state.emit_call(&open.call, CallFact::Answered));
        Ok((reply, open))
    }

    /// The call as it is sent, the fault that will strike it, and how long it takes; `None`: there is no caller any more.
    fn send(&self, operation: Operation) -> Option<(Call, Option<FaultKind>, u64)> {
        let begun = self.world.clock().has_begun();
        self.world.enter(|state| {
            if !state.environments[self.env] {
                return None;
            }
            let now_ms = state.now_ms;
            let fault = if begun { state.faults.strike(now_ms, &operation) } else { None };
            let latency_ms = state.spec.pace.latency_ms + state.rng.u64(0..=state.spec.pace.jitter_ms);
            state.calls_sent += 1;
            let call = Call {
                env: self.env,
                id: state.calls_sent,
                operation: Arc::new(operation),
                sent_ms: now_ms,
                arrived_ms: now_ms,
                hung_up: false,
            };
            state.emit_call(&call, CallFact::Sent(fault));
            Some((call, fault, latency_ms))
        })
    }
}

/// `true` when the caller still waits after so many milliseconds.
async fn outlasts(answer: &mut oneshot::Sender<Result<Reply, Broken>>, ms: u64) -> bool {
    let over =
        async { if ms == u64::MAX { pending().await } else { sleep(Duration::from_millis(ms)).await } };
    tokio::select! {
        biased;
        () = answer.closed() => false,
        () = over => true,
    }
}

/// The way there, the effect, the way back.
async fn arrive(
    world: &World,
    mut call: Call,
    (fault, effect): (Option<FaultKind>, Effect),
    latency_ms: u64,
    answer: &oneshot::Sender<Result<Reply, Broken>>,
) -> Result<Reply, Broken> {
    let there_ms = latency_ms / 2;
    sleep(Duration::from_millis(there_ms)).await;
    let begun = world.clock().has_begun();
    let result = if fault == Some(FaultKind::Refused) {
        Err(Broken::Refused)
    } else {
        let shown = fault.filter(|fault| *fault != FaultKind::AnswerLost);
        let mut reply = world.enter(|state| {
            call.arrived_ms = state.now_ms;
            effect(state, &call, shown)
        });
        while let Some((ms, then)) = reply.held.take() {
            sleep(Duration::from_millis(ms)).await;
            call.hung_up = answer.is_closed();
            reply = world.enter(|state| then(state, &call, None));
        }
        Ok(reply)
    };
    let outcome = match &result {
        Ok(reply) if fault == Some(FaultKind::AnswerLost) => format!("{}, answer lost", reply.status),
        Ok(reply) => reply.status.to_string(),
        Err(_) => "refused".to_owned(),
    };
    let result = result.and_then(|reply| match fault {
        Some(FaultKind::AnswerLost) => Err(Broken::Reset),
        _ => Ok(reply),
    });
    if begun {
        world.enter(|state| {
            let key = call.operation.key();
            state.note(&format!("f{} {key} {} -> {outcome}", call.env, call.operation.target));
            if result.is_ok() {
                *state.calls.entry(key).or_default() += 1;
            }
        });
    }
    sleep(Duration::from_millis(latency_ms - there_ms)).await;
    result
}
