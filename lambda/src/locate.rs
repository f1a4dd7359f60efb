//! Instance -> cluster, node, group. EC2 answers first; where it is throttled, slow or down, the registered
//! clusters' own node lists do, and where those fail too, the tags of its Auto Scaling group.
//!
//! Most notices of an account may be about instances of other systems. So each of the three ways is bounded: four
//! calls to EC2, two lists of each cluster that answers, and all of it ends within 30 s.

use std::time::Duration;

use crate::{plan::owner::Owner, report::reason};

mod place;
mod search;

pub(crate) use search::Search;

/// Limit of one list with all its pages.
pub(crate) const LIST_LIMIT: Duration = Duration::from_secs(20);

/// Limit of [`Search::locate_late`].
pub(crate) const LATE_LIMIT: Duration = Duration::from_secs(15);

/// The place of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// EC2 instance id.
    pub(crate) instance_id: String,
    /// Registered EKS cluster.
    pub(crate) cluster: String,
    /// providerID that the node must have.
    pub(crate) provider_id: String,
    /// Most likely node name; the providerID decides.
    pub(crate) node: Option<String>,
    /// Auto Scaling group, where it is known.
    pub(crate) group: Option<String>,
    /// Whether the group belongs to an EKS managed node group.
    pub(crate) managed: bool,
    /// Another owner of the node, which is then only observed.
    pub(crate) owner: Option<Owner>,
    /// Whether EC2 shows the instance as running.
    pub(crate) running: bool,
    /// An end that is sooner than the notice says.
    pub(crate) ends: Option<Ending>,
    /// Why EC2 did not locate the instance, where a node list or the group did.
    pub ec2_failure: Option<String>,
}

impl Target {
    /// Facts about the locating that a reader of the report needs.
    pub(crate) fn remark(&self) -> Option<String> {
        reason([self.ends.as_ref().map(|ending| ending.reason.clone()), self.ec2_failure.clone()])
    }
}

/// An end that is sooner than the notice's deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Time from now on.
    pub(crate) within: Duration,
    /// Evidence of that.
    pub(crate) reason: String,
}

/// Result of locating an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Located {
    /// A node of a registered cluster.
    Here(Target),
    /// A node of a registered cluster that is terminated already.
    Gone {
        /// Registered EKS cluster.
        cluster: String,
        /// Evidence of that.
        reason: String,
    },
    /// An instance of another system; why.
    Elsewhere(String),
}

#[cfg(test)]
mod tests;
