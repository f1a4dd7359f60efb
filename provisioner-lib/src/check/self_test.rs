//! The deployed function's report on its own access, the answer to a self-test (`infra/events/self-test.json`), and the
//! checks that it decides. Pure.

use cast_spot_infra::{events::SELF_TEST, kubernetes::RBAC};
use serde::Deserialize;
use serde_json::Value;

use super::{Check, Verdict};
use crate::policy::texts;

/// One check of a report (docs/configuration.md, "The self-test").
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reported {
    /// The cluster, if it is about one.
    pub cluster: Option<String>,
    /// The check, in the form of `kubectl auth can-i`.
    pub check: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why it did not pass.
    pub reason: Option<String>,
}

/// The check whether the function reaches the API server.
const CONNECT: &str = "connect";

const OLDER: &str = "the deployed function is older than this program and does not test itself (hint: build the new \
                     function, `cargo build-lambda --output-format zip`, and `cast-spot onboard` with its --zip)";

/// The event that asks for a self-test.
#[must_use]
pub fn event(id: &str, time: &str, region: &str, account: &str) -> String {
    [("<id>", id), ("<time>", time), ("<region>", region), ("<account>", account)]
        .iter()
        .fold(SELF_TEST.to_owned(), |text, (placeholder, value)| text.replace(placeholder, value))
}

/// Reads the checks of an answer; an error says why there are none. `function_error` is Lambda's kind of failure of the
/// function.
pub fn read(function_error: Option<&str>, payload: &[u8]) -> Result<Vec<Reported>, String> {
    let text = || String::from_utf8_lossy(payload).trim().to_owned();
    if let Some(kind) = function_error {
        return Err(format!("the function failed ({kind}): {}", text()));
    }
    let report: Value = serde_json::from_slice(payload).unwrap_or_default();
    let Some(outcome) = report["outcome"].as_str() else { return Err(format!("not a report: {}", text())) };
    if report["event"]["kind"] != "self_test" {
        return Err(OLDER.to_owned());
    }
    match serde_json::from_value(report["checks"].clone()) {
        Ok(checks) => Ok(checks),
        Err(_) => {
            Err(format!("{outcome}: {}", report["reason"].as_str().unwrap_or("no checks in the report")))
        }
    }
}

/// Returns what the function's answer says about one check.
#[must_use]
pub fn verdict(check: &Check, answer: &Result<Vec<Reported>, String>) -> Verdict {
    let failed = |detail: String| Verdict { passed: false, detail };
    let reported = match answer {
        Ok(reported) => reported,
        Err(why) => return failed(why.clone()),
    };
    let of = |cluster: &str, name: &str| {
        reported.iter().find(|found| found.cluster.as_deref() == Some(cluster) && found.check == name)
    };
    match check {
        Check::Kubernetes { cluster, expected, .. } => {
            let name = right(check);
            let Some(found) = of(cluster, &name).or_else(|| of(cluster, CONNECT).filter(|way| !way.passed))
            else {
                return failed(missing(cluster, of(cluster, CONNECT).is_some()));
            };
            let said = if *expected { "allowed" } else { "denied" };
            Verdict { passed: found.passed, detail: found.reason.clone().unwrap_or_else(|| said.to_owned()) }
        }
        Check::Notice { cluster, .. } => {
            if of(cluster, CONNECT).is_none() {
                return failed(missing(cluster, false));
            }
            // Access to another cluster is shown by that one's status.
            let is_asked = |found: &&Reported| found.cluster.as_ref().is_none_or(|of| of == cluster);
            let reported: Vec<_> = reported.iter().filter(is_asked).cloned().collect();
            let failures = failures(&reported);
            let passed = failures.is_empty();
            let detail =
                if passed { format!("{} checks passed", reported.len()) } else { failures.join("\n") };
            Verdict { passed, detail }
        }
        Check::Allowed { .. } | Check::Available { .. } | Check::Reserved { .. } => {
            failed("not a check of the function".to_owned())
        }
    }
}

fn missing(cluster: &str, is_served: bool) -> String {
    if is_served {
        return OLDER.to_owned();
    }
    format!("the function does not serve {cluster} (hint: `cast-spot onboard` puts it on its list)")
}

/// Failed checks, grouped by cluster and reason.
fn failures(reported: &[Reported]) -> Vec<String> {
    let mut failures: Vec<(String, Vec<&str>, &str)> = Vec::new();
    for check in reported.iter().filter(|check| !check.passed) {
        let cluster = check.cluster.as_ref().map(|name| format!("cluster {name}: ")).unwrap_or_default();
        let reason = check.reason.as_deref().unwrap_or("failed");
        match failures.iter_mut().find(|(known, _, why)| (known.as_str(), *why) == (cluster.as_str(), reason))
        {
            Some((_, checks, _)) => checks.push(&check.check),
            None => failures.push((cluster, vec![&check.check], reason)),
        }
    }
    failures
        .into_iter()
        .map(|(cluster, checks, why)| format!("{cluster}{}: {why}", checks.join(", ")))
        .collect()
}

/// Verb and resource in the form of `kubectl auth can-i`, which the function uses as well.
fn right(check: &Check) -> String {
    let Check::Kubernetes { verb, api_group, resource, subresource, .. } = check else {
        return String::new();
    };
    let group = if api_group.is_empty() { String::new() } else { format!(".{api_group}") };
    let sub = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
    format!("{verb} {resource}{group}{sub}")
}

/// One check for each verb of `infra/kubernetes/rbac.yaml`, and for what the function must not do.
pub(crate) fn rights(cluster: &str) -> Vec<Check> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(RBAC).unwrap_or_default();
    let rules = documents.iter().flat_map(|document| document["rules"].as_array().into_iter().flatten());
    let check = |verb: &str, api_group: &str, resource: &str, expected| {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Check::Kubernetes {
            cluster: cluster.to_owned(),
            verb: verb.to_owned(),
            api_group: api_group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            expected,
        }
    };
    let mut checks = Vec::new();
    for rule in rules {
        let api_group = texts(&rule["apiGroups"]).next().unwrap_or_default();
        for resource in texts(&rule["resources"]) {
            checks.extend(texts(&rule["verbs"]).map(|verb| check(verb, api_group, resource, true)));
        }
    }
    let never = [
        ("get", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("create", "serviceaccounts/token"),
        ("impersonate", "users"),
        ("get", "nodes/proxy"),
        ("delete", "nodes"),
    ];
    checks.extend(never.map(|(verb, resource)| check(verb, "", resource, false)));
    checks
}

#[cfg(test)]
mod tests;
