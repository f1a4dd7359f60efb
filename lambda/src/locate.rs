//! Instance -> cluster, node, group. EC2 answers first; where it is throttled, slow or down, the registered
//! clusters' own node lists do, and where those fail too, the tags of its Auto Scaling group.
//!
//! Most notices of an account may be about instances of other systems. So each of the three ways is bounded: four
//! calls to EC2, two lists of each cluster that answers, and all of it ends within 30 s.

use std::time::Duration;

use crate::report::reason;

mod place;
mod search;

pub(crate) use search::Search;

/// Limit of one list with all its pages.
pub(crate) const LIST_LIMIT: Duration = Duration::from_secs(20);

/// Limit of [`Search::locate_late`].
pub(crate) const LATE_LIMIT: Duration = Duration::from_secs(15);

/// From `shutting-down` to the end of the instance's processes.
const SHUT_DOWN: Duration = Duration::from_secs(20);

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
    pub(crate) owner: Option<&'static str>,
    /// Its state in EC2; empty where EC2 has not answered.
    pub(crate) state: String,
    /// Why EC2 did not locate the instance, where a node list or the group did.
    pub ec2_failure: Option<String>,
}

impl Target {
    /// The time that an instance has left which ends sooner than the notice says.
    pub(crate) fn ends_within(&self) -> Option<Duration> {
        (self.state == "shutting-down").then_some(SHUT_DOWN)
    }

    /// Facts about the locating that a reader of the report needs.
    pub(crate) fn remark(&self) -> Option<String> {
        let ends = self.ends_within().map(|_| format!("{} is shutting-down already", self.instance_id));
        reason([ends, self.ec2_failure.clone()])
    }
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
