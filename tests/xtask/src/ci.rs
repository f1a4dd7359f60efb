//! `cargo xtask lint` and `cargo xtask ci`: what must hold before a change goes in.

use std::process::Command;

use crate::{
    build, cache,
    process::{self, Failure, Outcome, ask, headline},
    ratchet,
    setup::python,
    test,
};

/// Checks that run no test. Cheapest first; the first failure ends it.
pub(crate) fn lint() -> Outcome {
    headline("formatting");
    process::run(build::cargo("fmt")?.args(["--all", "--check"]))?;

    headline("lengths");
    ratchet::check_lines()?;

    headline("spelling");
    match python::typos() {
        Ok(typos) => process::run(Command::new(typos).arg("--format=brief").current_dir(cache::root()))?,
        Err(Failure::Missing(what)) => eprintln!("skipped: {what}"),
        Err(failure) => return Err(failure),
    }

    headline("lints");
    process::run(build::cargo("clippy")?.args(["--workspace", "--all-targets", "--", "-D", "warnings"]))?;

    headline("documentation");
    process::run(build::cargo("doc")?.args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;

    headline("licences and sources of dependencies");
    if ask(build::cargo("deny")?.arg("--version")).is_some() {
        // Without advisories: a new one must not stop an unrelated change.
        process::run(build::cargo("deny")?.args(["check", "bans", "licenses", "sources"]))?;
    } else {
        eprintln!("skipped: cargo-deny is not installed (cargo install --locked cargo-deny)");
    }
    Ok(())
}

/// The checks of [`lint`], then all tests.
pub(crate) fn run(allow_missing: bool) -> Outcome {
    lint()?;
    test::run(&[], allow_missing, &[])
}
