//! Checks of an onboarded cluster, and their verdicts. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{call::Error, names};

pub mod self_test;

/// Something that has to work, or to be denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// A principal may do something (IAM `SimulatePrincipalPolicy`).
    Allowed {
        /// ARN of the user or role.
        principal_arn: String,
        /// The action.
        action: String,
        /// ARN of the resource, or `*`.
        resource: String,
        /// Condition keys and their values.
        context: BTreeMap<String, String>,
        /// Whether it has to be allowed, or denied.
        expected: bool,
    },
    /// The deployed function may do something in the cluster. It finds out itself, by Kubernetes'
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
    /// A Deployment has all its pods.
    Available {
        /// Its namespace.
        namespace: String,
        /// Its name.
        deployment: String,
    },
    /// The deployed function passes its self-test, which covers this cluster: it starts, reads its settings, reaches
    /// AWS and all of its clusters.
    Notice {
        /// The function.
        function: String,
        /// The cluster.
        cluster: String,
    },
    /// Concurrency is reserved for the function. Only a warning: the account may have enough for all functions.
    Reserved {
        /// The function.
        function: String,
    },
}

impl Check {
    /// Whether a failure is only a warning.
    fn is_advice(&self) -> bool {
        matches!(self, Self::Reserved { .. })
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it passed.
    pub passed: bool,
    /// The answer.
    pub detail: String,
}

/// A check with its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The check.
    #[serde(flatten)]
    pub check: Check,
    /// The result.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether it passed only as a warning.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
}

impl Checked {
    /// A check with what the provider answered.
    pub(crate) fn new(check: Check, answer: Result<Verdict, Error>) -> Self {
        let warning = check.is_advice() && answer.as_ref().is_ok_and(|verdict| !verdict.passed);
        let mut verdict = answer.unwrap_or_else(|error| failed(&error));
        verdict.passed |= warning;
        Self { check, verdict, warning }
    }
}

fn failed(error: &Error) -> Verdict {
    let hint = error.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    Verdict { passed: false, detail: format!("{error}{hint}") }
}

/// Judges the reserved concurrency. Without one the function shares the account's with all other functions, which can
/// throttle a storm of notices.
#[must_use]
pub(crate) fn reserved(reserved: Option<i32>) -> Verdict {
    let hint = format!(
        "(hint: reserve as many calls as Spot instances of the region, of all systems of the account, can be taken at once: \
         `aws lambda put-function-concurrency --function-name {} --reserved-concurrent-executions N`)",
        names::FUNCTION
    );
    match reserved {
        Some(0) => {
            Verdict { passed: false, detail: format!("0 is reserved, so every notice is throttled {hint}") }
        }
        Some(count) => Verdict { passed: true, detail: format!("{count} reserved") },
        None => {
            let detail =
                format!("none is reserved, so other functions of the account can take all of it {hint}");
            Verdict { passed: false, detail }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_of_its_own_makes_concurrency_sure() {
        let check = || Check::Reserved { function: "cast-spot".to_owned() };
        for (count, warning, words) in [
            (Some(120), false, "120 reserved"),
            (Some(0), true, "every notice is throttled"),
            (None, true, "of all systems of the account"),
        ] {
            let checked = Checked::new(check(), Ok(reserved(count)));
            assert_eq!((checked.verdict.passed, checked.warning), (true, warning), "{count:?}");
            assert!(checked.verdict.detail.contains(words), "{checked:?}");
        }
    }
}
