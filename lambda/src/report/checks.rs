//! The checks of a self-test.

use serde::Serialize;

/// The expected result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// An answer, whatever it says.
    Answered,
    /// The function may.
    Allowed,
    /// The function may not.
    Denied,
}

/// One check of a self-test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The cluster in which it was asked; `None` of what is asked of AWS.
    pub cluster: Option<String>,
    /// Its name: `ec2:DescribeInstances`, [`CheckReport::CONNECT`], or verb and resource in the cluster.
    pub check: String,
    /// The expected result.
    pub expected: Expected,
    /// Whether it came.
    pub passed: bool,
    /// The result that came instead.
    pub reason: Option<String>,
}

/// Checks that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Their cluster, if it is one.
    pub cluster: Option<&'a str>,
    /// Their names, separated by commas; `not NAME` for a right that has to be denied.
    pub checks: String,
    /// The reason.
    pub reason: &'a str,
}

impl CheckReport {
    /// The check whether the API server is reached and knows the function's token.
    pub const CONNECT: &'static str = "connect";

    /// The check whether the configured endpoint can be used. It is made only where it fails.
    pub const ENDPOINT: &'static str = "configured endpoint";

    /// The check whether all settings are of this release. It is made only where it fails.
    pub const SETTINGS: &'static str = "settings";

    /// A check that failed with `why`, or passed.
    pub(crate) fn new(cluster: Option<&str>, check: String, expected: Expected, why: Option<String>) -> Self {
        Self { cluster: cluster.map(str::to_owned), check, expected, passed: why.is_none(), reason: why }
    }

    /// The check whether an answer comes.
    #[must_use]
    pub fn answered(cluster: Option<&str>, check: &str, why: Option<String>) -> Self {
        Self::new(cluster, check.to_owned(), Expected::Answered, why)
    }
}

/// The checks that failed, those of one cluster and reason together.
#[must_use]
pub fn failures(checks: &[CheckReport]) -> Vec<Failure<'_>> {
    let mut failures: Vec<Failure> = Vec::new();
    for check in checks.iter().filter(|check| !check.passed) {
        let (cluster, reason) = (check.cluster.as_deref(), check.reason.as_deref().unwrap_or_default());
        let not = if check.expected == Expected::Denied { "not " } else { "" };
        let name = format!("{not}{}", check.check);
        match failures.iter_mut().find(|known| (known.cluster, known.reason) == (cluster, reason)) {
            Some(known) => known.checks = format!("{}, {name}", known.checks),
            None => failures.push(Failure { cluster, checks: name, reason }),
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_one_reason_are_one_line() {
        let of = |cluster: &str, check: &str, expected, why: Option<&str>| {
            CheckReport::new(Some(cluster), check.to_owned(), expected, why.map(str::to_owned))
        };
        let checks = [
            of("a", "get nodes", Expected::Allowed, Some("denied")),
            of("a", "list nodes", Expected::Allowed, Some("denied")),
            of("a", "create events", Expected::Allowed, None),
            of("a", "get secrets", Expected::Denied, Some("allowed")),
            of("b", "get nodes", Expected::Allowed, Some("denied")),
        ];
        let found: Vec<_> =
            failures(&checks).into_iter().map(|f| (f.cluster.unwrap(), f.checks, f.reason)).collect();
        assert_eq!(
            found,
            [
                ("a", "get nodes, list nodes".to_owned(), "denied"),
                ("a", "not get secrets".to_owned(), "allowed"),
                ("b", "get nodes".to_owned(), "denied"),
            ]
        );
    }
}
