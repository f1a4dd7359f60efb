//! The edits of a list: splices in its text, held against the entries that are wanted.

use std::ops::Range;

use super::{
    Data, Mapping, Problem, Section, block,
    document::{self, Document, Form, spliced},
    entries::{self, Entry},
    flow,
};

/// Takes `step` until it finds nothing to change: one step, but for the removal of an entry that stands there twice.
pub(super) fn each(
    data: &Data,
    section: Section,
    step: impl Fn(&str) -> Result<Option<String>, Problem>,
) -> Result<Option<Data>, Problem> {
    let mut text = data.get(section.key()).cloned().unwrap_or_default();
    let mut edited = None;
    while let Some(next) = step(&text)? {
        text.clone_from(&next);
        edited = Some(next);
    }
    Ok(edited.map(|text| {
        let mut data = data.clone();
        data.insert(section.key().to_owned(), text);
        data
    }))
}

/// The text with the mapping added or changed; `None` if it has it.
pub(super) fn added(text: &str, mapping: &Mapping) -> Result<Option<String>, Problem> {
    let before = entries::parse(text)?;
    let there = entries::find(&before, mapping.section(), &mapping.arn)?;
    entries::refuse_other_case(&before, mapping.section(), &mapping.arn)?;
    if there.is_none() {
        let splices = place(text, before.len(), |document, place| match place {
            Place::Block(items) => Some(vec![block::append(document, items, mapping)?]),
            Place::Flow(list) => Some(vec![flow::append(document, list, mapping)]),
            Place::Nothing(range) => Some(vec![(range, flow::list_of(mapping))]),
        })?;
        let wanted = before.iter().map(|(_, entry)| entry.clone()).chain([entries::entry_of(mapping)]);
        return checked(text, splices, &wanted.collect::<Vec<_>>()).map(Some);
    }
    let mut wanted: Vec<Entry> = before.iter().map(|(_, entry)| entry.clone()).collect();
    let mut splices = Vec::new();
    for (index, entry) in wanted.iter_mut().enumerate() {
        if !entries::is_of(entry, mapping.section(), &mapping.arn) {
            continue;
        }
        let changes = entries::change(entry, mapping);
        if changes.is_empty() {
            continue;
        }
        splices.extend(place(text, before.len(), |document, place| match place {
            Place::Block(items) => block::change(document, items.get(index)?, mapping, &changes),
            Place::Flow(list) => flow::change(document, list.parts.get(index)?.start, mapping, &changes),
            Place::Nothing(_) => None,
        })?);
    }
    if splices.is_empty() { Ok(None) } else { checked(text, splices, &wanted).map(Some) }
}

/// The text without the first entry of an ARN; `None` if it has none.
pub(super) fn removed(text: &str, section: Section, arn: &str) -> Result<Option<String>, Problem> {
    let before = entries::parse(text)?;
    if entries::find(&before, section, arn)?.is_none() {
        return Ok(None);
    }
    let Some(index) = before.iter().position(|(_, entry)| entries::is_of(entry, section, arn)) else {
        return Ok(None);
    };
    let splices = place(text, before.len(), |document, place| match place {
        Place::Block(items) => Some(vec![block::remove(document, items, index)?]),
        Place::Flow(list) => flow::remove(document, list, index),
        Place::Nothing(_) => None,
    })?;
    let mut wanted: Vec<Entry> = before.into_iter().map(|(_, entry)| entry).collect();
    wanted.remove(index);
    checked(text, splices, &wanted).map(Some)
}

/// Where the entries stand in the text.
enum Place<'a> {
    Block(&'a [block::Item]),
    Flow(&'a flow::Collection),
    /// A word that stands for nothing, such as `null`.
    Nothing(Range<usize>),
}

/// Splices of an editor that is shown the entries; refused where the text does not show as many as were parsed.
fn place(
    text: &str,
    count: usize,
    editor: impl Fn(&Document, Place) -> Option<Vec<document::Splice>>,
) -> Result<Vec<document::Splice>, Problem> {
    let document = Document::of(text);
    let splices = match document.form() {
        // To some parsers it breaks a line, to others not.
        _ if text.replace("\r\n", "").contains('\r') => None,
        Form::Empty => editor(&document, Place::Block(&[])),
        Form::Nothing(range) => editor(&document, Place::Nothing(range)),
        Form::Block(first) => block::items(&document, first)
            .filter(|items| items.len() == count)
            .and_then(|items| editor(&document, Place::Block(&items))),
        Form::Flow(open) => flow::collection(text, open)
            .filter(|list| list.parts.len() == count)
            .and_then(|list| editor(&document, Place::Flow(&list))),
        Form::Other => None,
    };
    splices.ok_or(Problem::Unsafe("its form is not one that the editor knows"))
}

/// The text after the splices, if it says exactly what is wanted; JSON stays JSON.
fn checked(text: &str, splices: Vec<document::Splice>, wanted: &[Entry]) -> Result<String, Problem> {
    let differs = || Problem::Unsafe("the edited text would not say what it should");
    let edited = spliced(text, splices).ok_or_else(differs)?;
    let after = entries::parse(&edited).map_err(|_| differs())?;
    let json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let same = after.iter().map(|(_, entry)| entry).eq(wanted);
    if same && (!json(text) || json(&edited)) { Ok(edited) } else { Err(differs()) }
}
