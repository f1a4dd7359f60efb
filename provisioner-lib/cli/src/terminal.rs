//! Standard output and standard error, with colours only on a terminal. Everything that a command writes goes through
//! here, so nothing reaches a terminal that others could control it with.

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};

use terminal_size::{Width, terminal_size_of};

use crate::{
    escapes::harmless,
    style::{RED, YELLOW},
};

/// Columns, if standard output is not a terminal.
const DEFAULT_WIDTH: usize = 80;
/// Clears the line that the cursor is on (ECMA-48).
const CLEAR_LINE: &str = "\r\u{1b}[2K";

/// Something that is wrong, and what to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub(crate) error: String,
    /// Empty if unknown.
    pub(crate) hint: String,
}

impl Diagnostic {
    pub(crate) fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        // A line of others must not look like one of ours.
        let indented = |text: String| text.trim_end().replace('\n', "\n  ");
        Self { error: indented(error.into()), hint: indented(hint.into()) }
    }
}

/// The streams of a command. Results go to standard output, all else to standard error.
pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    /// Columns of a line.
    pub(crate) width: usize,
    /// Whether a person can answer questions.
    pub(crate) is_interactive: bool,
    /// Whether standard output is a terminal.
    pub(crate) is_shown: bool,
    /// Whether a line can be overwritten.
    pub(crate) is_live: bool,
}

impl Screen {
    /// The streams of this process.
    pub(crate) fn standard() -> Self {
        // `NO_COLOR` and `TERM=dumb` remove escape sequences.
        let has_escapes = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let columns = |(Width(columns), _)| usize::from(columns);
        Self {
            out: Box::new(anstream::stdout()),
            err: Box::new(anstream::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            width: terminal_size_of(io::stdout()).map_or(DEFAULT_WIDTH, columns),
            is_shown: io::stdout().is_terminal(),
            is_interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            is_live: io::stderr().is_terminal() && has_escapes,
        }
    }

    /// Writes a result. A closed pipe (`| head`) is not an error.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        self.write(&harmless(text))
    }

    /// Writes a document for programs, which is changed for a terminal alone.
    pub(crate) fn print_document(&mut self, text: &str) -> io::Result<()> {
        if self.is_shown { self.print(text) } else { self.write(text) }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Writes to standard error.
    pub(crate) fn eprint(&mut self, text: &str) {
        self.write_error(&harmless(text));
    }

    /// There is no other place to report that this fails.
    fn write_error(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }

    /// Writes `error:` lines to standard error. Adjacent errors with the same hint share one `hint:` line.
    pub(crate) fn warn(&mut self, diagnostics: &[Diagnostic]) {
        for alike in diagnostics.chunk_by(|one, next| one.hint == next.hint) {
            for diagnostic in alike {
                self.eprint(&format!("{RED}error:{RED:#} {}\n", diagnostic.error));
            }
            if !alike[0].hint.is_empty() {
                self.eprint(&format!("{YELLOW}hint:{YELLOW:#} {}\n", alike[0].hint));
            }
        }
    }

    /// Shows the current activity, on a terminal only. The next call overwrites it; an empty text removes it.
    pub(crate) fn progress(&mut self, text: &str) {
        if self.is_live {
            self.clear_line();
            self.eprint(text);
        }
    }

    /// Removes what is on the current line of a terminal.
    pub(crate) fn clear_line(&mut self) {
        self.write_error(CLEAR_LINE);
    }

    /// Asks a question and reads one line.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<String> {
        self.eprint(question);
        let mut answer = String::new();
        if self.input.read_line(&mut answer)? == 0 {
            self.eprint("\n");
        }
        Ok(answer.trim().to_owned())
    }
}

#[cfg(test)]
pub(crate) mod capture {
    //! A screen that tests read.

    use std::sync::{Arc, Mutex};

    use super::*;

    /// Everything that was written.
    #[derive(Clone, Default)]
    pub(crate) struct Capture(Arc<Mutex<Vec<u8>>>);

    impl Capture {
        /// The text without colours.
        pub(crate) fn text(&self) -> String {
            anstream::adapter::strip_str(&self.styled()).to_string()
        }

        /// The text as a terminal gets it.
        pub(crate) fn styled(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Capture {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A screen, its standard output and its standard error. It is interactive if there are answers.
    pub(crate) fn screen(answers: &str) -> (Screen, Capture, Capture) {
        let (out, err) = (Capture::default(), Capture::default());
        let screen = Screen {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(io::Cursor::new(answers.to_owned())),
            width: 100,
            is_shown: true,
            is_interactive: !answers.is_empty(),
            is_live: false,
        };
        (screen, out, err)
    }
}
