//! Quantities that Kubernetes would refuse, in the documents of a file.

use serde_json::{Map, Value};

use crate::quantity::milli;

/// Fields that hold a list of resources with their quantities.
const LISTS: [&str; 6] = ["requests", "limits", "capacity", "allocatable", "overhead", "usage"];

/// The path and value of each unreadable quantity in an object.
pub(super) fn unreadable(object: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    walk(object, "", &mut faults);
    faults
}

fn walk(value: &Value, path: &str, faults: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(place, item)| walk(item, &format!("{path}[{place}]"), faults));
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match field {
                    Value::Object(list) if LISTS.contains(&name.as_str()) => check(list, &path, faults),
                    // Names and values of its own.
                    _ if name == "labels" || name == "annotations" => {}
                    _ => walk(field, &path, faults),
                }
            }
        }
        _ => {}
    }
}

fn check(list: &Map<String, Value>, path: &str, faults: &mut Vec<String>) {
    for (name, quantity) in list {
        let is_readable = match quantity {
            Value::String(text) => milli(text).is_some(),
            Value::Number(number) => milli(&number.to_string()).is_some(),
            _ => false,
        };
        if !is_readable {
            faults.push(format!("{path}.{name} is {quantity}, which is no quantity"));
        }
    }
}
