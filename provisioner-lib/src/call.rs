//! The result of a write: what it leaves besides the resource, or why it failed.

use std::fmt;

pub use cast_spot_cloud::{Error, ErrorKind};

/// A new access key. IAM shows the secret only now; it is in no log, plan or report.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id, which is not secret.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The result of a write, besides the resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The new key, if there is one.
    pub access_key: Option<AccessKey>,
    /// The previous content of what was changed in place: the ConfigMap `aws-auth`, for instance.
    pub backup: Option<String>,
    /// What the write could not complete although it succeeded: an old key that stays active, for instance.
    pub warning: Option<String>,
}

impl Made {
    /// The resource alone, whatever the answer was.
    pub(crate) fn alone<T>(_: T) -> Self {
        Self::default()
    }
}
