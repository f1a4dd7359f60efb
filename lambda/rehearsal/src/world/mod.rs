//! What exists in the world and how it moves.
//!
//! `World` is the door: all that was due has happened for a visitor. Behind it is one `State`:
//!
//! - what exists: `clusters`, `nodes`, `pods`, `instances`, `groups`, `seats`, and the `timers` that move it
//! - what moves it: `ec2` and `auto_scaling`; `api_server`, `kubelet`, `scheduler`, `controllers` and `budgets`
//!
//! All that happens is pushed to a list of facts. The world does not know who reads it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{sync::Notify, time::sleep_until};

mod api_server;
mod auto_scaling;
pub mod baseline;
mod budgets;
pub(crate) mod clock;
pub(crate) mod clusters;
mod controllers;
mod ec2;
pub(crate) mod faults;
pub(crate) mod groups;
pub(crate) mod instances;
mod kubelet;
pub(crate) mod nodes;
mod outcome;
pub(crate) mod pods;
mod scheduler;
mod seats;
pub mod spec;
pub(crate) mod state;
mod timers;
pub(crate) mod watch;

use clock::Clock;
use state::State;

/// The world, shared by its clockwork and the wires.
#[derive(Clone)]
pub(crate) struct World {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    state: Mutex<State>,
    /// Wakes the clockwork when something falls due earlier than it knew.
    earlier: Notify,
}

impl World {
    pub(crate) fn new(state: State) -> Self {
        Self {
            shared: Arc::new(Shared { clock: state.clock, state: Mutex::new(state), earlier: Notify::new() }),
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// Enters the world: first all that is due by now happens, then `visit`.
    pub(crate) fn enter<T>(&self, visit: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.clock.has_begun() {
            state.advance(self.shared.clock.now_ms());
        }
        let before = state.timers.next_due();
        let result = visit(&mut state);
        let after = state.timers.next_due();
        drop(state);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.shared.earlier.notify_one();
        }
        result
    }

    /// The clockwork: moves the world for as long as it is polled.
    pub(crate) async fn turn(self) {
        loop {
            match self.enter(|state| state.timers.next_due()) {
                None => self.shared.earlier.notified().await,
                Some(due) => tokio::select! {
                    biased;
                    () = self.shared.earlier.notified() => {}
                    () = sleep_until(self.clock().instant(due)) => {}
                },
            }
        }
    }
}
