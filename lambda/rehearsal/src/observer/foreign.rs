//! After the run: a notice for an instance of other systems costs a bounded number of calls and ends within seconds.

use std::collections::BTreeMap;

use super::{evidence::Case, findings::Findings, record::Cluster};
use crate::{faults::Api, law::Law};

/// DescribeInstances, tried four times.
const EC2_CALLS: usize = 4;
/// DescribeAutoScalingInstances and DescribeAutoScalingGroups.
const GROUP_CALLS: usize = 2;
/// Looks at the node lists.
const LOOKS: usize = 2;
/// Nodes of one page of a list.
const PAGE: usize = 500;
/// The head start of EC2, ten seconds to the second look, and jitter.
const ENDS_MS: i64 = 15_000;
/// The same where node lists or groups fail: the end of every search, and jitter.
const SEARCH_ENDS_MS: i64 = 35_000;

/// What an invocation has spent too much of. Calls are repeated where a fault struck their API, but those to EC2 are few
/// all the same.
pub(super) fn judge(case: &Case<'_>, found: &mut Findings<'_>) {
    let (invocation, clusters) = (case.invocation, &case.record.clusters);
    let is_foreign = case.instance.is_none_or(|instance| !clusters[instance.about.cluster].registered);
    let ended_ms = invocation.ended_ms.filter(|_| is_foreign && invocation.answered);
    let Some(ended_ms) = ended_ms else { return };
    let foreign = format!("for {}, not ours", case.notice.instance);
    let mut calls: BTreeMap<(Api, Option<&str>), usize> = BTreeMap::new();
    for (_, operation) in invocation.work() {
        if operation.api == Api::Ec2 || !invocation.is_struck(operation.api) {
            *calls.entry((operation.api, operation.cluster.as_deref())).or_default() += 1;
        }
    }
    for ((api, cluster), calls) in calls {
        let most = match (api, cluster) {
            (Api::Ec2, _) => EC2_CALLS,
            (Api::AutoScaling, _) => GROUP_CALLS,
            (_, Some(name)) => clusters.iter().find(|cluster| cluster.name == name).map_or(0, lists),
            (_, None) => 0,
        };
        let place = cluster.map(|name| format!(" of {name}")).unwrap_or_default();
        let what = format_args!("{calls} calls to {}{place} {foreign}", api.as_str());
        found.at(ended_ms).require(Law::ForeignNotice, calls <= most, what);
    }
    let is_hindered =
        [Api::Kubernetes, Api::AutoScaling, Api::Eks].into_iter().any(|api| invocation.is_struck(api));
    let ends_ms = if is_hindered { SEARCH_ENDS_MS } else { ENDS_MS } + case.rules.round_trips_ms(10);
    let took_ms = ended_ms - invocation.entered_ms;
    let what = format_args!("{took_ms} ms {foreign}");
    found.at(ended_ms).require(Law::ForeignNotice, took_ms <= ends_ms, what);
}

/// Calls that look at all nodes of a cluster; an unregistered one gets none.
fn lists(cluster: &Cluster) -> usize {
    if cluster.registered { LOOKS * cluster.nodes.div_ceil(PAGE).max(1) } else { 0 }
}
