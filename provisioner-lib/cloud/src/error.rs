//! A call of AWS or Kubernetes that failed.

use std::{error::Error as StdError, fmt};

use serde::Serialize;

/// Why a call failed, as far as a caller can do something about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ErrorKind {
    /// The caller may not do it.
    Denied {
        /// The action, such as `iam:CreateRole`, or verb and resource.
        action: String,
    },
    /// There are no credentials, or they have expired.
    Credentials,
    /// No answer.
    Unreachable,
    /// Somebody else has changed it since it was looked at: look again.
    Changed,
    /// A quota is used up.
    Limit,
    /// Anything else.
    Other,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Error {
    /// What can be done about it.
    #[serde(flatten)]
    pub reason: ErrorKind,
    /// The call, such as `iam:CreateRole`.
    pub call: String,
    /// What the service said.
    pub message: String,
    /// What to do next, where that is known.
    pub hint: Option<String>,
}

impl Error {
    /// A failure with the service's own words.
    pub fn new(reason: ErrorKind, call: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, call: call.into(), message: message.into(), hint: None }
    }

    /// A failure that fits no other kind.
    pub fn other(call: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, call, message)
    }

    /// A failure because of a change since the last look.
    pub(crate) fn changed(call: &str, message: String) -> Self {
        Self::new(ErrorKind::Changed, call, message).hint("look again: run the same command once more")
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.message)
    }
}

/// An error with all its causes.
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
