//! The text as lines, and what stands where in it.

use std::ops::Range;

use super::entries;

/// Bytes to be replaced.
pub(super) type Splice = (Range<usize>, String);

/// The text with its splices; `None` where they overlap.
pub(super) fn spliced(text: &str, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|(range, _)| range.start);
    let mut edited = String::with_capacity(text.len());
    let mut kept = 0;
    for (range, with) in splices {
        edited.push_str(text.get(kept..range.start)?);
        edited.push_str(&with);
        kept = range.end;
    }
    edited.push_str(text.get(kept..)?);
    Some(edited)
}

/// A line: its bytes without the line break, and where the next begins.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) next: usize,
    /// Spaces before the first other character.
    pub(super) indent: usize,
}

/// How the entries are written.
#[derive(Debug)]
pub(super) enum Form {
    /// Nothing but comments and marks.
    Empty,
    /// A word in place of a list: `null`, `~`, or what the authenticator skips.
    Nothing(Range<usize>),
    /// `- ` in front of each, from this line on.
    Block(usize),
    /// `[..]` from this byte on: YAML in brackets, or JSON.
    Flow(usize),
    /// Anything else, such as an anchor, or `%YAML`, which the authenticator's parser may not take.
    Other,
}

/// A text that has been parsed, so that marks are where they may be.
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) lines: Vec<Line>,
    /// The text's own line break.
    pub(super) eol: &'static str,
    /// First line behind it: that of `...`, or none.
    pub(super) after: usize,
}

impl<'a> Document<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut start = text.len() - text.trim_start_matches('\u{feff}').len();
        let mut lines = Vec::new();
        for whole in text[start..].split_inclusive('\n') {
            let next = start + whole.len();
            let bare = whole.strip_suffix('\n').map_or(whole, |bare| bare.strip_suffix('\r').unwrap_or(bare));
            let indent = bare.len() - bare.trim_start_matches(' ').len();
            lines.push(Line { start, end: start + bare.len(), next, indent });
            start = next;
        }
        let windows = lines.first().is_some_and(|line| line.next - line.end == 2);
        let mut document = Self { text, after: lines.len(), lines, eol: if windows { "\r\n" } else { "\n" } };
        let ends =
            |line: &Line| matches!(document.bytes(line), [b'.', b'.', b'.'] | [b'.', b'.', b'.', b' ', ..]);
        document.after = document.lines.iter().position(ends).unwrap_or(document.after);
        document
    }

    fn bytes(&self, line: &Line) -> &[u8] {
        &self.text.as_bytes()[line.start..line.end]
    }

    /// A line's text from its first character that is no space.
    pub(super) fn content(&self, line: &Line) -> &'a str {
        &self.text[line.start + line.indent..line.end]
    }

    /// Whether a line is more than blank or a comment.
    pub(super) fn says(&self, line: &Line) -> bool {
        let content = self.content(line).trim_start();
        !content.is_empty() && !content.starts_with('#')
    }

    /// Byte at which the document ends.
    pub(super) fn end(&self) -> usize {
        self.lines.get(self.after).map_or(self.text.len(), |line| line.start)
    }

    /// Last line of `lines` that says something, or else the first.
    pub(super) fn last_said(&self, lines: Range<usize>) -> usize {
        lines.clone().rev().find(|&index| self.says(&self.lines[index])).unwrap_or(lines.start)
    }

    pub(super) fn form(&self) -> Form {
        if entries::is_skipped(self.text) && !self.text.trim().is_empty() {
            let start = self.text.len() - self.text.trim_start().len();
            return Form::Nothing(start..self.text.trim_end().len());
        }
        for (index, line) in self.lines[..self.after].iter().enumerate() {
            let mut start = line.start + line.indent;
            if self.bytes(line).starts_with(b"---") {
                start = line.start + 3;
            } else if !self.says(line) {
                continue;
            }
            let rest = &self.text[start..line.end];
            start += rest.len() - rest.trim_start().len();
            let rest = rest.trim_start();
            if rest.is_empty() || rest.starts_with('#') {
                continue;
            }
            let word = rest.split(" #").next().unwrap_or(rest).trim_end();
            return match word {
                "null" | "Null" | "NULL" | "~" => Form::Nothing(start..start + word.len()),
                _ if rest.starts_with('[') => Form::Flow(start),
                _ if is_dash(rest) && start == line.start + line.indent => Form::Block(index),
                _ => Form::Other,
            };
        }
        Form::Empty
    }
}

/// Whether an entry of a block list begins here.
pub(super) fn is_dash(content: &str) -> bool {
    content.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The name at the start of a field, without its quotes, and the length of all up to the colon's end.
pub(super) fn field_name(field: &str) -> Option<(&str, usize)> {
    if let Some(quote @ ('"' | '\'')) = field.chars().next() {
        let length = field[1..].find(quote)?;
        let rest = &field[length + 2..];
        let colon = rest.trim_start().strip_prefix(':')?;
        return Some((&field[1..=length], field.len() - colon.len()));
    }
    let ends = |&(at, _): &(usize, &str)| {
        let next = field[at + 1..].chars().next();
        next.is_none_or(|next| next.is_whitespace() || matches!(next, ',' | '}' | ']'))
    };
    let (colon, _) = field.match_indices(':').find(ends)?;
    Some((field[..colon].trim(), colon + 1))
}
