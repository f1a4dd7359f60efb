//! Scenarios over one stack, run by libtest's rules (filters, `--list`, `--nocapture`). The stack starts with the
//! first scenario and ends with the last; its logs stay when one fails.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, anyhow};
use futures_util::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::{runtime::Runtime, sync::OnceCell, time::timeout};

use crate::{process, stack::Stack, tools::Tools};

/// Time limit of one scenario: a notice's two minutes, set-up and checks.
const LIMIT: Duration = Duration::from_mins(5);

/// One scenario.
pub type Scenario = for<'s> fn(&'s Stack) -> LocalBoxFuture<'s, Result<()>>;

/// Names scenarios for [`run`]: `scenarios![module::function, ..]`, each an `async fn(&Stack) -> Result<()>`.
#[macro_export]
macro_rules! scenarios {
    ($($($path:ident)::+),* $(,)?) => {
        &[$(($crate::suite::last(stringify!($($path)::+)), |stack| Box::pin($($path)::+(stack)))),*]
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
}

/// Runs scenarios, `threads` at a time unless the command line says otherwise. If the programs are missing,
/// all are ignored: plain `cargo test` does not need them.
#[must_use]
pub fn run(suite: &'static str, threads: usize, scenarios: &[(&'static str, Scenario)]) -> ExitCode {
    run_on(Stage::Onboarded, suite, threads, scenarios)
}

/// [`run`] over a cluster that is not onboarded. One scenario at a time: they share the account.
#[must_use]
pub fn run_bare(suite: &'static str, scenarios: &[(&'static str, Scenario)]) -> ExitCode {
    run_on(Stage::Bare, suite, 1, scenarios)
}

#[expect(clippy::print_stderr, reason = "a test runner talks to its terminal")]
fn run_on(
    stage: Stage,
    suite: &'static str,
    threads: usize,
    scenarios: &[(&'static str, Scenario)],
) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(threads);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let shared = Arc::new(Shared { suite, stage, runtime, stack: OnceCell::new() });
    let ready = Tools::from_environment().is_ok();
    let trials = scenarios.iter().map(|&(name, scenario)| {
        let shared = Arc::clone(&shared);
        Trial::test(name, move || shared.play(scenario)).with_ignored_flag(!ready)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if conclusion.has_failed()
        && let Ok(folder) = shared.folder()
    {
        eprintln!("the logs of all parts are in {}", folder.display());
    }
    // The stack ends with its last reference.
    drop(shared);
    conclusion.exit_code()
}

impl Shared {
    fn folder(&self) -> Result<std::path::PathBuf> {
        Ok(Tools::from_environment()?.workspace.join("target/real").join(self.suite))
    }

    fn play(&self, scenario: Scenario) -> Result<(), Failed> {
        self.runtime
            .block_on(async {
                let stack =
                    self.stack.get_or_init(|| async { self.start().await.map_err(|e| format!("{e:?}")) });
                let stack = stack.await.as_ref().map_err(|error| anyhow!("{error}"))?;
                timeout(LIMIT, scenario(stack))
                    .await
                    .map_err(|_| anyhow!("not finished after {LIMIT:?}"))??;
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
