//! What IAM would say to calls.

use std::collections::BTreeMap;

use aws_sdk_iam::{
    Client,
    types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType},
};
use futures_util::{StreamExt, stream};

use crate::{
    check::{Check, Verdict},
    provider::{Error, ErrorKind, error},
};

const CALL: &str = "iam:SimulatePrincipalPolicy";
/// Simulations at once: IAM is throttled for the account as a whole.
const AT_ONCE: usize = 4;
/// Condition keys that have several values in a request ("Multivalued context keys" in the IAM User Guide).
const LISTS: [&str; 2] = ["aws:TagKeys", "events:TargetArn"];

/// What one simulation is about: the principal, the resource and the context.
type Subject<'a> = (&'a str, &'a str, &'a BTreeMap<String, String>);
/// Places in the answer and the actions asked for there.
type Asked<'a> = Vec<(usize, &'a str, bool)>;

/// A verdict for each of the checks that IAM decides, by its place. Those that differ in nothing but the action are one
/// call.
pub(in crate::provider) async fn simulate(
    client: &Client,
    checks: &[Check],
) -> BTreeMap<usize, Result<Verdict, Error>> {
    let mut subjects: BTreeMap<Subject, Asked> = BTreeMap::new();
    for (place, check) in checks.iter().enumerate() {
        if let Check::Allowed { principal_arn, action, resource, context, expected } = check {
            let subject = (principal_arn.as_str(), resource.as_str(), context);
            subjects.entry(subject).or_default().push((place, action, *expected));
        }
    }
    let calls: Vec<_> = subjects
        .into_iter()
        .map(|(subject, asked)| async move { (results(client, subject, &asked).await, asked) })
        .collect();
    let answers = stream::iter(calls).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
    let mut verdicts = BTreeMap::new();
    for (results, asked) in answers.await {
        verdicts.extend(asked.into_iter().map(|(place, action, expected)| {
            let results = results.as_ref().map_err(Error::clone);
            (place, results.and_then(|results| verdict(results, action, expected)))
        }));
    }
    verdicts
}

async fn results(
    client: &Client,
    (principal, resource, context): Subject<'_>,
    asked: &Asked<'_>,
) -> Result<Vec<EvaluationResult>, Error> {
    let entries: Vec<_> = context.iter().map(|(key, value)| entry(key, value)).collect();
    let actions: Vec<String> = asked.iter().map(|(_, action, _)| (*action).to_owned()).collect();
    let call = client
        .simulate_principal_policy()
        .policy_source_arn(principal)
        .set_action_names(Some(actions))
        .resource_arns(resource)
        .set_context_entries((!entries.is_empty()).then_some(entries));
    call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.map_err(error::from_sdk(CALL))
}

fn entry(key: &str, value: &str) -> ContextEntry {
    let kind = if LISTS.contains(&key) { ContextKeyTypeEnum::StringList } else { ContextKeyTypeEnum::String };
    let entry = ContextEntry::builder().context_key_name(key).context_key_values(value);
    entry.context_key_type(kind).build()
}

fn verdict(results: &[EvaluationResult], action: &str, expected: bool) -> Result<Verdict, Error> {
    let of_action = |result: &&EvaluationResult| result.eval_action_name.eq_ignore_ascii_case(action);
    let Some(result) = results.iter().find(of_action) else {
        return Err(Error::new(ErrorKind::Other, CALL, format!("no result for {action}")));
    };
    let allowed = result.eval_decision == PolicyEvaluationDecisionType::Allowed;
    let said = match &result.eval_decision {
        PolicyEvaluationDecisionType::Allowed => "allowed",
        PolicyEvaluationDecisionType::ExplicitDeny => "denied by a policy",
        _ => "allowed by no policy",
    };
    let missing = result.missing_context_values();
    let detail = if missing.is_empty() || allowed {
        said.to_owned()
    } else {
        format!("{said}; its policies ask for {}", missing.join(", "))
    };
    Ok(Verdict { passed: allowed == expected, detail })
}
