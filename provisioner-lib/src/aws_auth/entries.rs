//! What the text says: entries as values, without their form.

use serde_json::{Map, Value, json};
use serde_saphyr::Spanned;

use super::{Mapping, Problem, Section};

/// An entry with all of its fields, ours or not.
pub(super) type Entry = Map<String, Value>;

const USERNAME: &str = "username";
const GROUPS: &str = "groups";

/// A field of an entry, and the value that it has or is to have.
pub(super) type Field = (&'static str, Value);

/// The authenticator skips these texts, though they are no lists.
pub(super) fn is_skipped(text: &str) -> bool {
    matches!(text.trim(), "" | "``" | "\"\"" | "''")
}

/// Entries with their lines.
pub(super) fn parse(text: &str) -> Result<Vec<(u64, Entry)>, Problem> {
    if is_skipped(text) {
        return Ok(Vec::new());
    }
    let unreadable = |error: serde_saphyr::Error| Problem::Unreadable {
        line: error.location().map(|location| location.line()),
        problem: plain_words(&error.without_snippet().to_string()),
    };
    let value: Value = serde_saphyr::from_str(text).map_err(unreadable)?;
    if !matches!(value, Value::Array(_) | Value::Null) {
        let problem = format!("it is {}, not a list of entries", kind(&value));
        return Err(Problem::Unreadable { line: None, problem });
    }
    let items: Option<Vec<Spanned<Value>>> = serde_saphyr::from_str(text).map_err(unreadable)?;
    let entries = items.unwrap_or_default().into_iter().map(|item| match item.value {
        Value::Object(entry) => Ok((item.referenced.line(), entry)),
        other => Err(Problem::Unreadable {
            line: Some(item.referenced.line()),
            problem: format!("an entry is {}, not fields with values", kind(&other)),
        }),
    });
    entries.collect()
}

/// The parser's message without the place, which is said apart, and without advice on its settings.
fn plain_words(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    let message = message.split(", set DuplicateKeyPolicy").next().unwrap_or(message);
    message.split("; use from_").next().unwrap_or(message).to_owned()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an entry by itself",
    }
}

/// Whether an entry is of exactly this ARN.
pub(super) fn is_of(entry: &Entry, section: Section, arn: &str) -> bool {
    arns(entry, section).any(|own| own == arn)
}

fn arns(entry: &Entry, section: Section) -> impl Iterator<Item = &str> {
    let fields = entry.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(section.arn_field()));
    fields.filter_map(|(_, value)| value.as_str())
}

/// What is said of an ARN; several entries must agree.
pub(super) fn find(
    entries: &[(u64, Entry)],
    section: Section,
    arn: &str,
) -> Result<Option<Mapping>, Problem> {
    let mut found: Option<(u64, Mapping)> = None;
    for (line, entry) in entries.iter().filter(|(_, entry)| is_of(entry, section, arn)) {
        for field in [section.arn_field(), USERNAME, GROUPS] {
            if entry.keys().filter(|name| name.eq_ignore_ascii_case(field)).count() > 1 {
                return Err(Problem::Ambiguous {
                    line: *line,
                    problem: format!("the entry of {arn} has {field} twice"),
                });
            }
        }
        let mapping = mapping_of(entry, section, arn);
        match &found {
            Some((first, other)) if *other != mapping => {
                let problem = format!("this entry of {arn} and the one in line {first} disagree");
                return Err(Problem::Ambiguous { line: *line, problem });
            }
            _ => found = Some((*line, mapping)),
        }
    }
    Ok(found.map(|(_, mapping)| mapping))
}

/// To the authenticator, ARNs that differ in case are one, and the last entry wins.
pub(super) fn refuse_other_case(
    entries: &[(u64, Entry)],
    section: Section,
    arn: &str,
) -> Result<(), Problem> {
    let other = |own: &str| own != arn && own.eq_ignore_ascii_case(arn);
    match entries.iter().find(|(_, entry)| arns(entry, section).any(other)) {
        None => Ok(()),
        Some((line, _)) => {
            let problem = format!(
                "this entry's ARN is {arn} but for upper and lower case, and the cluster tells them not apart"
            );
            Err(Problem::Ambiguous { line: *line, problem })
        }
    }
}

fn field<'a>(entry: &'a Entry, name: &str) -> Option<(&'a String, &'a Value)> {
    entry.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))
}

/// Values that should be texts and are not are shown as they stand.
fn mapping_of(entry: &Entry, section: Section, arn: &str) -> Mapping {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let groups = match field(entry, GROUPS).map(|(_, value)| value) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(groups)) => groups.iter().map(text).collect(),
        Some(other) => vec![text(other)],
    };
    let username = field(entry, USERNAME).map(|(_, value)| text(value)).unwrap_or_default();
    Mapping { users: section == Section::MapUsers, arn: arn.to_owned(), username, groups }
}

/// The fields of an entry as they are written where none was.
pub(super) fn fields_of(mapping: &Mapping) -> Vec<Field> {
    let username = (!mapping.username.is_empty()).then(|| (USERNAME, json!(mapping.username)));
    let arn = (mapping.section().arn_field(), json!(mapping.arn));
    [arn].into_iter().chain(username).chain([(GROUPS, json!(mapping.groups))]).collect()
}

/// The same as a value.
pub(super) fn entry_of(mapping: &Mapping) -> Entry {
    fields_of(mapping).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Makes an entry say what the mapping says, its other fields as they are. A number that reads like the username is
/// changed as well: the authenticator takes texts only.
pub(super) fn change(entry: &mut Entry, mapping: &Mapping) -> Vec<Field> {
    let mut changes = vec![(USERNAME, json!(mapping.username)), (GROUPS, json!(mapping.groups))];
    changes.retain(|(name, wanted)| {
        let there = field(entry, name).map(|(_, value)| value).filter(|value| !value.is_null());
        there.map_or(*wanted != json!("") && *wanted != json!([]), |there| there != wanted)
    });
    for (name, wanted) in &changes {
        let own = field(entry, name).map_or_else(|| (*name).to_owned(), |(own, _)| own.clone());
        entry.insert(own, wanted.clone());
    }
    changes
}
