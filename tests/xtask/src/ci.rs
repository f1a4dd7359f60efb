//! `cargo xtask lint` and `cargo xtask ci`: what must hold before a change goes in.

use std::process::Command;

use crate::{
    build, cache, deny,
    process::{self, Failure, Outcome, ask, headline},
    ratchet,
    setup::python,
    templates, test,
};

/// Checks that run no test. Cheapest first; the first failure ends it.
pub(crate) fn lint() -> Outcome {
    headline("formatting");
    process::run(build::tool("fmt")?.args(["--all", "--check"]))?;

    headline("lengths");
    ratchet::check_lines()?;

    headline("spelling");
    match python::program("typos") {
        Ok(typos) => process::run(Command::new(typos).arg("--format=brief").current_dir(cache::root()))?,
        Err(Failure::Missing(what)) => eprintln!("skipped: {what}"),
        Err(failure) => return Err(failure),
    }

    headline("lints");
    process::run(build::cargo("clippy")?.args(["--workspace", "--all-targets", "--", "-D", "warnings"]))?;

    headline("documentation");
    process::run(build::cargo("doc")?.args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;

    deny::check()?;
    templates::check()?;
    public_api()
}

/// The crates that others link.
const LIBRARIES: [&str; 4] =
    ["cast-spot-infra", "cast-spot-cloud", "cast-spot-savings", "cast-spot-provisioner"];

/// Compares the public API of the libraries with that of the last release.
fn public_api() -> Outcome {
    headline("public API of the libraries");
    let mut tags = Command::new("git");
    tags.current_dir(cache::root()).args(["describe", "--tags", "--abbrev=0", "--match", "v*"]);
    let Some(release) = ask(&mut tags) else {
        eprintln!("skipped: there is no release to compare with");
        return Ok(());
    };
    if ask(build::tool("semver-checks")?.arg("--version")).is_none() {
        eprintln!(
            "skipped: cargo-semver-checks is not installed (cargo install --locked cargo-semver-checks)"
        );
        return Ok(());
    }
    let libraries = LIBRARIES.iter().flat_map(|library| ["--package", library]);
    process::run(build::tool("semver-checks")?.args(libraries).args(["--baseline-rev", &release]))
}

/// The checks of [`lint`], then all tests.
pub(crate) fn run(allow_missing: bool) -> Outcome {
    lint()?;
    test::run(&[], allow_missing, &[])
}
