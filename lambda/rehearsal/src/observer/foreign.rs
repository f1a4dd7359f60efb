//! Law 14: a notice for an instance of other systems costs a bounded number of calls and ends within seconds.

use crate::{faults::Api, world::state::State};

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

impl State {
    /// Law 14, held after the run.
    pub(super) fn judge_foreign(&mut self) {
        let registered = self.clusters.iter().filter(|cluster| cluster.registered);
        let pages: usize = registered.map(|cluster| cluster.nodes.len().div_ceil(PAGE).max(1)).sum();
        let most = EC2_CALLS + LOOKS * pages + GROUP_CALLS;
        let ends_ms = ENDS_MS + 10 * (self.pace.latency_ms + self.pace.jitter_ms);
        let mut broken = Vec::new();
        for (env, invocation) in self.observer.invocations.iter().enumerate() {
            let [told] = &invocation.told[..] else { continue };
            let instance = self.instances.get(&told.instance);
            let is_foreign = instance.is_none_or(|i| !self.clusters[i.cluster].registered);
            let struck = [Api::Kubernetes, Api::AutoScaling, Api::Eks];
            let Some(ended_ms) = invocation.ended_ms.filter(|_| is_foreign && invocation.answered) else {
                continue;
            };
            if struck.iter().any(|api| invocation.struck.contains_key(api)) {
                continue;
            }
            let (calls, took_ms) = (invocation.calls, ended_ms - invocation.entered_ms);
            if calls > most || took_ms > ends_ms {
                let what = format!("f{env} {calls} calls and {took_ms} ms for {}, not ours", told.instance);
                broken.push((ended_ms, what));
            }
        }
        for (at_ms, what) in broken {
            self.observer.broken(14, at_ms, what);
        }
    }
}
