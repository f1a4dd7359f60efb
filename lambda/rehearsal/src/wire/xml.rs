//! The AWS query protocols: forms in, XML out.

use serde_json::Value;

use super::Reply;

/// A document of one value: a list's elements are called `item`.
pub(super) fn document(status: u16, (kind, schema): (&str, &str), item: &str, body: &Value) -> Reply {
    let body = elements(body, item);
    let body =
        format!(r#"<?xml version="1.0" encoding="UTF-8"?><{kind} xmlns="http://{schema}/">{body}</{kind}>"#);
    Reply { content_type: "text/xml;charset=UTF-8", ..Reply::json(status, body) }
}

/// The elements of a value: what is null is left out.
fn elements(value: &Value, item: &str) -> String {
    let element = |name: &str, value: &Value| format!("<{name}>{}</{name}>", elements(value, item));
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| element(name, value))
            .collect(),
        Value::Array(values) => values.iter().map(|value| element(item, value)).collect(),
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        other => other.to_string(),
    }
}

/// The parameters of a query request.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `prefix.1`, `prefix.2`, …
    pub(super) fn list(&self, prefix: &str) -> Vec<String> {
        (1..).map_while(|number| self.get(&format!("{prefix}.{number}"))).map(str::to_owned).collect()
    }
}
