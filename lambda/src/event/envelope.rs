//! The envelope that all EventBridge events share (EventBridge user guide, "Event structure").

use jiff::Timestamp;
use serde_json::Value;

use super::EventError;

/// Header of an event, and its detail as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Event id.
    pub id: String,
    /// Service that sent it.
    pub source: String,
    /// Kind of the detail.
    pub detail_type: String,
    /// When the service issued it.
    pub time: Timestamp,
    /// Account that it is about.
    pub account: Option<String>,
    /// Region that it is about.
    pub region: Option<String>,
    /// The kind's own part, not yet decoded.
    pub detail: Value,
}

impl Envelope {
    pub(super) fn decode(event: &Value) -> Result<Self, EventError> {
        if !event.is_object() {
            return Err(EventError::new("", format!("expected an object, found {}", type_name(event))));
        }
        let time = text(event, "", "time")?;
        let Some(detail) = event.get("detail").filter(|d| d.is_object()) else {
            return Err(EventError::new("detail", "missing or not an object"));
        };
        let named = |key: &str| event.get(key).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            account: named("account"),
            region: named("region"),
            id: text(event, "", "id")?.to_owned(),
            source: text(event, "", "source")?.to_owned(),
            detail_type: text(event, "", "detail-type")?.to_owned(),
            time: time
                .parse()
                .map_err(|_| EventError::new("time", format!("`{time}` is not an RFC 3339 time")))?,
            detail: detail.clone(),
        })
    }

    /// A text field of the detail.
    pub(super) fn detail_text(&self, key: &str) -> Result<&str, EventError> {
        text(&self.detail, "detail.", key)
    }
}

fn text<'a>(object: &'a Value, path: &str, key: &str) -> Result<&'a str, EventError> {
    match object.get(key) {
        None => Err(EventError::new(format!("{path}{key}"), "missing")),
        Some(Value::String(s)) if s.is_empty() => Err(EventError::new(format!("{path}{key}"), "empty")),
        Some(Value::String(s)) => Ok(s),
        Some(other) => {
            Err(EventError::new(format!("{path}{key}"), format!("expected text, found {}", type_name(other))))
        }
    }
}

pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
