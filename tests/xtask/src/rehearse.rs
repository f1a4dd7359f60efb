//! `cargo rehearse`: builds the CLI in the shared folder, then becomes it.

use std::process::Command;

use crate::{
    build, cache,
    process::{self, Outcome},
};

/// Builds and runs `cast-spot rehearse ARGS`; its exit code is ours.
pub(crate) fn run(args: &[String]) -> Outcome {
    build::announce_first_build()?;
    let mut cargo = build::cargo("build")?;
    build::quiet_unless_watched(&mut cargo);
    process::run(cargo.args(["--package", "cast-spot"]))?;
    // In the caller's own folder: `--event FILE` is relative to it.
    let binary = cache::target()?.join("debug/cast-spot");
    process::run(Command::new(binary).arg("rehearse").args(args))
}
