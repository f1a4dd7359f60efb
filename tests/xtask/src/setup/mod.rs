//! The programs of the real tier: set up on first use, and named in the environment of the tests.

pub(crate) mod browser;
pub(crate) mod go;
pub(crate) mod python;

use std::{fs, path::PathBuf};

use crate::{
    build, cache, cargo_lambda,
    process::{self, Failure, Outcome},
    ratchet,
};

type Step = (&'static str, fn() -> Outcome<PathBuf>);

/// Takes a minute at most.
const QUICK: [Step; 4] = [
    ("CAST_SPOT_WORKSPACE", || Ok(cache::root())),
    ("CAST_SPOT_CARGO_LAMBDA", cargo_lambda::program),
    ("CAST_SPOT_MOTO", python::moto),
    ("CAST_SPOT_MINISTACK", python::ministack),
];
/// Takes minutes from nothing, and starts only if nothing is missing.
const SLOW: [Step; 3] = [
    ("CAST_SPOT_TOXIPROXY", go::toxiproxy),
    ("CAST_SPOT_KWOK", go::kwok),
    ("CAST_SPOT_CONTROL_PLANE", go::control_plane),
];
/// For the tier `extended` alone.
const EXTENDED: [Step; 2] =
    [("CAST_SPOT_KARPENTER", go::karpenter), ("CAST_SPOT_KARPENTER_CRDS", go::karpenter_crds)];

/// Sets everything up and returns the variables for the tests. Names all missing tools at once.
pub(crate) fn environment() -> Outcome<Vec<(&'static str, PathBuf)>> {
    let mut variables = Vec::new();
    let mut missing = Vec::new();
    for (name, set_up) in QUICK {
        match set_up() {
            Ok(path) => variables.push((name, path)),
            Err(Failure::Missing(what)) if missing.contains(&what) => {}
            Err(Failure::Missing(what)) => missing.push(what),
            Err(failure) => return Err(failure),
        }
    }
    match go::toolchain() {
        Err(Failure::Missing(what)) => missing.push(what),
        toolchain => drop(toolchain?),
    }
    if !missing.is_empty() {
        return Err(Failure::Missing(missing.join("; ")));
    }
    for (name, set_up) in SLOW {
        variables.push((name, set_up()?));
    }
    variables.push(("CAST_SPOT_CLI", command_line()?));
    Ok(variables)
}

/// What the tier `extended` needs beside [`environment`].
pub(crate) fn extended() -> Outcome<Vec<(&'static str, PathBuf)>> {
    EXTENDED.into_iter().map(|(name, set_up)| Ok((name, set_up()?))).collect()
}

/// Builds the command line.
fn command_line() -> Outcome<PathBuf> {
    let mut cargo = build::cargo("build")?;
    cargo.args(["--workspace", "--bin", "cast-spot"]);
    build::quiet_unless_watched(&mut cargo);
    process::run(&mut cargo)?;
    Ok(cache::target()?.join("debug/cast-spot"))
}

/// The function as it is deployed, and its zip for functions of other settings, which no deployment rewrites.
pub(crate) fn function() -> Outcome {
    eprintln!("building the function for release (from nothing about eight minutes)");
    for format in ["binary", "zip"] {
        cargo_lambda::build(&["--output-format".to_owned(), format.to_owned()])?;
    }
    let folder = cargo_lambda::output("cast-spot-handler");
    let (built, tested) = (folder.join("bootstrap.zip"), folder.join("tested.zip"));
    fs::copy(&built, tested).map_err(|error| Failure::of(built.display(), &error))?;
    ratchet::check_zip(&built)
}
