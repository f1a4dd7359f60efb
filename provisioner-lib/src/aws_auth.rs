//! The ConfigMap `kube-system/aws-auth`, edited in its text.
//!
//! People and tools have left `mapUsers` and `mapRoles` in many forms, and one bad byte locks everybody out of the
//! cluster. So nothing is rewritten: an entry is put in, changed or cut out where it stands, and every other
//! byte stays. What comes out is parsed again and held against what was wanted; a text that is too clever for the
//! editor is refused, with the entry to write by hand.
//!
//! ```text
//! text ──► entries (parsed) ──► what is wanted ─────────────────────┐
//!   │                                                               ├── equal? ──► new text
//!   └────► document (lines) ──► block | flow: splices ──► parsed ───┘
//! ```
//!
//! Read as aws-iam-authenticator reads it (its `pkg/mapper/configmap/configmap.go`): names of fields in any case,
//! ARNs that differ in case are one, the last of several entries wins. Role ARNs stand there without their
//! path, which is the caller's to take out ("aws-auth ConfigMap does not grant access to the cluster" in the EKS
//! User Guide).

mod block;
mod document;
mod entries;
mod error;
mod flow;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::Range};

use serde::Serialize;

pub use self::error::AwsAuthError;
use self::{
    document::{Document, Form, spliced},
    entries::{Entry, Problem},
};

/// Data of the ConfigMap.
pub type Data = BTreeMap<String, String>;

/// A list of the ConfigMap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Section {
    /// IAM users.
    MapUsers,
    /// IAM roles.
    MapRoles,
}

impl Section {
    /// Key of the ConfigMap.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::MapUsers => "mapUsers",
            Self::MapRoles => "mapRoles",
        }
    }

    /// Field of an entry that holds the ARN.
    #[must_use]
    pub fn arn_field(self) -> &'static str {
        match self {
            Self::MapUsers => "userarn",
            Self::MapRoles => "rolearn",
        }
    }
}

/// An entry: who an IAM principal is in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// The list that it stands in.
    pub section: Section,
    /// ARN of the user or role, without a path.
    pub arn: String,
    /// Kubernetes user; empty where none is named.
    pub username: String,
    /// Kubernetes groups.
    pub groups: Vec<String>,
}

/// What the ConfigMap says of an ARN.
pub fn find(data: &Data, section: Section, arn: &str) -> Result<Option<Mapping>, AwsAuthError> {
    let text = data.get(section.key()).map_or("", String::as_str);
    let found = entries::parse(text).and_then(|entries| entries::find(&entries, section, arn));
    found.map_err(|problem| error::to_read(section, problem))
}

/// The data with the mapping added or changed; `None` where it says so already.
pub fn add(data: &Data, mapping: &Mapping) -> Result<Option<Data>, AwsAuthError> {
    let edited = edit(data, mapping.section, |text| added(text, mapping));
    edited.map_err(|problem| error::to_add(mapping, problem))
}

/// The data without the entry of an ARN; `None` where there is none. The list stays, though it be empty.
pub fn remove(data: &Data, section: Section, arn: &str) -> Result<Option<Data>, AwsAuthError> {
    let edited = edit(data, section, |text| removed(text, section, arn));
    edited.map_err(|problem| error::to_remove(section, arn, problem))
}

fn edit(
    data: &Data,
    section: Section,
    step: impl Fn(&str) -> Result<Option<String>, Problem>,
) -> Result<Option<Data>, Problem> {
    let mut text = data.get(section.key()).cloned().unwrap_or_default();
    let mut edited = None;
    // One step, but for the removal of an entry that stands there twice.
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

fn added(text: &str, mapping: &Mapping) -> Result<Option<String>, Problem> {
    let before = entries::parse(text)?;
    let there = entries::find(&before, mapping.section, &mapping.arn)?;
    entries::refuse_other_case(&before, mapping.section, &mapping.arn)?;
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
        if !entries::is_of(entry, mapping.section, &mapping.arn) {
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

fn removed(text: &str, section: Section, arn: &str) -> Result<Option<String>, Problem> {
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
    splices.ok_or_else(|| Problem::unsafe_edit("its form is not one that the editor knows"))
}

/// The text after the splices, if it says exactly what is wanted; JSON stays JSON.
fn checked(text: &str, splices: Vec<document::Splice>, wanted: &[Entry]) -> Result<String, Problem> {
    let differs = || Problem::unsafe_edit("the edited text would not say what it should");
    let edited = spliced(text, splices).ok_or_else(differs)?;
    let after = entries::parse(&edited).map_err(|_| differs())?;
    let json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let same = after.iter().map(|(_, entry)| entry).eq(wanted);
    if same && (!json(text) || json(&edited)) { Ok(edited) } else { Err(differs()) }
}
