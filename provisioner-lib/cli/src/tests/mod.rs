//! Runs of commands on a screen and an account in memory.

pub(crate) mod account;

use std::fmt;

use serde_json::Value;
use tokio::runtime::Builder;

use crate::{
    error::CliError,
    session,
    terminal::{Screen, capture},
};

/// The exit code of a command, and what it has written.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
    /// Both as a terminal gets them.
    pub(crate) styled: String,
}

impl Ran {
    /// The exit code and the JSON document on standard output. Of each list only the first element is kept, and no
    /// resources: the rest has the same fields.
    pub(crate) fn outline(&self) -> String {
        let mut document = serde_json::from_str(&self.out).unwrap();
        shorten(&mut document);
        format!("exit code {}\n{document:#}", self.code)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, out, err, .. } = self;
        write!(f, "exit code {code}\n--- standard output\n{out}--- standard error\n{err}")
    }
}

fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.truncate(1);
            items.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match name.as_str() {
            "resource" if value.is_object() => *value = "…".into(),
            _ => shorten(value),
        }),
        _ => {}
    }
}

/// Runs a command. A person answers it if there are answers.
pub(crate) fn run(answers: &str, command: impl AsyncFnOnce(&mut Screen) -> Result<u8, CliError>) -> Ran {
    let (mut screen, out, err) = capture::screen(answers);
    let end = run_in_test(command(&mut screen));
    let code = session::exit_code(end, &mut screen);
    Ran { code, out: out.text(), err: err.text(), styled: out.styled() + &err.styled() }
}

/// Sets a title, and the clipboard; in the second half with the control characters of one byte.
pub(crate) const HOSTILE: &str = "a\u{1b}]0;title\u{7}\u{1b}]52;c;eA==\u{1b}\\\u{9b}2J\u{202e}b";

impl Ran {
    /// Asserts that [`HOSTILE`] is shown, and followed by no terminal.
    pub(crate) fn assert_harmless(&self) {
        let text = &self.styled;
        assert!(text.contains("]0;title"), "it is shown: {text:?}");
        for sequence in ["\u{1b}]", "\u{1b}\\", "\u{7}", "\u{9b}", "\u{202e}"] {
            assert!(!text.contains(sequence), "{sequence:?}: {text:?}");
        }
    }
}

/// Runs `work` to its end.
pub(crate) fn run_in_test<T>(work: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
