//! An answer as a whole: one report for each notice, with every pod that the function was shown.

use serde_json::Value;

use super::{
    evidence::{Broken, Case, Evidence},
    report_accuracy,
};
use crate::{
    facts::{PodId, pod_uid},
    law::Law,
};

/// The laws that an answer breaks.
pub(super) fn violations_of(evidence: &Evidence, env: usize, reports: &[Value]) -> Vec<Broken> {
    let Some(invocation) = evidence.invocations.get(env) else { return Vec::new() };
    let mut broken = Vec::new();
    for notice in &invocation.notices {
        let (case, id) = (evidence.case_of(env, notice), &notice.instance);
        let own: Vec<&Value> = reports.iter().filter(|r| r["event"]["instance_id"] == **id).collect();
        let notices = invocation.notices.iter().filter(|other| other.instance == *id).count();
        if own.len() != notices {
            let what = format!("f{env} {} reports for {notices} notices of {id}", own.len());
            broken.push((Law::OneReport, what));
        }
        let untrue = own.iter().flat_map(|report| report_accuracy::violations_of(&case, report));
        broken.extend(untrue.map(|(law, what)| (law, format!("f{env} report for {id}: {what}"))));
        for pod in expected(&case, &own) {
            let uid = pod_uid(pod);
            let names_it = |report: &&Value| {
                let pods = report["pods"].as_array();
                pods.is_some_and(|pods| pods.iter().any(|entry| entry["uid"] == *uid))
            };
            if !own.iter().all(names_it) {
                let label = &evidence.record.pods[pod].about.label;
                let what = format!("f{env} report for {id}: pod {label} is not in it");
                broken.push((Law::OneReport, what));
            }
        }
    }
    broken
}

/// Pods that each report on the notice names.
fn expected(case: &Case<'_>, reports: &[&Value]) -> Vec<PodId> {
    let Some((instance, node)) = case.instance.and_then(|instance| Some((instance, instance.node.clone()?)))
    else {
        return Vec::new();
    };
    // The node of an instance that has ended is gone, and what stood on it is not known to be of this instance; nor is
    // what a batch was shown under another notice, whose instance bore the name.
    let is_batch = case.invocation.notices.len() > 1;
    let without_node = |report: &&Value| report["outcome"] == "failed" && report["node"].is_null();
    let is_unknown = (instance.ended_ms.is_some() || is_batch) && reports.iter().all(without_node);
    // What is left to others is shown only under another notice, too.
    if case.is_of_others() || is_unknown {
        return Vec::new();
    }
    let listed = case.invocation.listed.get(&(instance.about.cluster, node));
    let shown = listed.into_iter().flat_map(|(_, pods)| pods).copied();
    let is_of_it =
        |pod: &PodId| !(is_batch && case.record.pods[*pod].end.is_some()) && instance.has_carried(*pod);
    shown.filter(is_of_it).collect()
}
