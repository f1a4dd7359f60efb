//! Faults in a payload, in words that are safe to log.

use serde_json::Value;

/// A malformed event. [`EventError::TYPE`] is the stable `error_type` of the function's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem} (hint: the payload must be an EventBridge event or an SQS batch of them)")]
pub struct EventError {
    /// Path of the field.
    pub field: String,
    /// The fault in it.
    pub problem: String,
}

impl EventError {
    /// Stable name of this error, for alarms.
    pub const TYPE: &'static str = "InvalidEvent";

    pub(super) fn new(field: impl AsRef<str>, problem: impl AsRef<str>) -> Self {
        Self { field: printable(field.as_ref()), problem: printable(problem.as_ref()) }
    }

    /// The same error, of an event that stands at `place` in the payload.
    #[must_use]
    pub fn inside(self, place: &str) -> Self {
        let field = match (place, self.field.as_str()) {
            ("", _) => self.field,
            (_, "") => place.to_owned(),
            (_, field) => format!("{place}.{field}"),
        };
        Self { field, ..self }
    }
}

/// Longest text of an event in an error or a report.
const LONGEST_TEXT: usize = 300;

/// Text that an event brings, for people: in one line, without control characters, and not endless. Text of the
/// sender must not look like a log line of its own.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::new();
    for c in text.chars() {
        if printable.len() >= LONGEST_TEXT {
            printable.push('…');
            break;
        }
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}

/// The one JSON document in a text, which may begin with a byte order mark.
pub fn document(text: &str) -> Result<Value, EventError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let not_json = |error: &serde_json::Error| EventError::new("", format!("not JSON: {error}"));
    match (documents.next(), documents.next()) {
        (Some(Ok(document)), None) => Ok(document),
        (Some(Ok(_)), Some(Ok(_))) => {
            let problem = "several JSON documents, one after the other: expected one event";
            Err(EventError::new("", problem))
        }
        (Some(Err(error)), _) | (Some(Ok(_)), Some(Err(error))) => Err(not_json(&error)),
        (None, _) => Err(EventError::new("", "not JSON: there is nothing in it")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_holds_one_document_after_its_byte_order_mark() {
        assert_eq!(document("\u{feff} {\"a\": 1}\n"), Ok(json!({"a": 1})));
        for (text, named) in [("", "nothing"), ("{", "not JSON"), ("{} {}", "several"), ("{} x", "not JSON")]
        {
            let error = document(text).unwrap_err();
            assert!(error.problem.contains(named), "{text}: {error}");
        }
    }
}
