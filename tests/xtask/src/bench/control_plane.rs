//! The bench on the real control plane, `tests/real/src/bin/bench/`, with its set-up.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    build, cache,
    process::{self, Failure, Outcome, headline},
    setup,
};

/// Runs the bench, always with the release build of the function. Returns its figures, and whether the goals are met.
pub(super) fn run() -> Outcome<(Value, Outcome)> {
    headline("setting up the real parts");
    let environment = setup::environment()?;
    setup::function()?;
    // One binary, but the whole workspace: the features are those of the tests, and nothing is built twice.
    process::run(build::cargo("build")?.args(["--workspace", "--bin", "bench"]))?;

    headline("draining nodes on the real control plane, which takes about half an hour");
    let figures = cache::target()?.join("bench-control-plane.json");
    // The figures of an earlier run would be taken for those of this one.
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
