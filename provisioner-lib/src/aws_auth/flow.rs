//! Lists in brackets, and entries in braces: JSON, or YAML that looks like it.

use serde_json::Value;

use super::{
    Mapping,
    document::{Document, Splice, field_name},
    entries::{Field, fields_of},
};

/// Bytes of an entry or a field, without the space around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) start: usize,
    end: usize,
}

/// What stands between two brackets.
#[derive(Debug)]
pub(super) struct Collection {
    open: usize,
    pub(super) parts: Vec<Part>,
    /// The comma behind each part; the last may lack it.
    commas: Vec<usize>,
}

/// Reads from an opening bracket to the one that closes it. The text has been parsed, so brackets match.
pub(super) fn collection(text: &str, open: usize) -> Option<Collection> {
    let bytes = text.as_bytes();
    let mut found = Collection { open, parts: Vec::new(), commas: Vec::new() };
    let mut part: Option<Part> = None;
    let (mut at, mut depth, mut before) = (open, 0_usize, b'[');
    while let Some(&byte) = bytes.get(at) {
        let mut end = at + 1;
        let comment = byte == b'#' && at.checked_sub(1).is_none_or(|at| bytes[at].is_ascii_whitespace());
        if comment {
            at += text[at..].find('\n')?;
            continue;
        }
        match byte {
            // Elsewhere a quote is a letter of a plain text.
            b'"' | b'\'' if matches!(before, b'[' | b'{' | b',' | b':') => end = quoted(bytes, at)?,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            found.parts.extend(part);
            return Some(found);
        }
        if depth == 1 && byte == b',' {
            found.parts.push(part.take()?);
            found.commas.push(at);
        } else if !byte.is_ascii_whitespace() && at != open {
            part = Some(Part { start: part.map_or(at, |part| part.start), end });
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        at = end;
    }
    None
}

/// Behind the quote that closes.
fn quoted(bytes: &[u8], open: usize) -> Option<usize> {
    let quote = *bytes.get(open)?;
    let mut at = open + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' if quote == b'"' => at += 2,
            // Two of them are one within single quotes.
            byte if byte == quote && quote == b'\'' && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The look of an entry.
struct Look {
    /// Around the names of fields.
    quote: &'static str,
    /// Behind colons and commas.
    space: &'static str,
    /// Line break and space in front of a field, and in front of the closing brace.
    lines: Option<(String, String)>,
}

impl Look {
    fn of(document: &Document, part: Part) -> Self {
        let text = &document.text[part.start..part.end];
        let fields = text.strip_prefix('{').unwrap_or(text);
        let quote = if fields.trim_start().starts_with('"') { "\"" } else { "" };
        let space = if text.contains("\":\"") || text.contains("\":[") { "" } else { " " };
        let gap = &fields[..fields.len() - fields.trim_start().len()];
        let lines = gap.contains('\n').then(|| {
            let close = format!("{}{}", document.eol, margin(document, part.start));
            (format!("{}{}", document.eol, gap.rsplit('\n').next().unwrap_or_default()), close)
        });
        Self { quote, space, lines }
    }

    fn field(&self, name: &str, wanted: &Value) -> String {
        let Self { quote, space, .. } = self;
        format!("{quote}{name}{quote}:{space}{}", value(wanted, space))
    }

    fn entry(&self, mapping: &Mapping) -> String {
        let fields: Vec<String> =
            fields_of(mapping).iter().map(|(name, wanted)| self.field(name, wanted)).collect();
        let (before, between, after) = match &self.lines {
            Some((field, close)) => (field.as_str(), format!(",{field}"), close.as_str()),
            None => ("", format!(",{}", self.space), ""),
        };
        format!("{{{before}{}{after}}}", fields.join(&between))
    }
}

/// White space at the start of the line that a byte is in.
fn margin<'a>(document: &Document<'a>, at: usize) -> &'a str {
    let line = document.text[..at].rsplit('\n').next().unwrap_or_default();
    &line[..line.len() - line.trim_start().len()]
}

/// A list of one entry, in place of nothing.
pub(super) fn list_of(mapping: &Mapping) -> String {
    format!("[{}]", Look { quote: "\"", space: " ", lines: None }.entry(mapping))
}

/// A new entry behind the last, with the look of it.
pub(super) fn append(document: &Document, list: &Collection, mapping: &Mapping) -> Splice {
    let Some(&model) = list.parts.last() else {
        let look = Look { quote: "\"", space: " ", lines: None };
        return (list.open + 1..list.open + 1, look.entry(mapping));
    };
    let look = Look::of(document, model);
    let gap = gap(document, list, list.parts.len() - 1, look.space);
    (model.end..model.end, format!(",{gap}{}", look.entry(mapping)))
}

/// What to put behind a comma: what stands before the part.
fn gap(document: &Document, list: &Collection, index: usize, space: &str) -> String {
    let start = list.parts[index].start;
    let before = index.checked_sub(1).map_or(list.open, |previous| list.commas[previous]);
    match &document.text[before + 1..start] {
        "" => space.to_owned(),
        gap if gap.trim().is_empty() => gap.to_owned(),
        // A comment stays where it is.
        gap if gap.contains('\n') => format!("{}{}", document.eol, margin(document, start)),
        _ => space.to_owned(),
    }
}

/// Takes a part out, with one comma.
pub(super) fn remove(document: &Document, list: &Collection, index: usize) -> Option<Vec<Splice>> {
    let part = list.parts.get(index)?;
    let is_space = |start: usize, end: usize| document.text[start..end].trim().is_empty();
    let cut = |start: usize, end: usize| (start..end, String::new());
    let comma_after = list.commas.get(index).copied();
    let Some(comma_before) = index.checked_sub(1).map(|previous| list.commas[previous]) else {
        let next = list.parts.get(1).map(|next| next.start);
        return Some(vec![match (comma_after, next) {
            (Some(comma), Some(next)) if is_space(comma + 1, next) => cut(part.start, next),
            (Some(comma), _) => cut(part.start, comma + 1),
            (None, _) => cut(part.start, part.end),
        }]);
    };
    if is_space(comma_before + 1, part.start) {
        return Some(vec![cut(comma_before, part.end)]);
    }
    // A comment stands before it, and stays.
    Some(match comma_after {
        Some(comma) => vec![cut(part.start, comma + 1)],
        None => vec![cut(comma_before, comma_before + 1), cut(part.start, part.end)],
    })
}

/// Replaces values of the entry whose brace opens here.
pub(super) fn change(
    document: &Document,
    open: usize,
    mapping: &Mapping,
    changes: &[Field],
) -> Option<Vec<Splice>> {
    let text = document.text;
    let entry = text[open..].starts_with('{').then(|| collection(text, open)).flatten()?;
    let of = |name: &str| {
        let named = |part: &Part| {
            field_name(&text[part.start..part.end]).filter(|(own, _)| own.eq_ignore_ascii_case(name))
        };
        entry.parts.iter().enumerate().find_map(|(index, part)| Some((index, part, named(part)?.1)))
    };
    let (index, arn, _) = of(mapping.section().arn_field())?;
    let whole = Part { start: open, end: entry.parts.last()?.end };
    let look = Look::of(document, whole);
    let mut splices = Vec::new();
    let mut missing = Vec::new();
    for (name, wanted) in changes {
        if let Some((_, part, length)) = of(name) {
            let old = &text[part.start + length..part.end];
            let space = if old.is_empty() { look.space } else { &old[..old.len() - old.trim_start().len()] };
            splices.push((part.start + length..part.end, format!("{space}{}", value(wanted, look.space))));
        } else {
            let gap = match index {
                0 if look.lines.is_none() => look.space.to_owned(),
                _ => gap(document, &entry, index, look.space),
            };
            missing.push(format!(",{gap}{}", look.field(name, wanted)));
        }
    }
    if !missing.is_empty() {
        splices.push((arn.end..arn.end, missing.concat()));
    }
    Some(splices)
}

/// A text, or a list of texts in one line, as JSON has it, which is YAML as well.
pub(super) fn value(value: &Value, space: &str) -> String {
    let Value::Array(texts) = value else { return value.to_string() };
    let texts: Vec<String> = texts.iter().map(Value::to_string).collect();
    format!("[{}]", texts.join(&format!(",{space}")))
}
