//! The one gate between text and the terminal: of invisible characters only line feeds and the styles of this program
//! pass. A name of others can at most have a colour, and that ends with its line.

use cast_spot_provisioner::invisible::{STAND_IN, is_invisible};

/// Begins a sequence that sets a style ("Select Graphic Rendition" in ECMA-48).
const START: &str = "\u{1b}[";
const RESET: &str = "\u{1b}[0m";
/// Bold, dimmed, underlined, and the colours of text: none hides it.
const STYLES: [&str; 10] = ["0", "1", "2", "4", "31", "32", "33", "34", "35", "36"];

/// The text for a terminal.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut rest, mut is_styled) = (text, false);
    while let Some(c) = rest.chars().next() {
        let style = style(rest);
        let taken = style.map_or(c.len_utf8(), str::len);
        match (style, c) {
            (Some(style), _) => {
                is_styled = style != RESET;
                shown.push_str(style);
            }
            (None, '\n') => {
                if std::mem::take(&mut is_styled) {
                    shown.push_str(RESET);
                }
                shown.push('\n');
            }
            (None, c) => shown.push(if is_invisible(c) { STAND_IN } else { c }),
        }
        rest = &rest[taken..];
    }
    if is_styled {
        shown.push_str(RESET);
    }
    shown
}

/// The style that `text` begins with.
fn style(text: &str) -> Option<&str> {
    let (codes, _) = text.strip_prefix(START)?.split_once('m')?;
    codes.split(';').all(|code| STYLES.contains(&code)).then(|| &text[..=START.len() + codes.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::{BOLD, RED, green};

    #[test]
    fn our_styles_pass_and_foreign_sequences_do_not() {
        let ours = format!("{BOLD}a{BOLD:#} {RED}b{RED:#} {}\n", green("✓"));
        assert_eq!(harmless(&ours), ours);
        for (foreign, shown) in [
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{1b}]52;c;eA==\u{1b}\\", "\u{fffd}]52;c;eA==\u{fffd}\\"),
            ("\u{1b}[2J\u{1b}[8mhidden", "\u{fffd}[2J\u{fffd}[8mhidden"),
            ("\u{1b}[38;5;0m\u{1b}[m\u{1b}", "\u{fffd}[38;5;0m\u{fffd}[m\u{fffd}"),
            ("\u{9b}1m a\rb\tc", "\u{fffd}1m a\u{fffd}b\u{fffd}c"),
            ("\u{202e}gnp\u{2069}", "\u{fffd}gnp\u{fffd}"),
        ] {
            assert_eq!(harmless(foreign), shown);
        }
    }

    #[test]
    fn a_foreign_colour_ends_with_its_line() {
        assert_eq!(harmless("\u{1b}[32mok\nnext"), "\u{1b}[32mok\u{1b}[0m\nnext");
        assert_eq!(harmless("\u{1b}[32mok"), "\u{1b}[32mok\u{1b}[0m");
    }
}
