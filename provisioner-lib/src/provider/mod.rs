//! AWS and Kubernetes behind one trait. Each service has a file; none of them decides anything.

use std::future::Future;

use crate::{
    check::{Check, Verdict},
    facts::Facts,
    observed::Observed,
    resource::{Change, Resource},
};

mod aws;
mod clients;
mod direct;
mod dispatch;
pub(crate) mod ec2;
pub(crate) mod error;
pub(crate) mod iam;
mod kubernetes;
mod lambda;
pub(crate) mod live;
pub(crate) mod propagation;
mod services;

pub use aws::Aws;
pub use direct::Direct;
pub(crate) use kubernetes::{Kubernetes, gone};
pub(crate) use services::Services;

pub use crate::resource::function::aws::versions::RolledBack;

pub use crate::call::{AccessKey, Error, ErrorKind, Made};
pub use cast_spot_cloud::Connection;
#[cfg(test)]
pub(crate) use cast_spot_cloud::wire;

/// AWS and the cluster. Writes are idempotent: creating what exists as wanted succeeds, and so does deleting what does
/// not exist. Calls that IAM's eventual consistency makes fail are retried within.
pub trait Provider: Send + Sync {
    /// Reads the facts; a cluster that does not exist is [`crate::facts::Cluster::gone`]. Fails with all errors.
    fn facts(&self, cluster: &str) -> impl Future<Output = Result<Facts, Vec<Error>>> + Send;

    /// Reads those of `resources` that exist. Fails with all errors.
    fn observe(
        &self,
        facts: &Facts,
        resources: &[&Resource],
    ) -> impl Future<Output = Result<Observed, Vec<Error>>> + Send;

    /// Creates the resource. Fails with [`ErrorKind::Changed`] if one exists that differs.
    fn create(&self, resource: &Resource) -> impl Future<Output = Result<Made, Error>> + Send;

    /// Updates the resource to match. Fails with [`ErrorKind::Changed`] if its revision is another one by now.
    fn update(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> impl Future<Output = Result<Made, Error>> + Send;

    /// Deletes the resource, with everything in it that would prevent that.
    fn delete(&self, resource: &Resource) -> impl Future<Output = Result<Made, Error>> + Send;

    /// Returns the ids of pending and running instances with a role, by any instance profile that has it. EKS creates
    /// one for each managed node group ("Amazon EKS node IAM role" in the EKS User Guide).
    fn instances_with(&self, role: &str) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Waits before the `round`th new plan, so that a concurrent run can proceed.
    fn pause(&self, round: u32) -> impl Future<Output = ()> + Send;

    /// Carries out the checks without changing anything. Returns a verdict for each, in their order.
    fn check(
        &self,
        facts: &Facts,
        checks: &[Check],
    ) -> impl Future<Output = Vec<Result<Verdict, Error>>> + Send;
}

/// Lists what would be deleted with a namespace.
pub trait NamespaceContents {
    /// Objects in a namespace that cast-spot does not manage and no other object owns, as `Kind/name`.
    fn unmanaged_objects(
        &self,
        namespace: &str,
    ) -> impl Future<Output = Result<Vec<String>, Vec<Error>>> + Send;
}
