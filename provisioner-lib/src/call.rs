//! How a call of AWS or Kubernetes ends: what it leaves, or why it failed.

use std::fmt;

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

/// A key that has just been made: it can be read now and never again. In no log, no plan and no report.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id, which is no secret.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a write leaves besides the resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The key, if one was made.
    pub access_key: Option<AccessKey>,
    /// What the report should keep: the ConfigMap `aws-auth` as it was before, for instance.
    pub backup: Option<String>,
}

/// Whether a secret may be sent to `url`: encrypted, or not leaving this machine.
#[must_use]
pub fn is_safe(url: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_local = local.iter().any(|start| {
        url.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    url.len() > "https://".len() && url.starts_with("https://") || is_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_leaves_the_machine_encrypted_only() {
        for (url, safe) in [
            ("https://api.example.com", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
            ("http://localhost.example.com", false),
            ("http://api.example.com", false),
            ("https://", false),
            ("api.example.com", false),
        ] {
            assert_eq!(is_safe(url), safe, "{url}");
        }
    }
}
