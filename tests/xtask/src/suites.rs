//! The suites of `tests/real/`, two at a time: most of their minutes are waits. Each has a stack of its own.

use std::{
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    build,
    process::{self, Failure, Outcome},
    setup,
};

/// All suites, the longest first.
const ALL: [&str; 9] = [
    "real_onboarding",
    "faults",
    "connect",
    "drains",
    "permissions",
    "real_savings",
    "real_contract",
    "control_plane",
    "emulators",
];
/// Those with scenarios of the tier `extended`.
const EXTENDED: [&str; 2] = ["real_onboarding", "karpenter"];
/// Suites that run at the same time: more would delay one another on two cores.
const AT_ONCE: usize = 2;

type Environment = Vec<(&'static str, PathBuf)>;

/// Runs the suites of the tier `real`, or with `extended` only the long scenarios. With `extended` or a filter, they run
/// one after the other in the foreground.
pub(crate) fn run(extended: bool, filter: &[String]) -> Outcome {
    let mut environment = setup::environment()?;
    if extended {
        environment.extend(setup::extended()?);
    }
    setup::function()?;
    let suites: &[&str] = if extended { &EXTENDED } else { &ALL };
    if extended || !filter.is_empty() {
        let mut cargo = cargo(suites, &environment)?;
        cargo.args(["--", "--include-ignored"]).args(filter);
        cargo.envs(extended.then_some(("CAST_SPOT_LANE", "extended")));
        return process::run(&mut cargo);
    }
    process::run(cargo(suites, &environment)?.arg("--no-run"))?;
    let queue = Mutex::new(suites.iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || -> Outcome<Vec<&str>> {
        let mut failed = Vec::new();
        while let Some(suite) = next() {
            let started = Instant::now();
            let mut cargo = cargo(&[suite], &environment)?;
            let passed = captured(cargo.args(["--", "--include-ignored"]), suite, started)?;
            failed.extend((!passed).then_some(*suite));
        }
        Ok(failed)
    };
    let ended: Vec<_> = thread::scope(|scope| {
        let workers = [(); AT_ONCE].map(|()| scope.spawn(worker));
        workers.map(|worker| worker.join().expect("a worker does not panic")).into()
    });
    let failed: Vec<_> = ended.into_iter().collect::<Outcome<Vec<_>>>()?.concat();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Other(format!("failed: {}", failed.join(", ")))) }
}

/// `cargo test` of `suites`. All packages, as everywhere: fewer would have other features, and build again.
fn cargo(suites: &[&str], environment: &Environment) -> Outcome<Command> {
    let mut cargo = build::cargo("test")?;
    cargo.args(["--workspace", "--no-fail-fast"]);
    cargo.args(suites.iter().flat_map(|suite| ["--test", suite]));
    cargo.envs(environment.iter().map(|(name, path)| (name, path)));
    Ok(cargo)
}

/// Runs a suite and prints its output when it has ended, in one piece. Whether it passed.
fn captured(command: &mut Command, suite: &str, started: Instant) -> Outcome<bool> {
    eprintln!("real: {suite} starts");
    let output = command.output().map_err(|error| Failure::of(suite, &error))?;
    let took = started.elapsed() + Duration::from_millis(500);
    let result = if output.status.success() { "passed" } else { "FAILED" };
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    eprintln!("{text}real: {suite} {result} after {} s", took.as_secs());
    Ok(output.status.success())
}
