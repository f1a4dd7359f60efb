//! `cargo xtask simulate`: the simulation test with chosen seeds, in an optimised build.

use crate::{
    build,
    process::{self, Outcome},
};

/// Runs `seeds` seeds from `from` on.
pub(crate) fn run(seeds: u64, from: u64) -> Outcome {
    build::announce_first_build()?;
    let mut cargo = build::cargo("test")?;
    cargo
        .args([
            "--profile",
            "simulation",
            "--package",
            "cast-spot-tests",
            "--test",
            "simulation",
            "--",
            "--nocapture",
        ])
        .env("CAST_SPOT_SIMULATION_SEEDS", seeds.to_string())
        .env("CAST_SPOT_SIMULATION_FROM", from.to_string());
    process::run(&mut cargo)
}
