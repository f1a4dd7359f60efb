//! Pods with an equal fate at nearly equal times share a row, so that a node of 110 pods stays
//! readable. Who was killed, left or forced is named as long as there is room.

use std::collections::BTreeMap;

use crate::outcome::{Fate, PodTrack};

/// Forced, left and killed pods up to this number have a row of their own, always.
const NAMED: usize = 10;

/// Pods of one row, in the order in which they ended.
pub(super) type Group<'a> = Vec<&'a PodTrack>;

/// What pods of one row have in common, but for their fate.
type Key<'a> = (usize, &'a str, &'a str);

/// Folds the pods that were to leave into at most about `limit` rows, in the order of their end.
/// `column` is the place of a pod's end in the chart: what ends in one column looks the same anyway.
pub(super) fn fold(pods: &[PodTrack], limit: usize, column: impl Fn(&PodTrack) -> usize) -> Vec<Group<'_>> {
    let leaving = pods.iter().filter(|pod| pod.fate != Fate::Stays);
    let (smooth, notable): (Vec<_>, Vec<_>) =
        leaving.partition(|pod| pod.fate == Fate::Drained && !waited_long(pod));
    let mut rows = if notable.len() <= NAMED {
        notable.iter().map(|pod| vec![*pod]).collect()
    } else {
        groups(&notable, |pod| (0, pod.namespace.as_str(), workload(pod)))
    };
    if rows.len() > NAMED {
        rows = groups(&notable, |pod| (column(pod) / 2, "", ""));
    }
    let room = limit.saturating_sub(rows.len()).max(3);
    if smooth.len() <= room {
        rows.extend(smooth.iter().map(|pod| vec![*pod]));
    } else {
        let finest = (1..).map(|width| groups(&smooth, |pod| (column(pod) / width, "", "")));
        rows.extend(finest.into_iter().find(|rows| rows.len() <= room).unwrap_or_default());
    }
    rows.sort_by_key(|group| group.first().map(|pod| order(pod)));
    rows
}

/// Refused for so long that it shows.
fn waited_long(pod: &PodTrack) -> bool {
    let until = pod.terminating_ms.or(pod.ended_ms).unwrap_or(u64::MAX);
    pod.asked_ms.is_some_and(|asked| until.saturating_sub(asked) > 10_000)
}

/// Pods of equal fate and equal key together.
fn groups<'a>(pods: &[&'a PodTrack], key: impl Fn(&'a PodTrack) -> Key<'a>) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<(u8, Key<'a>), Group<'a>> = BTreeMap::new();
    for pod in pods {
        groups.entry((pod.fate as u8, key(pod))).or_default().push(pod);
    }
    let mut groups: Vec<Group<'a>> = groups.into_values().collect();
    for group in &mut groups {
        group.sort_by_key(|pod| order(pod));
    }
    groups
}

/// Order of rows: who ended first; then by name.
fn order(pod: &PodTrack) -> (u64, u64, &str, &str) {
    let last = u64::MAX;
    (pod.ended_ms.unwrap_or(last), pod.asked_ms.unwrap_or(last), &pod.namespace, &pod.name)
}

/// Name of the workload behind a pod's name: `web-7d9f8c5b6-x2x9z` and `web-0` are both of `web`.
fn owner(name: &str) -> &str {
    let Some((workload, _suffix)) = name.rsplit_once('-') else { return name };
    match workload.rsplit_once('-') {
        Some((deployment, hash)) if is_template_hash(hash) => deployment,
        _ => workload,
    }
}

/// The pod template hash in the name of a ReplicaSet: 6 to 10 letters and digits, a digit among them.
fn is_template_hash(text: &str) -> bool {
    (6..=10).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Workload of a pod.
fn workload(pod: &PodTrack) -> &str {
    owner(&pod.name)
}

/// Name of a row of at most `width` columns: the pod, the workloads while they fit, else the namespaces.
pub(super) fn label(group: &[&PodTrack], width: usize) -> String {
    let [first, others @ ..] = group else { return String::new() };
    if others.is_empty() {
        return format!("{}/{}", first.namespace, first.name);
    }
    let number = group.len();
    let namespaces = distinct(group.iter().map(|pod| pod.namespace.as_str()));
    let [namespace] = *namespaces else {
        return match *namespaces {
            [one, other] => format!("{number} pods of {one}, {other}"),
            _ => format!("{number} pods of {} namespaces", namespaces.len()),
        };
    };
    let workloads = distinct(group.iter().map(|pod| workload(pod)));
    let named = match *workloads {
        [one] => format!("{number} × {namespace}/{one}"),
        _ => format!("{namespace}/{}", workloads.join(", ")),
    };
    // One name for each pod, or none.
    if workloads.len() == 1 || workloads.len() == number && named.chars().count() <= width {
        named
    } else {
        format!("{number} pods of {namespace}")
    }
}

/// Each once, in order.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample::pod;
    use super::*;

    #[test]
    fn workload_is_read_from_the_name_of_a_pod() {
        for (name, workload) in [
            ("web-7d9f8c5b6-x2x9z", "web"),
            ("db-0", "db"),
            ("api-gateway-5c689d88bb-qwert", "api-gateway"),
            ("debug", "debug"),
        ] {
            assert_eq!(owner(name), workload, "{name}");
        }
    }

    fn rows(pods: &[PodTrack]) -> Vec<Group<'_>> {
        fold(pods, 12, |pod| usize::try_from(pod.ended_ms.unwrap_or(u64::MAX) / 1_000).unwrap_or(0))
    }

    #[test]
    fn few_pods_have_a_row_each() {
        let pods: Vec<_> = (0..5).map(|n| pod(n, Fate::Drained)).collect();
        assert_eq!(rows(&pods).len(), 5);
    }

    #[test]
    fn a_full_node_fits_into_the_rows_and_names_each_forced_pod() {
        let mut pods: Vec<_> = (0..110).map(|n| pod(n, Fate::Drained)).collect();
        pods.extend((200..203).map(|n| pod(n, Fate::Deleted)));
        pods.extend((300..304).map(|n| pod(n, Fate::Stays)));
        let rows = rows(&pods);
        assert!(rows.len() <= 12, "{}", rows.len());
        assert_eq!(rows.iter().map(Vec::len).sum::<usize>(), 113);
        let forced = rows.iter().filter(|row| row.iter().any(|pod| pod.fate == Fate::Deleted));
        assert!(forced.clone().all(|row| row.len() == 1));
        assert_eq!(forced.count(), 3);
    }

    #[test]
    fn many_killed_pods_are_counted_by_workload() {
        let pods: Vec<_> = (0..40).map(|n| pod(n, Fate::Killed)).collect();
        let rows = rows(&pods);
        assert!(rows.len() <= 12);
        assert_eq!(label(&rows[0], 30), "7 × batch/api");
    }

    #[test]
    fn a_row_names_its_workloads_while_they_fit() {
        let pods: Vec<_> = [1, 2].map(|n| pod(n, Fate::Drained)).into();
        let group: Vec<_> = pods.iter().collect();
        assert_eq!(label(&group, 20), "batch/api, worker");
        assert_eq!(label(&group, 10), "2 pods of batch");
    }
}
