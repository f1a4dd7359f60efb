//! An answer: one report for each notice, with every pod that the function was shown, and each report against the facts
//! at the moment of the answer.

use serde_json::Value;

use super::{
    evidence::{Case, Evidence},
    findings::Findings,
    invocation::POST_EVENT,
    record::Instance,
};
use crate::{
    facts::{PodId, pod_of, pod_uid},
    faults::Api,
    law::Law,
};

/// An answer of the function, with these reports.
pub(super) fn judge(evidence: &Evidence, env: usize, reports: &[Value], found: &mut Findings<'_>) {
    let invocation = &evidence.invocations[env];
    for notice in &invocation.notices {
        let (case, id) = (evidence.case_of(env, notice), &notice.instance);
        let own: Vec<&Value> = reports.iter().filter(|r| r["event"]["instance_id"] == **id).collect();
        let notices = invocation.notices.iter().filter(|other| other.instance == *id).count();
        let what = format_args!("{} reports for {notices} notices of {id}", own.len());
        found.require(Law::OneReport, own.len() == notices, what);
        let mut found = found.about(format_args!("report for {id}: "));
        for report in &own {
            judge_report(&case, report, &mut found);
        }
        for pod in expected(&case, &own) {
            let uid = pod_uid(pod);
            let names_it = |report: &&Value| {
                let pods = report["pods"].as_array();
                pods.is_some_and(|pods| pods.iter().any(|entry| entry["uid"] == *uid))
            };
            let what = format_args!("pod {} is not in it", evidence.record.pods[pod].about.label);
            found.require(Law::OneReport, own.iter().all(names_it), what);
        }
    }
}

/// Pods that each report on the notice names.
fn expected(case: &Case<'_>, reports: &[&Value]) -> Vec<PodId> {
    let (Some(instance), Some((_, shown))) = (case.instance, case.listed()) else { return Vec::new() };
    // The node of an instance that has ended is gone, and what stood on it is not known to be of this instance; nor is
    // what a batch was shown under another notice, whose instance bore the name.
    let is_batch = case.invocation.notices.len() > 1;
    let without_node = |report: &&Value| report["outcome"] == "failed" && report["node"].is_null();
    let is_unknown = (instance.ended_ms.is_some() || is_batch) && reports.iter().all(without_node);
    // What is left to others is shown only under another notice, too.
    if case.is_of_others() || is_unknown {
        return Vec::new();
    }
    let is_of_it =
        |pod: &PodId| !(is_batch && case.record.pods[*pod].end.is_some()) && instance.has_carried(*pod);
    shown.iter().copied().filter(is_of_it).collect()
}

/// The one report for a notice.
fn judge_report(case: &Case<'_>, report: &Value, found: &mut Findings<'_>) {
    let Some(instance) = case.instance else { return };
    let is_cordoned = matches!(report["cordon"]["outcome"].as_str(), Some("done" | "already"));
    let is_true = !is_cordoned || instance.cordoned_ms.is_some();
    judge_panic(report, found);
    found.require(Law::OneReport, is_true, "its node was never unschedulable");
    judge_replacement(case, instance, report, found);
    for entry in report["pods"].as_array().into_iter().flatten() {
        let pod = entry["uid"].as_str().and_then(pod_of).filter(|pod| *pod < case.record.pods.len());
        let (Some(pod), Some(outcome)) = (pod, entry["outcome"].as_str()) else {
            found.add(Law::OneReport, format_args!("it names no pod of the world: {entry}"));
            continue;
        };
        let label = &case.record.pods[pod].about.label;
        if is_cordoned && !instance.has_carried(pod) {
            found.add(Law::OneReport, format_args!("pod {label} stands on another instance"));
        } else {
            judge_pod(case, instance, pod, outcome, &mut found.about(format_args!("pod {label}: {outcome}")));
        }
    }
}

fn judge_panic(report: &Value, found: &mut Findings<'_>) {
    let reasons = [&report["reason"], &report["cordon"]["reason"], &report["replacement"]["reason"]];
    let mut reasons = reasons.into_iter().filter_map(Value::as_str);
    if let Some(panicked) = reasons.find(|reason| reason.starts_with("internal error: ")) {
        found.add(Law::OneReport, format_args!("the handler panicked: {panicked}"));
    }
}

fn judge_replacement(case: &Case<'_>, instance: &Instance, report: &Value, found: &mut Findings<'_>) {
    // Where capacity is short, a launch that stands for this instance may be another one's in the report.
    let lacks_capacity = case.group().is_some_and(|group| group.lacks_capacity);
    let (is_true, what) = match report["replacement"]["outcome"].as_str() {
        Some("no_capacity") => (lacks_capacity, "its group found capacity"),
        Some("refused") => (case.group().is_some_and(|group| group.about.is_suspended), "its group launches"),
        Some("requested" | "confirmed") => {
            (!instance.replaced_by.is_empty() || lacks_capacity, "nothing was launched in its stead")
        }
        _ => return,
    };
    found.require(Law::OneReport, is_true, what);
}

fn judge_pod(case: &Case<'_>, instance: &Instance, pod: PodId, outcome: &str, found: &mut Findings<'_>) {
    let (invocation, seen) = (case.invocation, &case.record.pods[pod]);
    let with_instance = seen.end.is_some_and(|end| end.is_killed && Some(end.at_ms) == instance.ended_ms);
    if matches!(outcome, "evicted" | "deleted" | "gone") {
        // Of an instance that ends before its time, only the Node object that is removed tells the function.
        let in_time = instance.ended_ms.is_some_and(|at_ms| at_ms >= case.notice.deadline_ms);
        let is_known = in_time && instance.shown_end_ms.is_none();
        if !seen.is_removed {
            found.add(Law::OneReport, ", and it is still there");
        } else if outcome != "gone" && with_instance && is_known {
            found.add(Law::OneReport, ", and it was killed with its instance");
        } else if outcome != "deleted" && invocation.asking(pod).is_overridden {
            found.add(Law::LastMoment, ", and it was deleted over what stood in its eviction's way");
        }
    } else if outcome == "left" && invocation.notices.len() == 1 {
        // The account of the pods is closed when its Event is posted; the other leg may take longer.
        let closed = invocation.work().rfind(|(_, call)| call.name == POST_EVENT);
        let is_stale = closed.zip(seen.end).is_some_and(|((closed_ms, _), end)| {
            let is_shown_late = end.is_shown_late || invocation.is_struck(Api::Kubernetes);
            !is_shown_late && end.at_ms + case.rules.slack_ms() < closed_ms
        });
        let is_gone = is_stale && seen.is_removed && !with_instance;
        found.require(Law::OneReport, !is_gone, ", and it is long gone");
    }
}
