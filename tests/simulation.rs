//! Random clusters, notices, latencies, faults, duplicates and crashes, one world per seed: no law
//! of the handler may break. `cargo xtask simulate --seeds N` runs any number of seeds.

#![expect(clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use cast_spot_rehearsal::{Outcome, simulate};

const SEEDS: &str = "CAST_SPOT_SIMULATION_SEEDS";
const FROM: &str = "CAST_SPOT_SIMULATION_FROM";
const THREADS: usize = 2;

#[expect(clippy::disallowed_methods, reason = "the size of the test is a setting, read here only")]
fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}: expected a whole number")),
        Err(_) => default,
    }
}

/// Totals over many runs.
#[derive(Debug, Default)]
struct Findings {
    runs: u64,
    pods: usize,
    lost: usize,
    calls: u64,
    virtual_ms: u64,
    /// Broken laws, with their seeds.
    broken: BTreeMap<u64, Vec<String>>,
}

impl Findings {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        let world = &outcome.world;
        self.runs += 1;
        self.pods += world.pods.total;
        self.lost += world.pods.killed + world.pods.left;
        self.calls += world.calls.values().sum::<u64>();
        self.virtual_ms += outcome.virtual_ms;
        if !world.violations.is_empty() {
            let words = world.violations.iter();
            let words =
                words.map(|broken| format!("law {} at {} ms: {}", broken.law, broken.at_ms, broken.what));
            self.broken.insert(seed, words.collect());
        }
    }
}

#[test]
fn no_seed_breaks_a_law() {
    let (from, seeds) = (setting(FROM, 1), setting(SEEDS, 200));
    let next = AtomicU64::new(from);
    let findings = Mutex::new(Findings::default());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        break;
                    }
                    let outcome = simulate(seed);
                    findings.lock().unwrap().add(seed, &outcome);
                }
            });
        }
    });
    let found = findings.into_inner().unwrap();
    for (seed, broken) in &found.broken {
        println!(
            "seed {seed}: {} (see it: cargo rehearse --scenario random --seed {seed})",
            broken.join("; ")
        );
    }
    println!(
        "simulation: {} seeds from {from}, {} virtual minutes, {} calls, {} pods ({} killed or left): {} seeds broke a law",
        found.runs,
        found.virtual_ms / 60_000,
        found.calls,
        found.pods,
        found.lost,
        found.broken.len()
    );
    assert!(found.broken.is_empty(), "seeds that broke a law: {:?}", found.broken.keys());
}

#[test]
fn a_seed_replays_to_the_same_trace() {
    for seed in [1, 7, 42] {
        let (first, second) = (simulate(seed), simulate(seed));
        assert!(!first.trace.is_empty());
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}
