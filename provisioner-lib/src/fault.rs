//! What is wrong with a request: every fault names the field, its value and what to do next, and all are said at
//! once, before anything is written.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The field of the request, or the place in AWS or Kubernetes.
    pub field: String,
    /// What it holds; empty where nothing was given.
    pub value: String,
    /// Why that cannot be.
    pub problem: String,
    /// What to do next.
    pub hint: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(
        field: impl Into<String>,
        value: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), value: value.into(), problem: problem.into(), hint: hint.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, problem, .. } = self;
        if value.is_empty() {
            write!(f, "{field}: {problem}")
        } else {
            write!(f, "{field} `{value}`: {problem}")
        }
    }
}

/// All faults of a request; as an error, never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", joined(.0))]
#[serde(transparent)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// One more, see [`Fault::new`].
    pub(crate) fn add(
        &mut self,
        field: &str,
        value: &str,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.0.push(Fault::new(field, value, problem, hint));
    }

    /// The value, if nothing is wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

/// All errors, as one text.
pub(crate) fn joined<T: fmt::Display>(errors: &[T]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}
