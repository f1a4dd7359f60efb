//! What the stages may ask of AWS and Kubernetes. Each service has a file; none of them decides anything.

use std::{fmt, future::Future};

use serde::Serialize;

use crate::{
    facts::Facts,
    plan::{Change, Observed},
    resource::Resource,
    verify::{Check, Verdict},
};

mod aws;
mod connection;
pub mod console;
mod ec2;
mod eks;
mod error;
mod events;
mod iam;
mod kubernetes;
mod lambda;
mod logs;
mod propagation;
mod sqs;
mod sts;
mod tags;
#[cfg(test)]
mod wire;

pub use aws::Aws;
pub use connection::Connection;

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

/// AWS and the cluster. Every write can be made twice: to create what is there already as wanted, and to delete
/// what is not there, is success. What takes a moment to be known everywhere (IAM) is tried again within.
pub trait Provider: Send + Sync {
    /// Looks up the facts; a cluster that is not there is [`crate::facts::Cluster::gone`]. All that went wrong.
    fn facts(&self, cluster: &str) -> impl Future<Output = Result<Facts, Vec<Error>>> + Send;

    /// Looks at resources, each as far as it is there; everything that went wrong, if anything has.
    fn observe(
        &self,
        facts: &Facts,
        resources: &[&Resource],
    ) -> impl Future<Output = Result<Observed, Vec<Error>>> + Send;

    /// Makes it. [`ErrorKind::Changed`] if it is there, but otherwise.
    fn create(&self, resource: &Resource) -> impl Future<Output = Result<Made, Error>> + Send;

    /// Makes it so. [`ErrorKind::Changed`] if it has another revision by now.
    fn update(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> impl Future<Output = Result<Made, Error>> + Send;

    /// Takes it away, with everything in it that could keep it there.
    fn delete(&self, resource: &Resource) -> impl Future<Output = Result<Made, Error>> + Send;

    /// Tries something that has to work, without changing anything.
    fn check(&self, facts: &Facts, check: &Check) -> impl Future<Output = Result<Verdict, Error>> + Send;
}
