//! The part of the bench on real parts: `tests/real/src/bin/bench/`, with all that it needs set up.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    build, cache,
    process::{self, Failure, Outcome, headline},
    setup,
};

/// Runs it, always with the release build of the function; what it has measured, and whether its goals are kept.
pub(super) fn run() -> Outcome<(Value, Outcome)> {
    headline("setting up the real parts");
    let environment = setup::environment()?;
    setup::function()?;
    // All of the workspace and one binary of it: that way nothing is built with other features than in tests.
    process::run(build::cargo("build")?.args(["--workspace", "--bin", "bench"]))?;

    headline("draining nodes on the real control plane, which takes about half an hour");
    let figures = cache::target()?.join("bench-control-plane.json");
    // What an earlier run has left would pass for this one's.
    let _ = fs::remove_file(&figures);
    let mut bench = std::process::Command::new(cache::target()?.join("debug/bench"));
    let kept = process::run(bench.arg("--json").arg(&figures).envs(environment));
    match read(&figures) {
        Ok(measured) => Ok((measured, kept)),
        Err(unread) => Err(kept.err().unwrap_or(unread)),
    }
}

fn read(file: &Path) -> Outcome<Value> {
    let words = fs::read(file).map_err(|error| Failure::of(file.display(), &error))?;
    serde_json::from_slice(&words).map_err(|error| Failure::Other(format!("{}: {error}", file.display())))
}
