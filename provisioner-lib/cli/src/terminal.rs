//! Where text goes: standard output and standard error, with colours only where somebody sees them.

use std::io::{self, ErrorKind, Write};

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
#[derive(Debug)]
pub(crate) struct Complaint {
    pub(crate) error: String,
    pub(crate) hint: String,
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
        text.push_str(&format_line("hint:", HINT, &alike[0].hint));
    }
    // Nowhere is left to say that this cannot be written.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

fn format_line(word: &str, style: Style, text: &str) -> String {
    format!("{style}{word}{style:#} {text}\n")
}
