//! Versions of Lambda layers.

use serde::{Deserialize, Serialize};

use super::{Changes, Code, Describe, Id, Kind};

pub(crate) mod aws;
pub(crate) mod commands;

/// Version of a Lambda layer. It cannot be changed: other content is another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub name: String,
    pub code: Code,
}

impl Describe for Layer {
    fn id_name(&self) -> String {
        Self::id_of(&self.name, &self.code.sha256).name
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.field("code", &self.code.sha256, &found.code.sha256);
    }
}

impl Layer {
    /// Id of the version with this content, by the first part of the hash.
    #[must_use]
    pub fn id_of(name: &str, sha256: &str) -> Id {
        Id::new(Kind::Layer, format!("{name}/{}", sha256.get(..12).unwrap_or(sha256)))
    }
}
