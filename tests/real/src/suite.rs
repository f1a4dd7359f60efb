//! Scenarios over one stack, run by libtest's rules (filters, `--list`, `--nocapture`). The stack starts with the
//! first scenario and ends with the last; its logs stay when one fails.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Result, anyhow};
use futures_util::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::{
    runtime::Runtime,
    sync::OnceCell,
    time::{Instant, timeout},
};

use crate::{process, stack::Stack, tools::Tools};

/// Time limit of one scenario: a notice's two minutes, set-up and checks.
const LIMIT: Duration = Duration::from_mins(5);
/// Of one in the lane `extended`: the longest onboards a cluster for each action of the administrator.
const LONG_LIMIT: Duration = Duration::from_mins(20);

/// Lists the slowest scenarios that took at least this long.
const SLOW: Duration = Duration::from_secs(10);
/// `extended`: only the scenarios of the tier `extended` run, otherwise all others.
const LANE: &str = "CAST_SPOT_LANE";

/// A scenario's function.
pub type Play = for<'s> fn(&'s Stack) -> LocalBoxFuture<'s, Result<()>>;

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Name of the function.
    pub name: &'static str,
    /// The function.
    pub play: Play,
    /// Whether the scenario belongs to the tier `extended`.
    pub extended: bool,
}

/// Names scenarios for [`run`]: `scenarios![module::function, #[extended] module::function, ..]`, each an
/// `async fn(&Stack) -> Result<()>`.
#[macro_export]
macro_rules! scenarios {
    ($($(#[$lane:ident])? $($path:ident)::+),* $(,)?) => {
        &[$($crate::suite::Scenario {
            name: $crate::suite::last(stringify!($($path)::+)),
            play: |stack| Box::pin($($path)::+(stack)),
            extended: !stringify!($($lane)?).is_empty(),
        }),*]
    };
}

/// State of the stack when the first scenario begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A cluster, and nothing of cast-spot.
    Bare,
    /// The cluster is onboarded.
    Onboarded,
}

struct Shared {
    suite: &'static str,
    stage: Stage,
    runtime: Runtime,
    stack: OnceCell<Result<Stack, String>>,
    times: Mutex<Vec<(Duration, &'static str)>>,
}

/// Runs scenarios, `threads` at a time unless the command line says otherwise. If the programs are missing,
/// all are ignored: plain `cargo test` does not need them.
#[must_use]
pub fn run(suite: &'static str, threads: usize, scenarios: &[Scenario]) -> ExitCode {
    run_on(Stage::Onboarded, suite, threads, scenarios)
}

/// [`run`] over a cluster that is not onboarded. One scenario at a time: they share the account.
#[must_use]
pub fn run_bare(suite: &'static str, scenarios: &[Scenario]) -> ExitCode {
    run_on(Stage::Bare, suite, 1, scenarios)
}

#[expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test runner talks to its terminal and reads its environment"
)]
fn run_on(stage: Stage, suite: &'static str, threads: usize, scenarios: &[Scenario]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(threads);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let shared = Arc::new(Shared { suite, stage, runtime, stack: OnceCell::new(), times: Mutex::default() });
    let ready = Tools::from_environment().is_ok();
    let extended = std::env::var_os(LANE).is_some_and(|lane| lane == "extended");
    let trials = scenarios.iter().filter(|scenario| scenario.extended == extended).map(|&scenario| {
        let shared = Arc::clone(&shared);
        Trial::test(scenario.name, move || shared.play(scenario)).with_ignored_flag(!ready)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if conclusion.has_failed()
        && let Ok(folder) = shared.folder()
    {
        eprintln!("the logs of all parts are in {}", folder.display());
    }
    for (took, name) in shared.slowest() {
        eprintln!("{suite}: {:>4} s {name}", took.as_secs());
    }
    // The stack ends with its last reference.
    drop(shared);
    conclusion.exit_code()
}

impl Shared {
    fn folder(&self) -> Result<std::path::PathBuf> {
        Ok(Tools::from_environment()?.workspace.join("target/real").join(self.suite))
    }

    /// The scenarios that took longest, the slowest first.
    fn slowest(&self) -> Vec<(Duration, &'static str)> {
        let mut times = self.times.lock().map(|times| times.clone()).unwrap_or_default();
        times.retain(|(took, _)| *took >= SLOW);
        times.sort_unstable();
        times.into_iter().rev().take(5).collect()
    }

    fn play(&self, scenario: Scenario) -> Result<(), Failed> {
        self.runtime
            .block_on(async {
                let stack =
                    self.stack.get_or_init(|| async { self.start().await.map_err(|e| format!("{e:?}")) });
                let stack = stack.await.as_ref().map_err(|error| anyhow!("{error}"))?;
                let started = Instant::now();
                let limit = if scenario.extended { LONG_LIMIT } else { LIMIT };
                let ended = timeout(limit, (scenario.play)(stack)).await;
                if let Ok(mut times) = self.times.lock() {
                    times.push((started.elapsed(), scenario.name));
                }
                ended.map_err(|_| anyhow!("not finished after {limit:?}"))??;
                Ok::<_, anyhow::Error>(())
            })
            .map_err(|error| Failed::from(format!("{error:?}")))
    }

    #[expect(clippy::print_stderr, reason = "an interrupted run leaves no program behind")]
    async fn start(&self) -> Result<Stack> {
        let folder = self.folder()?;
        let interrupted = folder.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                let _ = process::stop_left_running(&interrupted);
                std::process::exit(130);
            }
        });
        let progress = |step: &str| eprintln!("{}: {step}", self.suite);
        match self.stage {
            Stage::Bare => Stack::bare(Tools::from_environment()?, &folder, progress).await,
            Stage::Onboarded => Stack::start(Tools::from_environment()?, &folder, progress).await,
        }
    }
}

/// The function's name without its module.
#[must_use]
pub fn last(path: &'static str) -> &'static str {
    path.rsplit(|c: char| c == ':' || c.is_whitespace()).next().unwrap_or(path)
}
