//! The audit log of the API server: requests, their users and their answers.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// The audit log of one API server, over all its restarts. An entry is written before its answer ends, so what a
/// client has an answer to is there. A watch is there once it has ended. The control plane's own parts are not
/// logged.
#[derive(Debug, Clone)]
pub struct Log {
    path: PathBuf,
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The authenticated user; empty if the token was refused.
    pub user: String,
    /// The user's groups.
    pub groups: Vec<String>,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`...
    pub verb: String,
    /// Plural name of the resource; empty for paths such as `/readyz`.
    pub resource: String,
    /// `eviction` of `pods/eviction`.
    pub subresource: Option<String>,
    /// Namespace of the object.
    pub namespace: Option<String>,
    /// Name of the object.
    pub name: Option<String>,
    /// Status code of the answer.
    pub code: u16,
    /// Time of the request.
    pub received: Timestamp,
    /// Time at which the answer was complete.
    pub completed: Timestamp,
    /// The client's User-Agent.
    pub user_agent: String,
    /// Path and query.
    pub uri: String,
    /// Body of a write to nodes, pods or evictions.
    pub body: Option<Value>,
}

impl Entry {
    /// Whether the request is an eviction of a pod.
    #[must_use]
    pub fn is_eviction(&self) -> bool {
        self.resource == "pods" && self.subresource.as_deref() == Some("eviction")
    }

    /// Whether the request deletes a pod, past its PodDisruptionBudget.
    #[must_use]
    pub fn is_pod_deletion(&self) -> bool {
        self.resource == "pods" && self.subresource.is_none() && self.verb == "delete"
    }

    /// The DeleteOptions of an eviction or a delete.
    #[must_use]
    pub fn delete_options(&self) -> Option<&Value> {
        let body = self.body.as_ref()?;
        if self.is_eviction() { body.get("deleteOptions") } else { Some(body) }
    }
}

impl Log {
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// All entries, in the order of their answers.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let words = match fs::read_to_string(&self.path) {
            Ok(words) => words,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| self.path.display().to_string()),
        };
        parse(&words).with_context(|| self.path.display().to_string())
    }

    /// The entries of one user.
    pub fn of_user(&self, user: &str) -> Result<Vec<Entry>> {
        let mut entries = self.entries()?;
        entries.retain(|entry| entry.user == user);
        Ok(entries)
    }
}

/// Reads one entry per line. What follows the last line break is still being written.
fn parse(words: &str) -> Result<Vec<Entry>> {
    let complete = words.rfind('\n').map_or("", |end| &words[..end]);
    complete
        .lines()
        // An API server that was killed may have left half a line, to which the next one has added.
        .filter_map(|line| line.rfind(r#"{"kind":"Event","#).map(|start| &line[start..]))
        .map(|line| Ok(serde_json::from_str::<Event>(line).with_context(|| line.to_owned())?.into()))
        .collect()
}

/// `audit.k8s.io/v1` Event, with the fields that the tests read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    user: User,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: Status,
    request_object: Option<Value>,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Deserialize, Default)]
struct ObjectRef {
    #[serde(default)]
    resource: String,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    code: u16,
}

impl From<Event> for Entry {
    fn from(event: Event) -> Self {
        Self {
            user: event.user.username,
            groups: event.user.groups,
            verb: event.verb,
            resource: event.object_ref.resource,
            subresource: event.object_ref.subresource,
            namespace: event.object_ref.namespace,
            name: event.object_ref.name,
            code: event.response_status.code,
            received: event.request_received_timestamp,
            completed: event.stage_timestamp,
            user_agent: event.user_agent,
            uri: event.request_uri,
            body: event.request_object,
        }
    }
}
