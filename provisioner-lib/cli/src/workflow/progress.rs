//! A running plan: one line for each finished step and, on a terminal, one for those that run.

use std::{
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cast_spot_provisioner::{
    apply::{CancelToken, Progress},
    onboard::PlanError,
    plan::Plan,
    report::Report,
    resource::Id,
};
use tokio::{signal::ctrl_c, time::interval};

use crate::{
    error::{self, CliError},
    plan::table::ActionStyle,
    style::{DIM, RED},
    terminal::Screen,
};

const FRAMES: [&str; 8] = ["⣾", "⣽", "⣻", "⢿", "⡿", "⣟", "⣯", "⣷"];
const FRAME: Duration = Duration::from_millis(100);
const STOPPING: &str =
    "Stopping: running steps are finished, no further step starts. Press Ctrl-C again to exit at once.";

/// Does `work`, which applies `plan`, with its steps on the screen. The first Ctrl-C cancels it; after the second, it is
/// abandoned and the result is None. An empty plan is not applied.
pub(super) async fn follow(
    plan: &Plan,
    screen: &mut Screen,
    work: impl AsyncFnOnce(&CancelToken, &mut (dyn FnMut(Progress<'_>) + Send)) -> Result<Report, PlanError>,
) -> Result<Option<Report>, CliError> {
    if plan.is_empty() {
        return Ok(Some(Report::default()));
    }
    screen.eprint("\n");
    let cancel = CancelToken::new();
    let all = plan.writes().count();
    let lines = Mutex::new(Lines { screen, running: Vec::new(), done: 0, all, frame: 0, is_drawn: false });
    let lines = || lines.lock().unwrap_or_else(PoisonError::into_inner);
    let mut show = |progress: Progress<'_>| lines().show(progress);
    let mut work = pin!(work(&cancel, &mut show));
    let mut frames = interval(FRAME);
    loop {
        tokio::select! {
            biased;
            report = &mut work => {
                lines().wipe();
                return Ok(Some(report?));
            }
            Ok(()) = ctrl_c() => {
                if cancel.is_cancelled() {
                    lines().wipe();
                    return Ok(None);
                }
                cancel.cancel();
                lines().line(STOPPING);
            }
            _ = frames.tick() => lines().frame += 1,
        }
        lines().draw();
    }
}

struct Lines<'a> {
    screen: &'a mut Screen,
    running: Vec<Id>,
    done: usize,
    all: usize,
    frame: usize,
    is_drawn: bool,
}

impl Lines<'_> {
    fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Started(step) => self.running.push(step.id.clone()),
            Progress::Done(step) => {
                self.end(&step.id);
                let ActionStyle { sign, style, .. } = ActionStyle::of(&step.action);
                self.line(&format!("{style}{sign:>5}{style:#} {}", step.id));
            }
            Progress::Failed(step, error) => {
                self.end(&step.id);
                self.line(&format!("{RED}    ✗ FAILED{RED:#} {}: {}", step.id, error::of_call(error).error));
            }
        }
        self.draw();
    }

    fn end(&mut self, id: &Id) {
        self.running.retain(|running| running != id);
        self.done += 1;
    }

    fn line(&mut self, text: &str) {
        self.wipe();
        self.screen.eprint(&format!("{text}\n"));
    }

    fn wipe(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            self.screen.clear_line();
        }
    }

    /// The line of running steps. The next one overwrites it.
    fn draw(&mut self) {
        if !self.screen.is_live || self.running.is_empty() {
            return self.wipe();
        }
        let names: Vec<String> = self.running.iter().map(ToString::to_string).collect();
        let text =
            format!("{} {}/{}  {}", FRAMES[self.frame % FRAMES.len()], self.done, self.all, names.join(", "));
        let text: String = text.chars().take(self.screen.width.saturating_sub(1)).collect();
        self.wipe();
        self.screen.eprint(&format!("{DIM}{text}{DIM:#}"));
        self.is_drawn = true;
    }
}
