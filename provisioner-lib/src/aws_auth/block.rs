//! Lists with `- ` in front of each entry.

use std::ops::Range;

use serde_json::Value;

use super::{
    Mapping,
    document::{Document, Splice, field_name, is_dash},
    entries::{self, fields_of},
    flow,
};

/// An entry.
#[derive(Debug)]
pub(super) struct Item {
    /// From its `-` to the last line that says something.
    lines: Range<usize>,
    /// Spaces before the `-`.
    indent: usize,
    /// Spaces after it; none where the fields begin in the next line.
    width: usize,
}

/// A field of an entry.
struct Field<'a> {
    name: &'a str,
    /// Behind the colon.
    value: usize,
    lines: Range<usize>,
}

/// Entries of the list that begins in a line.
pub(super) fn items(document: &Document, first: usize) -> Option<Vec<Item>> {
    let indent = document.lines[first].indent;
    let mut items: Vec<Item> = Vec::new();
    for index in first..document.after {
        let line = &document.lines[index];
        if !document.says(line) || line.indent > indent {
            continue;
        }
        let rest = document.content(line).strip_prefix('-').filter(|_| is_dash(document.content(line)))?;
        if line.indent < indent {
            return None;
        }
        let bare = rest.trim_start_matches(' ');
        // The authenticator's parser takes no tab there.
        if bare.starts_with('\t') {
            return None;
        }
        let width = if bare.is_empty() || bare.starts_with('#') { 0 } else { rest.len() - bare.len() };
        items.push(Item { lines: index..document.after, indent, width });
    }
    let starts: Vec<usize> = items.iter().skip(1).map(|item| item.lines.start).collect();
    for (item, next) in items.iter_mut().zip(starts.into_iter().chain([document.after])) {
        item.lines.end = document.last_said(item.lines.start..next) + 1;
    }
    Some(items)
}

/// A new entry behind all others and behind the comments at the end.
pub(super) fn append(document: &Document, items: &[Item], mapping: &Mapping) -> Option<Splice> {
    let end = document.end();
    // The authenticator skips blanks that would be in the way of a list.
    let start = if document.text.trim().is_empty() { 0 } else { end };
    let before = &document.text[..start];
    let (indent, width) = items.last().map_or((0, 1), |item| (item.indent, item.width.max(1)));
    let entry = entry(mapping, indent, width, document.eol);
    let text = match (before.is_empty(), before.ends_with('\n')) {
        // A text without a line break at its end stays one.
        (false, false) if !has_block_text(document, items) => format!("{}{entry}", document.eol),
        (false, false) => return None,
        _ => format!("{entry}{}", document.eol),
    };
    Some((start..end, text))
}

/// Whether the last entry may end in a text after `|` or `>`. To some parsers a line break that is put behind it
/// becomes its own; ours does not tell.
fn has_block_text(document: &Document, items: &[Item]) -> bool {
    let (Some(item), Some(end)) = (items.last(), document.lines.last()) else { return false };
    let marks = |text: &str| [": |", ": >", "- |", "- >"].iter().any(|mark| text.contains(mark));
    end.indent > item.indent
        && document.lines[item.lines.clone()].iter().any(|line| marks(document.content(line)))
}

/// Takes the lines of an entry out, comments before and behind it excepted.
pub(super) fn remove(document: &Document, items: &[Item], index: usize) -> Option<Splice> {
    let item = items.get(index)?;
    let (first, last) = (&document.lines[item.lines.start], &document.lines[item.lines.end - 1]);
    let ends_in_it = last.next == last.end;
    let start = match item.lines.start.checked_sub(1) {
        Some(previous) if ends_in_it => document.lines[previous].end,
        _ => first.start,
    };
    // A mark of the document's end needs something to end.
    let is_needed = items.len() == 1 && document.after < document.lines.len();
    Some((start..last.next, if is_needed { format!("[]{}", document.eol) } else { String::new() }))
}

/// Replaces values of an entry where they stand.
pub(super) fn change(
    document: &Document,
    item: &Item,
    mapping: &Mapping,
    changes: &[entries::Field],
) -> Option<Vec<Splice>> {
    let (mut first, mut column) = (item.lines.start, item.indent + 1 + item.width);
    if item.width == 0 {
        first = (first + 1..item.lines.end).find(|&index| document.says(&document.lines[index]))?;
        column = document.lines[first].indent;
    }
    let start = document.lines[first].start + column;
    if document.text[start..].starts_with('{') {
        return flow::change(document, start, mapping, changes);
    }
    let fields = fields(document, first..item.lines.end, column)?;
    let of = |name: &str| fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    let arn = of(mapping.section().arn_field())?;
    let end = |field: &Field| document.lines[field.lines.end - 1].end;
    let mut splices = Vec::new();
    let mut missing = Vec::new();
    for (name, wanted) in changes {
        if let Some(field) = of(name) {
            let with = value(wanted, list_indent(document, field, column), document.eol);
            splices.push((field.value..end(field), with));
        } else {
            let value = value(wanted, Some(column + 2), document.eol);
            missing.push(format!("{}{:column$}{name}:{value}", document.eol, ""));
        }
    }
    if !missing.is_empty() {
        splices.push((end(arn)..end(arn), missing.concat()));
    }
    Some(splices)
}

fn fields<'a>(document: &Document<'a>, lines: Range<usize>, column: usize) -> Option<Vec<Field<'a>>> {
    let mut fields: Vec<Field> = Vec::new();
    for index in lines.clone() {
        let line = &document.lines[index];
        let text = document.text.get(line.start + column..line.end).unwrap_or_default();
        let is_first = index == lines.start;
        // A list may stand in the column of its field.
        if !is_first && (!document.says(line) || line.indent != column || is_dash(text)) {
            continue;
        }
        let (name, length) = field_name(text)?;
        fields.push(Field { name, value: line.start + column + length, lines: index..lines.end });
    }
    let starts: Vec<usize> = fields.iter().skip(1).map(|field| field.lines.start).collect();
    for (field, next) in fields.iter_mut().zip(starts.into_iter().chain([lines.end])) {
        field.lines.end = document.last_said(field.lines.start..next) + 1;
    }
    Some(fields)
}

/// Spaces before the groups of a list in lines; None for one in brackets.
fn list_indent(document: &Document, field: &Field, column: usize) -> Option<usize> {
    let first = &document.lines[field.lines.start];
    if document.text[field.value..first.end].trim_start().starts_with('[') {
        return None;
    }
    let mut below = document.lines[field.lines.start + 1..field.lines.end].iter();
    let dash = below.find(|line| is_dash(document.content(line)));
    Some(dash.map_or(column + 2, |line| line.indent))
}

fn value(wanted: &Value, indent: Option<usize>, eol: &str) -> String {
    match (wanted, indent) {
        (Value::Array(groups), Some(indent)) if !groups.is_empty() => {
            let lines = groups.iter().map(|group| format!("{eol}{:indent$}- {}", "", scalar(group)));
            lines.collect::<Vec<_>>().concat()
        }
        (Value::Array(_), _) => format!(" {}", flow::value(wanted, " ")),
        _ => format!(" {}", scalar(wanted)),
    }
}

/// An entry without a line break at its end.
pub(super) fn entry(mapping: &Mapping, indent: usize, width: usize, eol: &str) -> String {
    let column = indent + 1 + width;
    let field = |(name, wanted): &entries::Field| format!("{name}:{}", value(wanted, Some(column + 2), eol));
    let fields: Vec<String> = fields_of(mapping).iter().map(field).collect();
    format!("{:indent$}-{:width$}{}", "", "", fields.join(&format!("{eol}{:column$}", "")))
}

/// Words that are no text to one parser or another.
const WORDS: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan"];

/// A text as a value in a block: plain where every parser takes it for a text, or else quoted.
fn scalar(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+={}".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && !text.ends_with(':')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { value.to_string() }
}
