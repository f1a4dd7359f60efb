//! Why the ConfigMap is left as it is, and what to write by hand.

use super::{Mapping, Section, block, entries::Problem};

/// Nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsAuthError {
    /// The text is no list of entries, so the cluster does not understand it either.
    #[error("{key} of aws-auth{at}: {problem}", at = at(*line))]
    Unreadable {
        /// Key of the ConfigMap.
        key: &'static str,
        /// Line of its text, from 1.
        line: Option<u64>,
        /// What is wrong.
        problem: String,
        /// What to do by hand.
        hint: String,
    },
    /// Several entries of one ARN say different things.
    #[error("{key} of aws-auth{at}: {problem}", at = at(*line))]
    Ambiguous {
        /// Key of the ConfigMap.
        key: &'static str,
        /// Line of the second entry, from 1.
        line: Option<u64>,
        /// Which entries.
        problem: String,
        /// What to do by hand.
        hint: String,
    },
    /// The text is understood, but not every byte around the entry could be kept.
    #[error("{key} of aws-auth cannot be edited safely: {problem}")]
    Unsafe {
        /// Key of the ConfigMap.
        key: &'static str,
        /// Why.
        problem: String,
        /// What to do by hand.
        hint: String,
    },
}

impl AwsAuthError {
    /// What to do by hand, with the entry where one is to be added.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::Unreadable { hint, .. } | Self::Ambiguous { hint, .. } | Self::Unsafe { hint, .. } => hint,
        }
    }
}

const EDIT: &str = "`kubectl -n kube-system edit configmap aws-auth`";

pub(super) fn to_read(section: Section, problem: Problem) -> AwsAuthError {
    let hint = format!("mend {} with {EDIT}", section.key());
    error(section, problem, hint)
}

pub(super) fn to_add(mapping: &Mapping, problem: Problem) -> AwsAuthError {
    let key = mapping.section.key();
    let hint =
        format!("see to it with {EDIT} that {key} has this entry:\n{}", block::entry(mapping, 0, 1, "\n"));
    error(mapping.section, problem, hint)
}

pub(super) fn to_remove(section: Section, arn: &str, problem: Problem) -> AwsAuthError {
    let hint = format!("take the entry of {arn} out of {} with {EDIT}", section.key());
    error(section, problem, hint)
}

fn error(section: Section, problem: Problem, hint: String) -> AwsAuthError {
    let key = section.key();
    match problem {
        Problem::Unreadable { line, problem } => AwsAuthError::Unreadable { key, line, problem, hint },
        Problem::Ambiguous { line, problem } => AwsAuthError::Ambiguous { key, line, problem, hint },
        Problem::Unsafe { problem } => AwsAuthError::Unsafe { key, problem, hint },
    }
}

fn at(line: Option<u64>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}
