//! Usage of pods, and the cluster whose pods request what they use. Data flows one way: the metrics of a snapshot give
//! [`used`], the greatest usage in each workload gives `resized`, and the stages that make every other configuration
//! read that snapshot as they read the cluster's own.

pub mod prometheus;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::core::v1::{Container, Pod, PodSpec, ResourceRequirements},
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};

use crate::{
    demand::requests,
    objects::{self, is_live},
    quantity::Resources,
    snapshot::{PodMetrics, Snapshot},
    verdict::{Kind, Owned, is_headroom},
};

/// Age in seconds below which a pod still starts.
const YOUNGEST_SECONDS: i64 = 300;
/// Least requests: a pod that waits uses almost nothing.
pub(crate) const LEAST: Resources =
    Resources { cpu: 10, memory: 32 * 1024 * 1024, ephemeral_storage: 0, extended: BTreeMap::new() };

/// Percent that requests have above usage by default: 50 for one moment, and 15 for the 95th percentile of days.
#[must_use]
pub const fn headroom(days: Option<u32>) -> u32 {
    if days.is_some() { 15 } else { 50 }
}

/// CPU and memory that pods use, by their place in [`Snapshot::pods`]. Left out are pods that started less than five
/// minutes before, and those of which a container is not measured.
#[must_use]
pub fn used(snapshot: &Snapshot) -> BTreeMap<usize, Resources> {
    let metrics: BTreeMap<_, &PodMetrics> =
        snapshot.pod_metrics.iter().map(|metrics| (id(&metrics.metadata), metrics)).collect();
    let pods = snapshot.pods.iter().enumerate().filter(|(_, pod)| is_live(pod));
    pods.filter_map(|(place, pod)| Some((place, of_pod(pod, metrics.get(&id(&pod.metadata))?)?))).collect()
}

/// Whether there are metrics, and none of a pod of the snapshot.
pub(crate) fn is_of_other_pods(snapshot: &Snapshot) -> bool {
    let pods: BTreeSet<_> = snapshot.pods.iter().map(|pod| id(&pod.metadata)).collect();
    let metrics = &snapshot.pod_metrics;
    !metrics.is_empty() && metrics.iter().all(|metrics| !pods.contains(&id(&metrics.metadata)))
}

fn id(metadata: &ObjectMeta) -> (&str, &str) {
    (objects::namespace(metadata), objects::name(metadata))
}

fn of_pod(pod: &Pod, metrics: &PodMetrics) -> Option<Resources> {
    let start = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
    let start = start.or(pod.metadata.creation_timestamp.as_ref());
    let age = start.zip(metrics.timestamp).map(|(start, at)| at.as_second() - start.0.as_second());
    if age.is_some_and(|seconds| seconds < YOUNGEST_SECONDS) {
        return None;
    }
    let containers = running(pod.spec.as_ref()?).map(|container| {
        let usage = &metrics.containers.iter().find(|found| found.name == container.name)?.usage;
        let is_whole = ["cpu", "memory"].iter().all(|name| usage.contains_key(*name));
        is_whole.then(|| Resources::read(usage))
    });
    let all: Resources = containers.collect::<Option<Vec<_>>>()?.iter().sum();
    Some(Resources { cpu: all.cpu, memory: all.memory, ..Resources::default() })
}

/// The containers that run as long as the pod: its own, and sidecars.
fn running(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten().filter(|found| is_sidecar(found)))
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The snapshot with the greatest usage of a measured pod of each workload, and headroom, as the requests of all its
/// pods. Workloads without a measured pod keep their requests. So do Jobs, of which a moment shows one phase, and pods
/// that only hold room, which they do by requests.
pub(crate) fn resized<'o>(
    snapshot: &Snapshot,
    workloads: impl Iterator<Item = &'o Owned>,
    used: &BTreeMap<usize, Resources>,
    headroom_percent: u32,
) -> Snapshot {
    let mut snapshot = snapshot.clone();
    for owned in workloads.filter(|owned| owned.kind != Kind::Job) {
        if owned.pods.iter().any(|pod| snapshot.pods[*pod].spec.as_ref().is_some_and(is_headroom)) {
            continue;
        }
        let greatest = owned.pods.iter().filter_map(|pod| used.get(pod)).cloned();
        let Some(greatest) = greatest.reduce(|most, other| most.greater(&other)) else { continue };
        let size = size(&greatest, headroom_percent);
        for pod in &owned.pods {
            snapshot.pods[*pod].spec.iter_mut().for_each(|spec| request(spec, &size));
        }
        // The template counts beside the running pods.
        let is_it = |metadata: &ObjectMeta| {
            owned.kind == Kind::DaemonSet && id(metadata) == (owned.namespace.as_str(), owned.name.as_str())
        };
        for set in snapshot.daemon_sets.iter_mut().filter(|set| is_it(&set.metadata)) {
            let template = set.spec.iter_mut().filter_map(|spec| spec.template.spec.as_mut());
            template.for_each(|spec| request(spec, &size));
        }
    }
    snapshot
}

/// Usage and headroom, and at least [`LEAST`].
fn size(used: &Resources, headroom_percent: u32) -> Resources {
    let with_headroom = |amount: u64| {
        let amount = (u128::from(amount) * (100 + u128::from(headroom_percent))).div_ceil(100);
        u64::try_from(amount).unwrap_or(u64::MAX)
    };
    Resources { cpu: with_headroom(used.cpu), memory: with_headroom(used.memory), ..Resources::default() }
        .greater(&LEAST)
}

/// Makes the pod request `size` as a whole, but no more than its limits, which the API server would refuse, and no less
/// than its init containers need.
fn request(spec: &mut PodSpec, size: &Resources) {
    let mut starting = PodSpec { init_containers: spec.init_containers.clone(), ..PodSpec::default() };
    starting.init_containers.iter_mut().for_each(|found| found.retain(|container| !is_sidecar(container)));
    let (least, most) = (requests(&starting), limits(spec));
    let amount = |size: u64, least: u64, most: u64| if most > 0 { size.min(most) } else { size }.max(least);
    let (cpu, memory) =
        (amount(size.cpu, least.cpu, most.cpu), amount(size.memory, least.memory, most.memory));
    let whole = spec.resources.get_or_insert_with(ResourceRequirements::default);
    whole.requests.get_or_insert_default().extend([
        ("cpu".to_owned(), Quantity(format!("{cpu}m"))),
        ("memory".to_owned(), Quantity(memory.to_string())),
    ]);
}

/// Limits of the pod: its own, else the sum of its containers'. Zero if it has none.
fn limits(spec: &PodSpec) -> Resources {
    let of = |resources: Option<&ResourceRequirements>| {
        resources.and_then(|found| found.limits.as_ref()).map(Resources::read).unwrap_or_default()
    };
    let whole = of(spec.resources.as_ref());
    let each: Vec<Resources> = running(spec).map(|container| of(container.resources.as_ref())).collect();
    let limit = |amount: fn(&Resources) -> u64| match amount(&whole) {
        0 if each.iter().any(|limits| amount(limits) == 0) => 0,
        0 => each.iter().map(amount).fold(0, u64::saturating_add),
        limit => limit,
    };
    Resources {
        cpu: limit(|limits| limits.cpu),
        memory: limit(|limits| limits.memory),
        ..Resources::default()
    }
}

#[cfg(test)]
mod tests;
