//! Styles of text. A stream that is not a terminal removes them.

use anstyle::{AnsiColor, Style};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// The text in the colour of success.
pub(crate) fn green(text: &str) -> String {
    const GREEN: Style = AnsiColor::Green.on_default().bold();
    format!("{GREEN}{text}{GREEN:#}")
}
