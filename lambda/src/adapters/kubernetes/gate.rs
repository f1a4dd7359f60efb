//! The gate of one connection: while the API server does not know the caller, one call at a time goes as a probe,
//! with growing pauses, and all others wait. EKS answers 401 also when STS throttles its authenticator: what every pod
//! of every function asks then only makes it last.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::budget::jittered;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A call waits no longer than this at a shut gate: less than its own time limit, so that its caller learns why, and
/// short, because the grace that it asks for ends so much later.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A probe that has no answer for so long keeps no other from being sent: what it waits for may be a webhook.
const SLOW_PROBE: Duration = Duration::from_secs(2);

/// A 401 so long after the one before begins a new count: in between the function was not running.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// Shut after a 401, open after any other answer.
#[derive(Debug, Default)]
pub(super) struct Gate {
    shut: Mutex<Option<Shut>>,
    changed: Notify,
}

#[derive(Debug, Clone)]
struct Shut {
    since: Instant,
    attempts: u32,
    pause: Duration,
    next: Instant,
    /// A probe is under way until here.
    probed_until: Instant,
    latest: Instant,
}

impl Shut {
    fn in_words(&self) -> String {
        let seconds = self.since.elapsed().as_secs();
        format!("Unauthorized for {seconds} s, {} attempts (access entry?)", self.attempts)
    }
}

/// Leave to make one call.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    is_probe: bool,
}

impl Gate {
    /// Waits for leave to make a call; says how long there have been only 401s where there is none.
    pub(super) async fn pass(self: &Arc<Self>) -> Result<Pass, String> {
        let end = Instant::now() + LONGEST_WAIT;
        loop {
            let changed = self.changed.notified();
            let next = match &mut *self.shut.lock().unwrap_or_else(PoisonError::into_inner) {
                None => return Ok(Pass { gate: self.clone(), is_probe: false }),
                Some(shut) if shut.next.max(shut.probed_until) <= Instant::now() => {
                    shut.probed_until = Instant::now() + SLOW_PROBE;
                    return Ok(Pass { gate: self.clone(), is_probe: true });
                }
                Some(shut) if Instant::now() >= end => return Err(shut.in_words()),
                Some(shut) => shut.next.max(shut.probed_until).min(end),
            };
            let _ = timeout_at(next, changed).await;
        }
    }

    fn update(&self, change: impl FnOnce(&mut Option<Shut>)) {
        change(&mut self.shut.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
    }
}

impl Pass {
    /// The API server knew the caller.
    pub(super) fn known(self) {
        self.gate.update(|shut| *shut = None);
    }

    /// The API server did not know the caller. Returns for how long by now.
    pub(super) fn unknown(self) -> String {
        let mut words = String::new();
        self.gate.update(|gate| {
            let now = Instant::now();
            let first = Shut {
                since: now,
                attempts: 0,
                pause: FIRST_PAUSE,
                next: now + jittered(FIRST_PAUSE),
                probed_until: now,
                latest: now,
            };
            gate.take_if(|shut| now.duration_since(shut.latest) > FORGOTTEN);
            let shut = gate.get_or_insert(first);
            shut.attempts += 1;
            shut.latest = now;
            if self.is_probe {
                shut.pause = (shut.pause * 2).min(LONGEST_PAUSE);
                shut.next = now + jittered(shut.pause);
            }
            words = shut.in_words();
        });
        words
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_probe {
            self.gate.update(|gate| {
                if let Some(shut) = gate {
                    shut.probed_until = Instant::now();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn one_probe_goes_for_all_with_growing_pauses() {
        let gate = Arc::new(Gate::default());
        let start = Instant::now();
        let mut probes = Vec::new();
        gate.pass().await.unwrap().unknown();
        while start.elapsed() < 60 * S {
            let Ok(probe) = gate.pass().await else { continue };
            assert!(timeout_at(Instant::now() + S, gate.pass()).await.is_err(), "two calls at once");
            probes.push(start.elapsed().as_secs());
            probe.unknown();
        }
        let pauses: Vec<_> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(
            probes.len() <= 10 && pauses.iter().rev().take(3).all(|pause| (9..=18).contains(pause)),
            "{probes:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_at_a_shut_gate_learns_how_long_it_is_shut() {
        let gate = Arc::new(Gate::default());
        let mut refusals = 0;
        while refusals < 4 {
            if let Ok(probe) = gate.pass().await {
                probe.unknown();
                refusals += 1;
            }
        }
        let refused = gate.pass().await.unwrap_err();
        assert!(refused.ends_with("s, 4 attempts (access entry?)"), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_probe_holds_nothing_up() {
        let gate = Arc::new(Gate::default());
        gate.pass().await.unwrap().unknown();
        let _slow = gate.pass().await.unwrap();
        gate.pass().await.unwrap().known();
        assert!(gate.pass().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_function_counts_from_its_next_refusal() {
        let gate = Arc::new(Gate::default());
        gate.pass().await.unwrap().unknown();
        tokio::time::sleep(3_600 * S).await;
        let words = gate.pass().await.unwrap().unknown();
        assert!(words.starts_with("Unauthorized for 0 s, 1 attempts"), "{words}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_success_lets_all_pass() {
        let gate = Arc::new(Gate::default());
        gate.pass().await.unwrap().unknown();
        let probe = gate.pass().await.unwrap();
        let (waiting, ()) = tokio::join!(gate.pass(), async { probe.known() });
        assert!(waiting.is_ok());
        assert!(gate.pass().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_makes_room_for_the_next() {
        let gate = Arc::new(Gate::default());
        gate.pass().await.unwrap().unknown();
        drop(gate.pass().await.unwrap());
        assert!(gate.pass().await.is_ok());
    }
}
