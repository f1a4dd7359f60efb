//! Tasks of the workspace: `cargo xtask test | env | ci | bench | simulate | dist | up | down`, and the aliases
//! `cargo rehearse`, `cargo build-lambda` and `cargo deploy-lambda`.
//!
//! Few dependencies on purpose: this crate is built before anything else, in the clone's own `target/`.
//! Everything that it starts builds in one shared folder, see [`cache`].

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to its terminal, reads its environment and measures real time"
)]

mod archive;
mod bench;
mod build;
mod cache;
mod cargo_lambda;
mod ci;
mod deny;
mod dist;
mod place;
mod playground;
mod process;
mod ratchet;
mod rehearse;
mod setup;
mod simulate;
mod suites;
mod summary;
mod templates;
mod test;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    bench::{Part, Profile},
    process::Failure,
    test::Tier,
};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Tasks of the cast-spot workspace",
    after_help = "\
Examples:
  cargo xtask test                    all tiers; what is missing on the way is set up
  cargo xtask test -- drain           only tests whose name contains `drain`
  cargo xtask simulate --seeds 2000   random storms, all laws checked after each
  cargo xtask up                      the real parts, left running to play with
  cargo xtask bench --json bench.json what the release function costs, and how fast it drains

Builds and tools are kept in $CAST_SPOT_CACHE, by default the cache folder of the user
(~/.cache/cast-spot, on macOS ~/Library/Caches/cast-spot). CARGO_TARGET_DIR moves the builds alone."
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run all tests, from fast to real
    #[command(after_help = "\
Examples:
  cargo xtask test
  cargo xtask test --tier unit        the inner loop
  cargo xtask test --tier real
  cargo xtask test --allow-missing    skip what needs a tool that is not there, and do not fail for it
  cargo xtask test -- replacement")]
    Test {
        /// Run only this tier; can be given several times
        #[arg(long, value_enum)]
        tier: Vec<Tier>,
        /// Do not fail when a tool is missing and the tests that need it were skipped
        #[arg(long)]
        allow_missing: bool,
        /// Arguments for the test binaries: a filter first of all
        #[arg(last = true)]
        filter: Vec<String>,
    },
    /// Print the environment in which plain `cargo` shares the builds of `cargo xtask`
    #[command(after_help = "\
Examples:
  eval \"$(cargo xtask env)\"
  cargo test --workspace --lib        all packages: fewer would have other features, and build again

With several clones, run it again after another one has built.")]
    Env,
    /// Formatting, lints, spelling, lengths, documentation, dependencies, templates
    #[command(after_help = "Example:\n  cargo xtask lint")]
    Lint,
    /// Lower the limits of `tests/ratchet.json` to the lengths of now
    #[command(after_help = "Example:\n  cargo xtask ratchet")]
    Ratchet,
    /// What `lint` does, then all tests
    #[command(after_help = "Example:\n  cargo xtask ci")]
    Ci {
        /// Do not fail when a tool is missing and the tests that need it were skipped
        #[arg(long)]
        allow_missing: bool,
    },
    /// Build what a release has into `target/dist`: the function's zip, bills of materials, checksums
    #[command(after_help = "\
Examples:
  cargo xtask dist
  cargo xtask dist --arm64
  cargo xtask dist --verify           build the function twice in different folders, from nothing, and compare")]
    Dist {
        /// Build the function twice, in different folders and from nothing; fail if the zips differ
        #[arg(long)]
        verify: bool,
        /// Build for Graviton, not for x86-64
        #[arg(long)]
        arm64: bool,
    },
    /// Write the lists of Python packages again, with hashes, from `tests/xtask/requirements/*.in`
    #[command(after_help = "\
Examples:
  cargo xtask pin                     after a change of an .in file
  cargo xtask pin --upgrade           the newest versions of what the packages need")]
    Pin {
        /// Arguments of `uv pip compile`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure the function: bytes, start-up, memory, drains on a real control plane; fail when a limit is exceeded
    #[command(after_help = "\
Examples:
  cargo xtask bench                   builds for release first, which takes long
  cargo xtask bench --json bench.json
  cargo xtask bench --only function   without the real control plane, which needs Go and Python
  cargo xtask bench --only function --profile dev
                                      for trying out the measurement; the limits will not hold")]
    Bench {
        /// Measure only this part
        #[arg(long, value_enum)]
        only: Option<Part>,
        /// Build to measure alone; the control plane always gets the release build
        #[arg(long, value_enum, default_value_t = Profile::Release)]
        profile: Profile,
        /// Write the figures to this file, too
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Run random storms over the embedded world and check every law after each
    #[command(after_help = "\
Examples:
  cargo xtask simulate --seeds 2000
  cargo xtask simulate --seeds 1 --from 1337    replay one seed")]
    Simulate {
        /// Number of seeds
        #[arg(long)]
        seeds: u64,
        /// First seed
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Start the real parts with a demo in them, leave them running, and print the environment to use them
    #[command(after_help = "\
Examples:
  cargo xtask up
  . target/real/playground/env && kubectl get pods -n shop -o wide -w
  cargo xtask up --fresh              ends what runs, and starts again with the current code
  cargo xtask up --bare               a cluster that is not onboarded: docs/onboarding.md

What to do then: docs/playground.md. Needs Go 1.26 or newer and Python 3.11 or newer.")]
    Up {
        /// Start again, even if it is running
        #[arg(long)]
        fresh: bool,
        /// Without cast-spot, to onboard it by hand
        #[arg(long)]
        bare: bool,
    },
    /// End what `up` has started
    #[command(after_help = "Example:\n  cargo xtask down")]
    Down,
    /// Build the CLI and rehearse (`cargo rehearse`)
    #[command(disable_help_flag = true, after_help = "See `cargo rehearse --help`.")]
    Rehearse {
        /// Arguments of `cast-spot rehearse`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build the function with cargo-lambda (`cargo build-lambda`)
    #[command(after_help = "\
Examples:
  cargo build-lambda --arm64                        for AWS
  cargo build-lambda --output-format zip            for the architecture of this machine
  cargo build-lambda -- --help                      all options of `cargo lambda build`")]
    BuildLambda {
        /// Arguments of `cargo lambda build`, added to `--release --package cast-spot-handler`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Deploy the function with cargo-lambda (`cargo deploy-lambda`)
    #[command(after_help = "\
Examples:
  cargo deploy-lambda --role ROLE_ARN --env-var CAST_SPOT_CLUSTERS=prod
  cargo deploy-lambda --dry                         show what would be deployed
  cargo deploy-lambda -- --help                     all options of `cargo lambda deploy`")]
    DeployLambda {
        /// Arguments of `cargo lambda deploy`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test { tier, allow_missing, filter } => test::run(&tier, allow_missing, &filter),
        Task::Env => build::environment(),
        Task::Lint => ci::lint(),
        Task::Ratchet => ratchet::lower(),
        Task::Ci { allow_missing } => ci::run(allow_missing),
        Task::Dist { verify, arm64 } => dist::run(verify, arm64),
        Task::Pin { args } => setup::python::pin(&args),
        Task::Bench { only, profile, json } => bench::run(only, profile, json.as_deref()),
        Task::Simulate { seeds, from } => simulate::run(seeds, from),
        Task::Up { fresh, bare } => playground::up(fresh, bare),
        Task::Down => playground::down(),
        Task::Rehearse { args } => rehearse::run(&args),
        Task::BuildLambda { args } => cargo_lambda::build(&args),
        Task::DeployLambda { args } => cargo_lambda::deploy(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The program has already reported the fault.
        Err(Failure::Exited { code, .. }) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
