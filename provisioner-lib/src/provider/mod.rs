//! What the stages may ask of AWS and Kubernetes. Each service has a file; none of them decides anything.

use std::future::Future;

use crate::{
    check::{Check, Verdict},
    facts::Facts,
    observed::Observed,
    resource::Change,
    resource::Resource,
};

mod aws;
mod clients;
mod direct;
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
mod tags;

pub use aws::Aws;
pub use direct::Direct;
pub use lambda::RolledBack;

pub use crate::call::{AccessKey, Error, ErrorKind, Made};
pub use cast_spot_cloud::Connection;
#[cfg(test)]
use cast_spot_cloud::wire;

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

    /// Ids of instances that run, or are about to, with a role: with any of the instance profiles that it is in. EKS makes
    /// one of its own for each managed node group ("Amazon EKS node IAM role" in the EKS User Guide).
    fn instances_with(&self, role: &str) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Waits before a plan is made anew for the `round`th time: somebody else is at work, and is to get on with it.
    fn pause(&self, round: u32) -> impl Future<Output = ()> + Send;

    /// Tries what has to work, without changing anything: a verdict for each check, in their order.
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
