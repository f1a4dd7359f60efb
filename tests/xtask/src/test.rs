//! `cargo xtask test`: the tiers, from fast to real. Tests that need a tool are `#[ignore]` in a plain
//! `cargo test`; here the tool is set up and they run.

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

fn lambda_tier(filter: &[String]) -> Outcome {
    let program = cargo_lambda::program()?;
    // Without `--package`, as `cargo lambda watch` builds it: that way tokio has the same features as
    // in the tests, and aws-sdk-ec2 is not built a second time.
    process::run(build::cargo("build")?.args(["--bin", "cast-spot-handler"]))?;
    let mut cargo = build::cargo("test")?;
    cargo
        .args(["--package", "cast-spot-tests", "--test", "lambda", "--", "--ignored"])
        .args(filter)
        .env("CAST_SPOT_CARGO_LAMBDA", program);
    process::run(&mut cargo)
}
