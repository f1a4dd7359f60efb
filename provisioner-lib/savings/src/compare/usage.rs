//! The fourth configuration: the nodes of "with Spot" for pods that request what they use.

use std::collections::BTreeMap;

use super::{Comparison, Inputs, notes::usage_unknown, sum::percent};
use crate::{
    demand::requests_of,
    machines::Place,
    objects::is_live,
    quantity::Resources,
    report::{Configuration, Name, Usage, WorkloadUsage},
    snapshot::Snapshot,
    usage::{headroom, resized, used},
    verdict::{Judged, Owned},
};

const MIB: u64 = 1024 * 1024;

impl Inputs<'_> {
    /// Adds what pods and workloads use to the report, or why that is not known.
    pub(super) fn add_usage(&self, Comparison { report, judged, .. }: &mut Comparison) {
        match self.usage(judged, &report.today, report.unknown.is_none()) {
            Some((usage, of_workloads)) => {
                report.usage = Some(usage);
                let workloads = report.workloads.iter_mut().zip(of_workloads);
                workloads.for_each(|(workload, usage)| workload.usage = usage);
            }
            None => report.assumptions.push(usage_unknown(self.snapshot)),
        }
    }

    /// What pods use, and what each workload does; none without metrics. Nodes are proposed if `has_figures`: each workload
    /// keeps its market, so that usage alone is the difference to the configuration with Spot.
    fn usage(
        &self,
        judged: &[Judged],
        today: &Configuration,
        has_figures: bool,
    ) -> Option<(Usage, Vec<Option<WorkloadUsage>>)> {
        let snapshot = self.snapshot;
        let measured = used(snapshot);
        if measured.is_empty() {
            return None;
        }
        let headroom_percent =
            self.choices.usage_headroom_percent.unwrap_or_else(|| headroom(snapshot.usage_days));
        let owned = judged.iter().map(|judged| &judged.owned);
        let sized = resized(snapshot, owned.clone(), &measured, headroom_percent);
        let workloads = owned.map(|owned| workload(owned, snapshot, &measured, &sized)).collect();
        let all: Resources = measured.values().sum();
        let is_on_ec2 = |pod: usize| self.machine_of(pod).is_some_and(|machine| machine.place == Place::Ec2);
        let on_ec2: Resources =
            measured.iter().filter(|(pod, _)| is_on_ec2(**pod)).map(|(_, used)| used).sum();
        let nodes: Resources = self.of_ec2().map(|machine| &machine.allocatable).sum();
        let found = has_figures.then(|| {
            let inputs = Inputs::of(&sized, self.prices, self.choices);
            inputs.propose(&mut judged.to_vec(), Name::Usage, today)
        });
        let is_new = found.as_ref().is_some_and(|found| !found.proposal.as_today);
        let risks = is_new.then(|| risks(snapshot.usage_days)).into_iter().flatten();
        let risks = risks.chain(found.iter().flat_map(|found| found.notes.clone())).collect();
        let (proposal, unplaced) =
            found.map_or((None, Vec::new()), |found| (Some(found.proposal), found.unplaced));
        let usage = Usage {
            measured_at: snapshot.pod_metrics.iter().filter_map(|metrics| metrics.timestamp).max(),
            days: snapshot.usage_days,
            pods: snapshot.pods.iter().filter(|pod| is_live(pod)).count(),
            measured: measured.len(),
            cpu_millis: all.cpu,
            memory_mib: all.memory / MIB,
            cpu_percent: percent(on_ec2.cpu, nodes.cpu),
            memory_percent: percent(on_ec2.memory, nodes.memory),
            headroom_percent,
            risks,
            proposal,
            unplaced,
        };
        Some((usage, workloads))
    }
}

/// What a workload uses and requests in the `sized` cluster; none if no pod of it is measured.
fn workload(
    owned: &Owned,
    snapshot: &Snapshot,
    measured: &BTreeMap<usize, Resources>,
    sized: &Snapshot,
) -> Option<WorkloadUsage> {
    let known = || owned.pods.iter().filter_map(|pod| Some((pod, measured.get(pod)?)));
    let used: Resources = known().map(|(_, used)| used).sum();
    let requested: Resources = known().map(|(pod, _)| requests_of(&snapshot.pods[*pod])).sum();
    let then: Resources = owned.pods.iter().map(|pod| requests_of(&sized.pods[*pod])).sum();
    (known().count() > 0).then(|| WorkloadUsage {
        measured: known().count(),
        cpu_millis: used.cpu,
        memory_mib: used.memory / MIB,
        cpu_percent: percent(used.cpu, requested.cpu),
        memory_percent: percent(used.memory, requested.memory),
        sized_cpu_millis: then.cpu,
        sized_memory_mib: then.memory / MIB,
    })
}

/// What speaks against requests by usage.
fn risks(days: Option<u32>) -> [String; 4] {
    let measured = match days {
        Some(days) => format!(
            "Usage is of {days} days, or of the pod's life if that is shorter: for 5 % of the time a pod used more CPU, \
             and what happens once a month may not be in it."
        ),
        None => "Usage is of one moment, the last 15 to 60 s before it was read: peaks of a day, a week or a start are \
                 not in it. --prometheus reads days of it."
            .to_owned(),
    };
    [
        measured.as_str(),
        "A pod that uses more CPU than it requests shares what is left of its node. One that uses more memory is among \
         the first to be evicted or killed where memory runs short; limits are not changed, and pods lose the QoS \
         class Guaranteed.",
        "A HorizontalPodAutoscaler that scales by percent of requests adds pods earlier where requests shrink: their \
         nodes are not counted.",
        "It is not rehearsed, and --output nodepool does not have it: set the requests first, a few workloads at a time.",
    ]
    .map(str::to_owned)
}
