//! Colours, and text that is cut, filled and wrapped to a width.
//!
//! Every painted text carries its ANSI codes; they are stripped where there is no
//! terminal (`anstream` does).

use anstyle::{AnsiColor, Style};

/// No style at all.
pub(super) const PLAIN: Style = Style::new();
/// Headings.
pub(super) const BOLD: Style = Style::new().bold();
/// Frames, axes, and what did not happen.
pub(super) const DIM: Style = Style::new().dimmed();
/// Ended well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Ended well, after a delete over what refused its eviction.
pub(super) const FORCED: Style = AnsiColor::Magenta.on_default();
/// Waits.
pub(super) const WAITS: Style = AnsiColor::Yellow.on_default();
/// Killed, left, or a broken law.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// The node.
pub(super) const NODE: Style = AnsiColor::Cyan.on_default();
/// The replacement.
pub(super) const FRESH: Style = AnsiColor::Blue.on_default();

/// `text` in `style`; nothing is wrapped around an empty or plain text.
pub(super) fn with(style: Style, text: &str) -> String {
    if style == PLAIN || text.trim().is_empty() && style != BOLD {
        return text.to_owned();
    }
    format!("{style}{text}{style:#}")
}

/// `text` cut to `width` columns with an ellipsis in the middle: both ends of a Kubernetes name say
/// something, the hash between them does not.
pub(super) fn shorten(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let tail = (width / 3).min(8);
    let head = width.saturating_sub(tail + 1);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

/// `text` in lines of at most `width` columns, the second and later ones indented by `indent`.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let used = line.chars().count();
        if used > indent && used + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        }
        if !line.trim().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Wrapped text, each line of it in `style`.
pub(super) fn lines(text: &str, width: usize, indent: usize, style: Style) -> Vec<String> {
    wrap(text, width, indent).into_iter().map(|line| with(style, &line)).collect()
}

/// A time for people: `100 ms`, `8.2 s`, `48 s`. The space does not break.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}\u{a0}ms"),
        1_000..10_000 => format!("{}.{}\u{a0}s", ms / 1000, ms % 1000 / 100),
        _ => format!("{}\u{a0}s", ms / 1000),
    }
}

/// `1 pod`, `2 pods`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// The first of `items`, at most `most`, and what `others` makes of the number of all others.
pub(super) fn first<T>(
    items: impl IntoIterator<Item = T>,
    most: usize,
    others: impl Fn(usize) -> T,
) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    let more = items.len().saturating_sub(most);
    items.truncate(most);
    items.extend((more > 0).then(|| others(more)));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(shorten("shop/web-7d9f8c5b6-x2x9z", 16), "shop/web-7…x2x9z");
        assert_eq!(shorten("shop/db-0", 16), "shop/db-0");
    }

    #[test]
    fn wrapped_lines_fit_and_are_indented() {
        assert_eq!(wrap("one two three", 8, 2), ["one two", "  three"]);
        assert_eq!(wrap("a-word-too-long-to-fit x", 8, 2), ["a-word-too-long-to-fit", "  x"]);
    }

    #[test]
    fn durations_read_as_people_speak() {
        let read = [0, 100, 1000, 8_249, 48_900, 120_000].map(|ms| duration(ms).replace('\u{a0}', " "));
        assert_eq!(read, ["0 ms", "100 ms", "1.0 s", "8.2 s", "48 s", "120 s"]);
    }
}
