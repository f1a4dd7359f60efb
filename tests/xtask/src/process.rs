//! Running other programs, and how they fail.

use std::{ffi::OsStr, fmt, io, process::Command};

/// Why a task could not be finished.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A program ended with an error; its own output has the reason.
    Exited { program: String, code: u8 },
    /// A tool is missing: its name, and what to do about it.
    Missing(String),
    /// Anything else, as a sentence.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { program, code } => write!(f, "{program} ended with exit code {code}"),
            Self::Missing(what) => write!(f, "missing: {what}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl Failure {
    /// A failed step, with its cause.
    pub(crate) fn of(step: impl fmt::Display, error: &io::Error) -> Self {
        Self::Other(format!("{step}: {error}"))
    }
}

/// The result of a task.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Runs `command` in the foreground, with this terminal.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let program = name(command);
    let status = command.status().map_err(|error| Failure::of(format!("cannot run {program}"), &error))?;
    if status.success() {
        return Ok(());
    }
    // No code means that a signal ended it.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure::Exited { program, code })
}

/// Runs `command` without output of its own and returns what it wrote to stdout; `None` if it does
/// not exist or fails.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn name(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str())];
    // `cargo test`, not just `cargo`.
    words.extend(command.get_args().next());
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

/// A headline between the parts of a long output.
pub(crate) fn headline(text: impl fmt::Display) {
    eprintln!("\n=== {text}");
}
