//! Every form that people and tools have left the lists in.

mod forms;
mod ours;
mod random;
mod refused;

use super::*;

const OURS: &str = "arn:aws:iam::123456789012:role/ours";

fn data(text: &str) -> Data {
    let entries = [("mapRoles", text), ("mapUsers", "- theirs: {"), ("mapAccounts", "- \"1\"\n")];
    entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn mapping(username: &str, groups: &[&str]) -> Mapping {
    Mapping {
        users: false,
        arn: OURS.to_owned(),
        username: username.to_owned(),
        groups: groups.iter().map(ToString::to_string).collect(),
    }
}

/// What an edit makes of mapRoles; all other keys are as before.
fn text_of(edited: Option<Data>) -> Option<String> {
    let mut edited = edited?;
    let text = edited.remove("mapRoles").unwrap();
    let mut others = data("");
    others.remove("mapRoles");
    assert_eq!(edited, others);
    Some(text)
}

fn add_to(text: &str, mapping: &Mapping) -> Option<String> {
    text_of(add(&data(text), mapping).unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn remove_from(text: &str) -> Option<String> {
    text_of(remove(&data(text), Section::MapRoles, OURS).unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn found_in(text: &str) -> Option<Mapping> {
    find(&data(text), Section::MapRoles, OURS).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether `after` is `before` with one piece put in.
fn is_insertion(before: &str, after: &str) -> bool {
    let start = before.bytes().zip(after.bytes()).take_while(|(one, other)| one == other).count();
    let end = before.bytes().rev().zip(after.bytes().rev()).take_while(|(one, other)| one == other).count();
    after.len() > before.len() && start + end >= before.len()
}
