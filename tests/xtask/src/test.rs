//! `cargo xtask test`: the tiers, from fast to real. Tests that need a tool or a program are `#[ignore]` in a
//! plain `cargo test`; here it is set up and they run.

use std::process::Command;

use crate::{
    build, cargo_lambda,
    process::{self, Failure, Outcome, headline},
};

/// Runs all tiers. A failed tier does not hide the next one.
pub(crate) fn run(allow_missing: bool, filter: &[String]) -> Outcome {
    build::announce_first_build()?;

    headline("unit, world and simulation: cargo alone");
    let mut cargo = build::cargo("test")?;
    let fast = process::run(cargo.args(["--workspace", "--no-fail-fast", "--"]).args(filter));

    headline("function: the binary itself over real sockets");
    let fast = fast.and(function_tier(filter));

    headline("lambda: the function under `cargo lambda watch`, called with `cargo lambda invoke`");
    let lambda = lambda_tier(filter);

    match lambda {
        Err(Failure::Missing(what)) => {
            eprintln!("\nSKIPPED: the tier `lambda`, because something is missing: {what}");
            if allow_missing {
                fast
            } else {
                fast.and(Err(Failure::Missing(format!("{what} (with --allow-missing this is no failure)"))))
            }
        }
        lambda => fast.and(lambda),
    }
}

fn function_tier(filter: &[String]) -> Outcome {
    build::function()?;
    build::world()?;
    process::run(ignored("function")?.args(filter))
}

fn lambda_tier(filter: &[String]) -> Outcome {
    let program = cargo_lambda::program()?;
    build::function()?;
    process::run(ignored("lambda")?.args(filter).env("CAST_SPOT_CARGO_LAMBDA", program))
}

/// The ignored tests of one target.
fn ignored(target: &str) -> Outcome<Command> {
    let mut cargo = build::cargo("test")?;
    cargo.args(["--package", "cast-spot-tests", "--test", target, "--", "--ignored"]);
    Ok(cargo)
}
