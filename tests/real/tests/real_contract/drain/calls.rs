//! A call to the API server, seen by the client or by the server.

use cast_spot_real::audit;
use http::{Method, Uri};
use serde_json::Value;

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) verb: String,
    /// Path and query.
    pub(crate) uri: String,
    /// Status of the answer; 0 without an answer.
    pub(crate) code: u16,
    /// DeleteOptions of an eviction or a delete, operations of a patch.
    pub(crate) body: Value,
}

impl Call {
    /// A call that was just sent.
    pub(crate) fn sent(method: &Method, uri: &Uri, body: Value) -> Self {
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let verb = match *method {
            Method::POST => "create",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ if path.contains("watch=true") => "watch",
            _ if is_collection(uri.path()) => "list",
            _ => "get",
        };
        Self { verb: verb.to_owned(), body: relevant(verb, &path, body), uri: path, code: 0 }
    }
}

/// After `api/VERSION` or `apis/GROUP/VERSION` kinds and names take turns; a collection's path ends with a kind.
fn is_collection(path: &str) -> bool {
    let words: Vec<_> = path.trim_matches('/').split('/').collect();
    let version = if words.first() == Some(&"apis") { 3 } else { 2 };
    (words.len() - version) % 2 == 1
}

impl From<audit::Entry> for Call {
    fn from(entry: audit::Entry) -> Self {
        let body = relevant(&entry.verb, &entry.uri, entry.body.unwrap_or_default());
        Self { verb: entry.verb, uri: entry.uri, code: entry.code, body }
    }
}

/// The relevant part of a body. The audit log has no bodies of Events.
fn relevant(verb: &str, uri: &str, mut body: Value) -> Value {
    let mut relevant = match verb {
        "create" if uri.contains("/eviction") => body["deleteOptions"].take(),
        "delete" | "patch" => body,
        _ => Value::Null,
    };
    if let Some(options) = relevant.as_object_mut() {
        options.retain(|key, _| key != "kind" && key != "apiVersion");
    }
    relevant
}
