//! A running plan, line by line: a step when it is done; on a terminal also those that run.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use cast_spot_provisioner::{
    apply::{Progress, Stop},
    onboard::PlanError,
    plan::Plan,
    report::Report,
    resource::Id,
};
use tokio::time::interval;

use super::outcome;
use crate::{
    plan::table::Look,
    refusal::{self, Refusal},
    terminal::Screen,
};

const FRAMES: [&str; 8] = ["⣾", "⣽", "⣻", "⢿", "⡿", "⣟", "⣯", "⣷"];
const FRAME: Duration = Duration::from_millis(100);
/// Back to the start of the line, and away with what stands there (ECMA-48).
const CLEAR: &str = "\r\u{1b}[2K";

/// Says what happens on a screen.
pub(crate) struct Lines<'a>(Mutex<State<'a>>);

struct State<'a> {
    screen: &'a mut Screen,
    running: Vec<Id>,
    done: usize,
    all: usize,
    frame: usize,
    is_drawn: bool,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended<T> {
    /// By itself.
    Done(T),
    /// Somebody did not want to wait for what was running.
    Abandoned,
}

/// Does `work`, which follows `plan`, with its steps on the screen. A plan with nothing to do is not begun. `looking` is
/// for who does not wait, see [`outcome::abandoned`].
pub(crate) async fn follow_plan(
    plan: &Plan,
    looking: &str,
    screen: &mut Screen,
    work: impl AsyncFnOnce(&Stop, &mut (dyn FnMut(Progress<'_>) + Send)) -> Result<Report, PlanError>,
) -> Result<Ended<Report>, Refusal> {
    if plan.is_empty() {
        return Ok(Ended::Done(Report::default()));
    }
    screen.say("\n");
    let stop = Stop::new();
    let lines = Lines::new(screen, plan.writes().count());
    let mut heard = |progress: Progress<'_>| lines.hear(progress);
    match lines.follow(&stop, work(&stop, &mut heard)).await {
        Ended::Done(report) => Ok(Ended::Done(report?)),
        Ended::Abandoned => {
            outcome::abandoned(screen, looking);
            Ok(Ended::Abandoned)
        }
    }
}

impl<'a> Lines<'a> {
    fn new(screen: &'a mut Screen, all: usize) -> Self {
        Self(Mutex::new(State { screen, running: Vec::new(), done: 0, all, frame: 0, is_drawn: false }))
    }

    /// Hears of a step.
    pub(crate) fn hear(&self, progress: Progress<'_>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::Started(step) => state.running.push(step.id.clone()),
            Progress::Done(step) => {
                state.end(&step.id);
                let Look { sign, style, .. } = Look::of(&step.action);
                state.line(&format!("{style}{sign:>5}{style:#} {}", step.id));
            }
            Progress::Failed(step, error) => {
                const RED: Style = AnsiColor::Red.on_default().bold();
                state.end(&step.id);
                let complaint = refusal::of_call(error);
                state.line(&format!("{RED}    ✗ FAILED{RED:#} {}: {}", step.id, complaint.error));
            }
        }
        state.draw();
    }

    /// Says something of its own.
    pub(crate) fn say(&self, text: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.line(text);
        state.draw();
    }

    fn turn(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.frame += 1;
        state.draw();
    }

    fn finish(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).wipe();
    }

    /// Lets `work` run to its end. The first Ctrl-C says `stop`, the second leaves it.
    pub(crate) async fn follow<T>(&self, stop: &Stop, work: impl Future<Output = T>) -> Ended<T> {
        let mut work = std::pin::pin!(work);
        let mut frames = interval(FRAME);
        loop {
            tokio::select! {
                biased;
                result = &mut work => {
                    self.finish();
                    return Ended::Done(result);
                }
                Ok(()) = tokio::signal::ctrl_c() => {
                    if stop.is_said() {
                        self.finish();
                        return Ended::Abandoned;
                    }
                    stop.say();
                    self.say("Stopping: what runs is finished, nothing more is begun. Ctrl-C again ends at once.");
                }
                _ = frames.tick() => self.turn(),
            }
        }
    }
}

impl State<'_> {
    fn end(&mut self, id: &Id) {
        self.running.retain(|running| running != id);
        self.done += 1;
    }

    fn line(&mut self, text: &str) {
        self.wipe();
        self.screen.say(&format!("{text}\n"));
    }

    fn wipe(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            self.screen.say(CLEAR);
        }
    }

    /// The line that is written over.
    fn draw(&mut self) {
        const DIM: Style = Style::new().dimmed();
        if !self.screen.is_live || self.running.is_empty() {
            return self.wipe();
        }
        let names: Vec<String> = self.running.iter().map(ToString::to_string).collect();
        let text =
            format!("{} {}/{}  {}", FRAMES[self.frame % FRAMES.len()], self.done, self.all, names.join(", "));
        let text: String = text.chars().take(self.screen.width.saturating_sub(1)).collect();
        let clear = if self.is_drawn { CLEAR } else { "" };
        self.screen.say(&format!("{clear}{DIM}{text}{DIM:#}"));
        self.is_drawn = true;
    }
}
