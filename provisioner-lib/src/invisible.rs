//! Characters that a terminal follows instead of showing them. Names and messages of others may contain them, to hide or
//! rewrite what a person reads.

use std::fmt::Write;

/// Shown in place of an invisible character.
pub const STAND_IN: char = char::REPLACEMENT_CHARACTER;

/// Whether `c` is a control character, changes the direction of writing, or has no width (Unicode's general categories Cc,
/// Cf, Zl and Zp, as far as terminals know them).
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text as one line of visible characters.
#[must_use]
pub fn visible(text: &str) -> String {
    text.replace(is_invisible, "\u{fffd}")
}

/// A JSON document with its invisible characters escaped: the same document. Between its tokens only line feeds are
/// invisible, and they stay.
#[must_use]
pub fn escaped_json(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    for c in document.chars() {
        if c != '\n' && is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn invisible_characters_are_replaced_and_no_others() {
        for (text, expected) in [
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("one\r\ntwo\t", "one\u{fffd}\u{fffd}two\u{fffd}"),
            ("\u{9b}31m\u{7f}", "\u{fffd}31m\u{fffd}"),
            ("\u{202e}drawkcab\u{2069}\u{200f}", "\u{fffd}drawkcab\u{fffd}\u{fffd}"),
            ("a\u{200b}b\u{feff}\u{e0041}\u{2028}", "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}"),
            ("größer 大 🙂, 2 × m5.large", "größer 大 🙂, 2 × m5.large"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn escaped_json_is_the_same_document() {
        let document =
            json!({ "a\u{202e}b": "\u{1b}]52;c;eA==\u{7}\u{9b}\u{7f}", "c": ["\u{e0041}", "ä\n"] });
        let text = escaped_json(&format!("{document:#}"));
        assert!(text.chars().all(|c| c == '\n' || !is_invisible(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
