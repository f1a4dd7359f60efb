//! A failed call of AWS or Kubernetes.

use std::{error::Error as StdError, fmt};

use serde::Serialize;

/// The reason of a failure, by what a caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ErrorKind {
    /// The caller lacks a permission.
    Denied {
        /// The action, such as `iam:CreateRole`; in Kubernetes verb and resource.
        action: String,
    },
    /// Credentials are missing or have expired.
    Credentials,
    /// No answer.
    Unreachable,
    /// The resource has changed since it was read.
    Changed,
    /// A quota is used up.
    Limit,
    /// Anything else.
    Other,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Error {
    /// The reason.
    #[serde(flatten)]
    pub reason: ErrorKind,
    /// The call, such as `iam:CreateRole`.
    pub call: String,
    /// The service's message.
    pub message: String,
    /// What to do next, if known.
    pub hint: Option<String>,
}

impl Error {
    /// A failure with the service's own message.
    pub fn new(reason: ErrorKind, call: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, call: call.into(), message: message.into(), hint: None }
    }

    /// A failure that fits no other kind.
    pub fn other(call: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, call, message)
    }

    /// A failure because of a change since the last look.
    #[must_use]
    pub fn changed(call: &str, message: String) -> Self {
        Self::new(ErrorKind::Changed, call, message).hint("look again: run the same command once more")
    }

    /// The same failure with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure with a hint, unless it has one.
    #[must_use]
    pub(crate) fn or_hint(self, hint: impl Into<String>) -> Self {
        if self.hint.is_some() { self } else { self.hint(hint) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.message)
    }
}

/// The text of an error and of all its causes.
#[must_use]
pub fn with_causes(error: &dyn StdError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}
