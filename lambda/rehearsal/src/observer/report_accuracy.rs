//! A report against the facts at the moment of the answer.

use serde_json::Value;

use super::{
    evidence::{Broken, Case},
    record::Instance,
};
use crate::{
    facts::{PodId, pod_of},
    faults::Api,
    law::Law,
};

/// The laws that the one report for a notice breaks by what it says.
pub(super) fn violations_of(case: &Case<'_>, report: &Value) -> Vec<Broken> {
    let Some(instance) = case.instance else { return Vec::new() };
    let untrue = untrue_of_instance(case, instance, report).into_iter();
    let mut untrue: Vec<Broken> = untrue.map(|what| (Law::OneReport, what)).collect();
    let is_proven = is_cordoned(report);
    for entry in report["pods"].as_array().into_iter().flatten() {
        let pod = entry["uid"].as_str().and_then(pod_of).filter(|pod| *pod < case.record.pods.len());
        let (Some(pod), Some(outcome)) = (pod, entry["outcome"].as_str()) else {
            untrue.push((Law::OneReport, format!("it names no pod of the world: {entry}")));
            continue;
        };
        let label = &case.record.pods[pod].about.label;
        if is_proven && !instance.has_carried(pod) {
            untrue.push((Law::OneReport, format!("pod {label} stands on another instance")));
        } else if let Some((law, why)) = untrue_of_pod(case, instance, pod, outcome) {
            untrue.push((law, format!("pod {label}: {why}")));
        }
    }
    untrue
}

fn is_cordoned(report: &Value) -> bool {
    matches!(report["cordon"]["outcome"].as_str(), Some("done" | "already"))
}

fn untrue_of_instance(case: &Case<'_>, instance: &Instance, report: &Value) -> Vec<String> {
    let mut untrue = Vec::new();
    let reasons = [&report["reason"], &report["cordon"]["reason"], &report["replacement"]["reason"]];
    let mut reasons = reasons.into_iter().filter_map(Value::as_str);
    if let Some(panicked) = reasons.find(|reason| reason.starts_with("internal error: ")) {
        untrue.push(format!("the handler panicked: {panicked}"));
    }
    let mut hold = |holds: bool, what: &str| {
        if !holds {
            untrue.push(what.to_owned());
        }
    };
    hold(!is_cordoned(report) || instance.cordoned_ms.is_some(), "its node was never unschedulable");
    // Where capacity is short, a launch that stands for this instance may be another one's in the report.
    let group = instance.about.group.as_ref().and_then(|name| case.record.groups.get(name));
    let lacks_capacity = group.is_some_and(|group| group.lacks_capacity);
    match report["replacement"]["outcome"].as_str() {
        Some("no_capacity") => hold(lacks_capacity, "its group found capacity"),
        Some("refused") => hold(group.is_some_and(|group| group.about.is_suspended), "its group launches"),
        Some("requested" | "confirmed") => {
            hold(!instance.replaced_by.is_empty() || lacks_capacity, "nothing was launched in its stead");
        }
        _ => {}
    }
    untrue
}

fn untrue_of_pod(case: &Case<'_>, instance: &Instance, pod: PodId, outcome: &str) -> Option<Broken> {
    let (invocation, seen) = (case.invocation, &case.record.pods[pod]);
    let untrue = |what: &str| Some((Law::OneReport, what.to_owned()));
    let with_instance = seen.end.is_some_and(|end| end.is_killed && Some(end.at_ms) == instance.ended_ms);
    let is_gone = matches!(outcome, "evicted" | "deleted" | "gone");
    if is_gone && seen.exists {
        return untrue(&format!("{outcome}, and it is still there"));
    }
    // Of an instance that ends before its time, only the Node object that is removed tells the function.
    let in_time = instance.ended_ms.is_some_and(|at_ms| at_ms as i64 >= case.notice.deadline_ms);
    if is_gone && outcome != "gone" && with_instance && in_time && instance.shown_end_ms.is_none() {
        return untrue(&format!("{outcome}, and it was killed with its instance"));
    }
    if is_gone && outcome != "deleted" && invocation.overridden.contains(&pod) {
        let what = format!("{outcome}, and it was deleted over what stood in its eviction's way");
        return Some((Law::LastMoment, what));
    }
    // The account of the pods is closed when its Event is posted; the other leg may take longer.
    let closed_ms = invocation.last_event_ms.filter(|_| invocation.notices.len() == 1)?;
    let is_stale = seen.end.filter(|_| !seen.exists && !with_instance).is_some_and(|end| {
        let is_shown_late = end.is_shown_late || invocation.is_struck(Api::Kubernetes);
        !is_shown_late && end.at_ms + case.rules.slack_ms() < closed_ms
    });
    if outcome == "left" && is_stale { untrue("left, and it is long gone") } else { None }
}
