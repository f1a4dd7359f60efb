//! Why the ConfigMap is left as it is, and what to write by hand.

use super::Section;

/// Nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} of aws-auth{problem}")]
pub struct AwsAuthError {
    /// Key of the ConfigMap.
    pub key: &'static str,
    /// What is wrong with its text.
    pub problem: Problem,
    /// What to do by hand, with the entry where one is to be added.
    pub hint: String,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is no list of entries, so the cluster does not understand it either. The line is counted from 1.
    #[error("{}: {problem}", .line.map(|line| format!(", line {line}")).unwrap_or_default())]
    #[expect(missing_docs, reason = "documented by the variant")]
    Unreadable { line: Option<u64>, problem: String },
    /// Several entries of one ARN say different things: the line is that of the second one.
    #[error(", line {line}: {problem}")]
    #[expect(missing_docs, reason = "documented by the variant")]
    Ambiguous { line: u64, problem: String },
    /// It is understood, but not every byte around the entry could be kept.
    #[error(" cannot be edited safely: {0}")]
    Unsafe(&'static str),
}

/// How to edit it by hand.
pub(super) const EDIT: &str = "`kubectl -n kube-system edit configmap aws-auth`";

impl AwsAuthError {
    pub(super) fn new(section: Section, problem: Problem, hint: String) -> Self {
        Self { key: section.key(), problem, hint }
    }
}
