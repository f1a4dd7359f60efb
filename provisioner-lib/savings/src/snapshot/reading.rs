//! Collects the objects of documents.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    FileError, SCHEMA, Snapshot,
    kinds::{KINDS, Kind},
    quantities::unreadable,
};
use crate::prices::PriceList;

/// Faults of one file that are shown: a wrong file may have one in each object.
const MOST_FAULTS: usize = 10;

/// What was read so far.
#[derive(Default)]
pub(super) struct Reading {
    snapshot: Snapshot,
    /// Whether a file of `--save-snapshot` is among the files.
    has_header: bool,
    /// Whether another file is among them.
    has_lists: bool,
    /// Whether an empty list is among them that may be one of PodDisruptionBudgets.
    has_no_budgets: bool,
    /// Kind, namespace and name of each object.
    seen: BTreeSet<(&'static str, String, String)>,
    faults: Vec<String>,
}

impl Reading {
    /// Reads a snapshot but for its objects. Returns the documents with all objects.
    pub(super) fn header(&mut self, mut documents: Vec<Value>) -> Result<Vec<Value>, FileError> {
        for document in documents.iter_mut().filter(|document| document["schema"] == SCHEMA) {
            if std::mem::replace(&mut self.has_header, true) {
                return Err(FileError::Second);
            }
            let Value::Object(fields) = document.take() else { continue };
            let is_of_objects = |name: &String, field: &Value| {
                field.is_array() && KINDS.iter().any(|kind| kind.field == name)
            };
            let (mut objects, header): (Map<_, _>, Map<_, _>) =
                fields.into_iter().partition(|(name, field)| is_of_objects(name, field));
            objects.insert("schema".to_owned(), SCHEMA.into());
            *document = objects.into();
            self.snapshot = serde_path_to_error::deserialize(Value::Object(header))
                .map_err(|error| FileError::field(&error))?;
            // It may have been edited by hand.
            self.snapshot
                .prices
                .iter()
                .try_for_each(PriceList::check)
                .map_err(|error| FileError::field(&error))?;
        }
        Ok(documents)
    }

    /// Reads the objects of a file.
    pub(super) fn objects(&mut self, documents: Vec<Value>) -> Result<(), FileError> {
        let before = self.seen.len();
        // A list may be empty.
        let (mut is_list, mut other) = (false, "nothing of the kind".to_owned());
        for mut document in documents {
            let text = |name: &str| document[name].as_str().map(str::to_owned);
            match (text("schema"), text("kind")) {
                (Some(schema), _) if schema == SCHEMA => {
                    is_list = true;
                    for kind in &KINDS {
                        self.items(kind.field, document[kind.field].take(), kind.name, None);
                    }
                }
                (Some(schema), _) => other = format!("the schema {schema}"),
                (_, Some(kind)) if kind.ends_with("List") => {
                    (is_list, self.has_lists) = (true, true);
                    let version = text("apiVersion");
                    let (kind, items) = (kind.trim_end_matches("List"), document["items"].take());
                    // `kubectl get` names no kind in an empty list.
                    let may_be_of_budgets = ["", "PodDisruptionBudget"].contains(&kind);
                    let is_empty = items.is_null() || items.as_array().is_some_and(Vec::is_empty);
                    self.has_no_budgets |= may_be_of_budgets && is_empty;
                    self.items("items", items, kind, version.as_deref());
                }
                (_, Some(kind)) => {
                    other = format!("a {kind}");
                    self.has_lists = true;
                    self.object(&kind, document, "", None);
                }
                (None, None) if document.is_array() => self.items("", document, "", None),
                (None, None) => {}
            }
        }
        if self.faults.is_empty() {
            return if is_list || self.seen.len() > before { Ok(()) } else { Err(FileError::Other(other)) };
        }
        let more = self.faults.len().saturating_sub(MOST_FAULTS);
        self.faults.truncate(MOST_FAULTS);
        self.faults.extend((more > 0).then(|| format!("and {more} more")));
        Err(FileError::Fields(std::mem::take(&mut self.faults)))
    }

    fn items(&mut self, field: &str, items: Value, kind: &str, version: Option<&str>) {
        match items {
            Value::Array(items) => {
                for (place, item) in items.into_iter().enumerate() {
                    let own = item["kind"].as_str().map(str::to_owned);
                    let own_version = item["apiVersion"].as_str().map(str::to_owned);
                    // Items of a list of one kind do not name it.
                    let version = own_version.as_deref().or(version.filter(|_| own.is_none()));
                    let at = format!("{field}[{place}], ");
                    self.object(own.as_deref().unwrap_or(kind), item, &at, version);
                }
            }
            // Go writes an empty list so.
            Value::Null => {}
            _ => self.faults.push(format!("{field} is no list")),
        }
    }

    /// Reads an object; `at` says where it is.
    fn object(&mut self, name: &str, mut object: Value, at: &str, version: Option<&str>) {
        let version = version.map(str::to_owned).or_else(|| object["apiVersion"].as_str().map(str::to_owned));
        let Some(kind) = Kind::of(name, version.as_deref(), &mut object) else {
            let known = KINDS.iter().any(|kind| kind.name == name);
            let of = version.filter(|_| known).map(|version| format!(" of {version}")).unwrap_or_default();
            self.snapshot.unused.insert(format!("{name}{of}"));
            return;
        };
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let (namespace, id) = (text("namespace"), text("name"));
        let full_name = if namespace.is_empty() { id.clone() } else { format!("{namespace}/{id}") };
        let mut faults = unreadable(&object);
        if self.seen.insert((kind.name, namespace, id)) {
            faults.extend((kind.add)(&mut self.snapshot, object).err());
        }
        self.faults.extend(faults.into_iter().map(|fault| format!("{at}{name} {full_name}: {fault}")));
    }

    /// The snapshot of all files.
    pub(super) fn end(self) -> Snapshot {
        let mut snapshot = self.snapshot;
        SCHEMA.clone_into(&mut snapshot.schema);
        if self.has_lists {
            snapshot.note_absent(self.has_header, self.has_no_budgets);
        }
        snapshot.tidy();
        snapshot
    }
}
