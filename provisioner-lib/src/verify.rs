//! Whether it works: the plan is empty, and what has to work is tried, without changing anything.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    facts::Facts,
    names,
    onboard::{PlanError, Planned, plan},
    provider::{Error, Provider},
    spec::Spec,
};

mod rights;
pub mod self_test;

/// Something that has to work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// A principal may do something (IAM `SimulatePrincipalPolicy`).
    Allowed {
        /// ARN of the user or role.
        principal_arn: String,
        /// The action.
        action: String,
        /// ARN of what it is done to, or `*`.
        resource: String,
        /// Condition keys and their values.
        context: BTreeMap<String, String>,
        /// Whether it has to be allowed, or denied.
        expected: bool,
    },
    /// The deployed function may do something in the cluster: so it says itself, by Kubernetes'
    /// `SelfSubjectAccessReview`.
    Kubernetes {
        /// The cluster.
        cluster: String,
        /// The verb.
        verb: String,
        /// API group of the resource.
        api_group: String,
        /// The resource.
        resource: String,
        /// Its subresource.
        subresource: String,
        /// Whether it has to be allowed, or denied.
        expected: bool,
    },
    /// A Deployment has the pods that it is to have.
    Available {
        /// Its namespace.
        namespace: String,
        /// Its name.
        deployment: String,
    },
    /// The deployed function passes its self-test, in which this cluster is: it starts, reads its settings, reaches
    /// AWS and all of its clusters.
    Notice {
        /// The function.
        function: String,
        /// The cluster.
        cluster: String,
    },
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it works.
    pub passed: bool,
    /// What was answered.
    pub detail: String,
}

/// A check and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The check.
    #[serde(flatten)]
    pub check: Check,
    /// How it went.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// All that `verify` has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// What differs from what is to be.
    pub planned: Planned,
    /// What was tried.
    pub checks: Vec<Checked>,
}

impl Verification {
    /// Whether all is as it is to be, and works.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.planned.plan.is_empty() && self.checks.iter().all(|checked| checked.verdict.passed)
    }
}

/// Compares and tries. Writes nothing. `heard` is told of each check when all of them have ended.
pub async fn verify(
    spec: &Spec,
    provider: &impl Provider,
    heard: &mut (dyn FnMut(&Checked) + Send),
) -> Result<Verification, PlanError> {
    let planned = plan(spec, provider).await?;
    let asked = checks_of(spec, &planned.facts);
    let verdicts = provider.check(&planned.facts, &asked).await;
    let answered = asked.into_iter().zip(verdicts).map(|(check, verdict)| {
        let verdict = verdict.unwrap_or_else(|error| failed(&error));
        Checked { check, verdict }
    });
    let checks: Vec<_> = answered.inspect(|checked| heard(checked)).collect();
    Ok(Verification { planned, checks })
}

fn failed(error: &Error) -> Verdict {
    let hint = error.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    Verdict { passed: false, detail: format!("{error}{hint}") }
}

/// What has to work, and what must not.
#[must_use]
pub fn checks_of(spec: &Spec, facts: &Facts) -> Vec<Check> {
    let mut checks = rights::of_function(spec, facts);
    checks.extend(rights::of_principal(spec, facts));
    checks.extend(self_test::rights(&spec.cluster));
    checks.push(Check::Notice { function: names::FUNCTION.to_owned(), cluster: spec.cluster.clone() });
    checks
}
