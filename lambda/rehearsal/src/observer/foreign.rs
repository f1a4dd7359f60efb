//! Law 14: a notice for an instance of other systems costs a bounded number of calls and ends within seconds.

use super::Invocation;
use crate::{
    Law,
    faults::Api,
    world::state::{Cluster, State},
};

/// DescribeInstances, tried four times.
const EC2_CALLS: usize = 4;
/// DescribeAutoScalingInstances and DescribeAutoScalingGroups.
const GROUP_CALLS: usize = 2;
/// Looks at the node lists.
const LOOKS: usize = 2;
/// Nodes of one page of a list.
const PAGE: usize = 500;
/// The head start of EC2, ten seconds to the second look, and jitter.
const ENDS_MS: u64 = 15_000;
/// The same where node lists or groups fail: the end of every search, and jitter.
const SEARCH_ENDS_MS: u64 = 35_000;

impl State {
    /// Law 14, held after the run.
    pub(super) fn judge_foreign(&mut self) {
        let mut broken = Vec::new();
        for (env, invocation) in self.observer.invocations.iter().enumerate() {
            let [told] = &invocation.told[..] else { continue };
            let instance = self.instances.get(&told.instance);
            let is_foreign = instance.is_none_or(|i| !self.clusters[i.cluster].registered);
            let ended_ms = invocation.ended_ms.filter(|_| is_foreign && invocation.answered);
            let Some(ended_ms) = ended_ms else { continue };
            for what in self.too_dear(invocation, ended_ms) {
                broken.push((ended_ms, format!("f{env} {what} for {}, not ours", told.instance)));
            }
        }
        for (at_ms, what) in broken {
            self.observer.broken(Law::ForeignNotice, at_ms, what);
        }
    }

    /// What an invocation that ended at `ended_ms` has spent too much of. Calls are repeated where a fault struck
    /// their API, but those to EC2 are few all the same.
    fn too_dear(&self, invocation: &Invocation, ended_ms: u64) -> Vec<String> {
        let is_struck = |api: Api| invocation.struck.contains_key(&api);
        let calls = invocation.calls.iter().filter(|((api, _), _)| *api == Api::Ec2 || !is_struck(*api));
        let too_many = calls.filter_map(|((api, cluster), calls)| {
            let most = match (api, cluster) {
                (Api::Ec2, _) => EC2_CALLS,
                (Api::AutoScaling, _) => GROUP_CALLS,
                (_, Some(name)) => self.clusters.iter().find(|c| c.name == *name).map_or(0, lists),
                (_, None) => 0,
            };
            let place = cluster.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
            (*calls > most).then(|| format!("{calls} calls to {}{place}", api.as_str()))
        });
        let hindered = [Api::Kubernetes, Api::AutoScaling, Api::Eks].into_iter().any(is_struck);
        let slack_ms = 10 * (self.pace.latency_ms + self.pace.jitter_ms);
        let ends_ms = if hindered { SEARCH_ENDS_MS } else { ENDS_MS } + slack_ms;
        let took_ms = ended_ms - invocation.entered_ms;
        let too_long = (took_ms > ends_ms).then(|| format!("{took_ms} ms"));
        too_many.chain(too_long).collect()
    }
}

/// Calls that look at all nodes of a cluster; an unregistered one gets none.
fn lists(cluster: &Cluster) -> usize {
    if cluster.registered { LOOKS * cluster.nodes.len().div_ceil(PAGE).max(1) } else { 0 }
}
