//! `cargo xtask test`: the tiers, from fast to real. Tests that need a tool or a program are `#[ignore]` in a
//! plain `cargo test`; here it is set up and they run.

use std::{process::Command, time::Instant};

use clap::ValueEnum;

use crate::{
    build, cargo_lambda,
    process::{self, Failure, Outcome, headline},
    setup, suites,
    summary::{self, Row},
};

/// A part of the tests, named by what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tier {
    /// Unit tests alone, the inner loop; `fast` contains them
    Unit,
    /// Unit, world and simulation: cargo alone
    Fast,
    /// The IAM policies proven for all requests by z3; needs Python
    Proof,
    /// The page of `cast-spot savings` in a browser; without Chromium it is skipped
    Page,
    /// The function's binary over real sockets
    Function,
    /// The function under `cargo lambda watch`; needs Python
    Lambda,
    /// The release binary against a real control plane and emulated AWS; needs Python and Go
    Real,
    /// What is long or slow to build, on top of `real`; run it when you touch it
    Extended,
}

/// Runs the named tiers, without a name all but `unit`, which `fast` contains, and `extended`. A failed tier does not hide the next
/// one.
pub(crate) fn run(tiers: &[Tier], allow_missing: bool, filter: &[String]) -> Outcome {
    build::announce_first_build()?;
    let mut outcome = Ok(());
    let mut rows = Vec::new();
    for tier in Tier::value_variants().iter().filter(|tier| tier.is_wanted(tiers)) {
        let started = Instant::now();
        let mut ran = tier.run(filter);
        let took = started.elapsed();
        rows.push(Row::new(tier.name(), took, &ran));
        eprintln!("\nthe tier `{}` took {:.1} minutes", tier.name(), took.as_secs_f64() / 60.0);
        if let Err(Failure::Missing(what)) = ran {
            eprintln!("SKIPPED: the tier `{}`, because something is missing: {what}", tier.name());
            ran = if allow_missing || tier.is_optional() {
                Ok(())
            } else {
                Err(Failure::Missing(format!("{what} (with --allow-missing this is not a failure)")))
            };
        }
        outcome = outcome.and(ran);
    }
    eprint!("\n{}", summary::table(&rows));
    outcome
}

impl Tier {
    fn is_wanted(self, named: &[Self]) -> bool {
        if named.is_empty() { !matches!(self, Self::Unit | Self::Extended) } else { named.contains(&self) }
    }

    /// Whether the tier may be skipped without `--allow-missing`: no package registry of a language has a browser.
    fn is_optional(self) -> bool {
        self == Self::Page
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Fast => "fast",
            Self::Proof => "proof",
            Self::Page => "page",
            Self::Function => "function",
            Self::Lambda => "lambda",
            Self::Real => "real",
            Self::Extended => "extended",
        }
    }

    fn run(self, filter: &[String]) -> Outcome {
        match self {
            Self::Unit => {
                headline("unit: the unit tests of all packages");
                // All packages, as in `fast`: fewer would have other features, and build aws-sdk-ec2 a second time.
                let mut cargo = build::cargo("test")?;
                process::run(
                    cargo.args(["--workspace", "--lib", "--bins", "--no-fail-fast", "--"]).args(filter),
                )
            }
            Self::Fast => {
                headline("unit, world and simulation: cargo alone");
                let mut cargo = build::cargo("test")?;
                process::run(cargo.args(["--workspace", "--no-fail-fast", "--"]).args(filter))
            }
            Self::Proof => {
                headline("proof: what the IAM policies allow, for all requests");
                let z3 = setup::python::program("z3")?;
                let mut cargo = build::cargo("test")?;
                cargo.args(["--workspace", "--test", "policies", "--", "--ignored"]).args(filter);
                process::run(cargo.env("CAST_SPOT_Z3", z3))
            }
            Self::Page => {
                headline("page: the page of `cast-spot savings` in a browser, phone to desk, day and night");
                let browser = setup::browser::program()?;
                let mut cargo = build::cargo("test")?;
                cargo.args(["--workspace", "--test", "page", "--", "--ignored"]).args(filter);
                process::run(cargo.env("CAST_SPOT_BROWSER", browser))
            }
            Self::Function => {
                headline("function: the binary itself over real sockets");
                build::function()?;
                build::world()?;
                process::run(ignored("function")?.args(filter))
            }
            Self::Lambda => {
                headline(
                    "lambda: the function under `cargo lambda watch`, called with `cargo lambda invoke`",
                );
                let program = cargo_lambda::program()?;
                build::function()?;
                process::run(ignored("lambda")?.args(filter).env("CAST_SPOT_CARGO_LAMBDA", program))
            }
            Self::Real => {
                headline("real: the release binary as a Lambda, a real control plane, emulated AWS");
                suites::run(false, filter)
            }
            Self::Extended => {
                headline("extended: the long scenarios of the real parts");
                suites::run(true, filter)
            }
        }
    }
}

/// The ignored tests of one target.
fn ignored(target: &str) -> Outcome<Command> {
    let mut cargo = build::cargo("test")?;
    cargo.args(["--package", "cast-spot-tests", "--test", target, "--", "--ignored"]);
    Ok(cargo)
}
