//! Where text goes: standard output and standard error, with colours only where somebody sees them.

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use terminal_size::{Width, terminal_size_of};

/// Width of a terminal that does not tell.
const USUAL_WIDTH: usize = 80;

/// Columns of the terminal behind standard output.
pub(crate) fn width() -> usize {
    terminal_size_of(io::stdout()).map_or(USUAL_WIDTH, |(Width(columns), _)| usize::from(columns))
}

/// Writes to standard output. A reader that went away (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Something that is wrong, and what to do instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) error: String,
    /// Empty where nobody knows.
    pub(crate) hint: String,
}

impl Complaint {
    pub(crate) fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into() }
    }
}

/// Writes `error:` lines to standard error, and below them a `hint:` line; one for all errors that share it.
pub(crate) fn complain(complaints: &[Complaint]) {
    const ERROR: Style = AnsiColor::Red.on_default().bold();
    const HINT: Style = AnsiColor::Yellow.on_default().bold();
    let mut text = String::new();
    for alike in complaints.chunk_by(|one, next| one.hint == next.hint) {
        for complaint in alike {
            text.push_str(&format_line("error:", ERROR, &complaint.error));
        }
        if !alike[0].hint.is_empty() {
            text.push_str(&format_line("hint:", HINT, &alike[0].hint));
        }
    }
    // Nowhere is left to say that this cannot be written.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

fn format_line(word: &str, style: Style, text: &str) -> String {
    format!("{style}{word}{style:#} {text}\n")
}

/// What a command says and hears. Results go to standard output, all else to standard error.
pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    /// Columns of a line.
    pub(crate) width: usize,
    /// Whether somebody reads questions and answers them.
    pub(crate) has_person: bool,
    /// Whether a line can be written over.
    pub(crate) is_live: bool,
}

impl Screen {
    /// The terminal, or what stands in its place.
    pub(crate) fn standard() -> Self {
        Self {
            out: Box::new(anstream::stdout()),
            err: Box::new(anstream::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            width: width(),
            has_person: io::stdin().is_terminal() && io::stderr().is_terminal(),
            is_live: io::stderr().is_terminal() && has_escapes(),
        }
    }

    /// Writes a result. A reader that went away is no error.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Says something besides. Nowhere is left to say that it cannot be said.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }

    /// Says what is done at the moment, on a line that the next one takes the place of; nothing at last. Only where
    /// somebody looks.
    pub(crate) fn progress(&mut self, text: &str) {
        // Back to the start of the line, and away with what stands there (ECMA-48).
        const CLEAR: &str = "\r\u{1b}[2K";
        if self.is_live {
            self.say(&format!("{CLEAR}{text}"));
        }
    }

    /// Asks, and hears one line.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<String> {
        self.say(question);
        let mut answer = String::new();
        if self.input.read_line(&mut answer)? == 0 {
            self.say("\n");
        }
        Ok(answer.trim().to_owned())
    }
}

/// Whether escape sequences reach standard error: `NO_COLOR` and `TERM=dumb` take them out.
fn has_escapes() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

#[cfg(test)]
pub(crate) mod recorded {
    //! A screen that tests read.

    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        /// All of it, without colours.
        pub(crate) fn text(&self) -> String {
            let bytes = self.0.lock().unwrap().clone();
            anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A screen, what it writes as a result, and what it says. Somebody is there if there are answers.
    pub(crate) fn screen(answers: &str) -> (Screen, Paper, Paper) {
        let (out, err) = (Paper::default(), Paper::default());
        let screen = Screen {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(io::Cursor::new(answers.to_owned())),
            width: 100,
            has_person: !answers.is_empty(),
            is_live: false,
        };
        (screen, out, err)
    }
}
