//! `cargo xtask bench`: the function's costs, idle and for the drain of a full node, against their limits; and how fast
//! it drains on the real control plane, beside the same calls by a bare client. The binary is that of
//! `cargo build-lambda`.

mod control_plane;
mod drain;
mod figures;
mod runtime_api;
mod start;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde_json::{Value, json};

use self::{
    drain::Drain,
    figures::{Figure, Unit, median},
    start::Start,
};
use crate::{
    build, cache, cargo_lambda,
    process::{self, Failure, Outcome, headline},
};

/// Starts of each binary; the median counts.
const RUNS: usize = 15;
/// Drains; the median counts.
const DRAINS: usize = 5;

/// The build to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// The deployed build.
    Release,
    /// The build of the tests.
    Dev,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }
}

/// A part of the bench, named by what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The binary: bytes, start-up, memory
    Function,
    /// Drains on the real control plane; needs Python and Go
    ControlPlane,
    /// The search of `cast-spot savings` for 5,000 pods on 600 instance types
    Savings,
}

/// Measures one part or all, prints, writes `json`, and fails when a limit is exceeded or a goal missed. A part
/// that has failed does not hide another.
pub(crate) fn run(only: Option<Part>, profile: Profile, json: Option<&Path>) -> Outcome {
    let wanted = |part| only.is_none_or(|only| only == part);
    let mut measured = serde_json::Map::new();
    let mut outcome = Ok(());
    if wanted(Part::Function) {
        let (figures, within) = function(profile)?;
        measured.insert("function".to_owned(), figures);
        outcome = within;
    }
    if wanted(Part::ControlPlane) {
        let kept = control_plane::run().and_then(|(figures, kept)| {
            measured.insert("control_plane".to_owned(), figures);
            kept
        });
        outcome = outcome.and(kept);
    }
    if wanted(Part::Savings) {
        outcome = outcome.and(savings());
    }
    if let Some(file) = json {
        let text = format!("{:#}\n", json!({ "schema": "cast-spot.bench/2", "parts": measured }));
        fs::write(file, text).map_err(|error| Failure::of(file.display(), &error))?;
    }
    outcome
}

/// Runs the release build of the search, whose test asserts a limit of two seconds and prints the figures.
fn savings() -> Outcome {
    headline("searching nodes for 5,000 pods on 600 instance types");
    let mut cargo = build::cargo("test")?;
    cargo.args(["--release", "--package", "cast-spot-savings", "--test", "bounds"]);
    process::run(cargo.args(["five_thousand_pods", "--", "--ignored", "--nocapture"]))
}

/// Builds the function and measures it alone. Returns its figures, and whether they are within the limits.
fn function(profile: Profile) -> Outcome<(Value, Outcome)> {
    headline(format!("building the function and an empty one ({})", profile.name()));
    let function = built(profile, "cast-spot-handler")?;
    let empty = built(profile, "empty-lambda")?;
    headline("building the world that it drains a node of");
    let world = build::world()?;

    headline(format!("starting each {RUNS} times"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        // By turns, so that a busy moment of the machine hits both.
        ours.push(Start::of(&function.binary)?);
        theirs.push(Start::of(&empty.binary)?);
    }

    headline(format!("draining a node of 110 pods over real sockets, {DRAINS} times"));
    let drains = (0..DRAINS).map(|_| Drain::by(&function.binary, &world)).collect::<Outcome<Vec<_>>>()?;
    let figures = figures(&function, &ours, &theirs, &drains)?;

    print!("{}", figures::table(&figures));
    let exceeded: Vec<_> =
        figures.iter().filter(|figure| figure.is_exceeded()).map(|figure| figure.name).collect();
    let within = if exceeded.is_empty() {
        Ok(())
    } else {
        Err(Failure::Other(format!("over the limit: {}", exceeded.join(", "))))
    };
    Ok((figures::json(profile.name(), RUNS, &figures), within))
}

fn figures(function: &Built, ours: &[Start], theirs: &[Start], drains: &[Drain]) -> Outcome<Vec<Figure>> {
    let start = median(ours, |start| Some(start.to_first_poll.as_secs_f64() * 1e3));
    let floor = median(theirs, |start| Some(start.to_first_poll.as_secs_f64() * 1e3));
    let above = start.zip(floor).map(|(start, floor)| (start - floor).max(0.0));
    let mib = |count: f64| Some(count * f64::from(1 << 20));
    Ok(vec![
        Figure::new("binary_bytes", "binary", Unit::Bytes, size(&function.binary)?, mib(12.0)),
        Figure::new(
            "zip_bytes",
            "zip",
            Unit::Bytes,
            function.zip.as_deref().map_or(Ok(None), size)?,
            mib(5.0),
        ),
        Figure::new("start_ms", "start-up, exec to first poll", Unit::Millis, start, None),
        Figure::new("start_empty_ms", "start-up of an empty function", Unit::Millis, floor, None),
        Figure::new(
            "start_above_empty_ms",
            "start-up over the empty function",
            Unit::Millis,
            above,
            Some(60.0),
        ),
        Figure::new(
            "peak_memory_first_poll_bytes",
            "peak memory at the first poll",
            Unit::Bytes,
            median(ours, |start| start.peak_at_first_poll),
            None,
        ),
        Figure::new(
            "peak_memory_drain_bytes",
            "peak memory, drain of 110 pods",
            Unit::Bytes,
            median(drains, |drain| drain.peak),
            mib(32.0),
        ),
        Figure::new(
            "drain_last_eviction_ms",
            "drain of 110 pods, to the last eviction",
            Unit::Millis,
            median(drains, |drain| Some(drain.to_last_eviction)),
            None,
        ),
        Figure::new(
            "drain_answer_ms",
            "drain of 110 pods, to the answer",
            Unit::Millis,
            median(drains, |drain| Some(drain.to_answer)),
            None,
        ),
    ])
}

struct Built {
    binary: PathBuf,
    zip: Option<PathBuf>,
}

fn built(profile: Profile, package: &str) -> Outcome<Built> {
    if profile == Profile::Dev {
        process::run(build::cargo("build")?.args(["--bin", package]))?;
        return Ok(Built { binary: cache::target()?.join("debug").join(package), zip: None });
    }
    let folder = cargo_lambda::output(package);
    for format in ["binary", "zip"] {
        process::run(cargo_lambda::command("build")?.args([
            "--release",
            "--package",
            package,
            "--output-format",
            format,
        ]))?;
    }
    Ok(Built { binary: folder.join("bootstrap"), zip: Some(folder.join("bootstrap.zip")) })
}

#[expect(clippy::cast_precision_loss, reason = "a file of 2^53 bytes is not a function")]
fn size(file: &Path) -> Outcome<Option<f64>> {
    let found = fs::metadata(file).map_err(|error| Failure::of(file.display(), &error))?;
    Ok(Some(found.len() as f64))
}
