//! Code that AWS Lambda runs, and the record of it.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Tags;
use crate::names::{TAG_CODE, TAG_PREVIOUS};

/// The zip of a function or a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// SHA-256 of the zip in base64, as Lambda shows it.
    pub sha256: String,
    /// The zip.
    #[serde(skip)]
    pub zip: Vec<u8>,
}

impl Code {
    /// The code of a zip.
    #[must_use]
    pub fn of(zip: Vec<u8>) -> Self {
        Self { sha256: BASE64_STANDARD.encode(Sha256::digest(&zip)), zip }
    }

    /// The SHA-256 in hex, as `sha256sum` prints it.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut hex = String::new();
        for byte in BASE64_STANDARD.decode(&self.sha256).unwrap_or_default() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    /// Code that is known by its hash alone.
    #[must_use]
    pub fn known(sha256: impl Into<String>) -> Self {
        Self { sha256: sha256.into(), zip: Vec::new() }
    }
}

/// The code that cast-spot gave the function of a region, by SHA-256 in base64. Tags of the function's role record it,
/// which no principal of a cluster may write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeRecord {
    /// The code that the function should run.
    pub code: Option<String>,
    /// The code before that.
    pub previous: Option<String>,
}

impl CodeRecord {
    /// The record of a region among the tags of the function's role.
    #[must_use]
    pub fn read(tags: &Tags, region: &str) -> Self {
        let value = |tag: &str| tags.get(&format!("{tag}{region}")).cloned();
        Self { code: value(TAG_CODE), previous: value(TAG_PREVIOUS) }
    }

    /// Its tags.
    #[must_use]
    pub fn tags(self, region: &str) -> Tags {
        let tags = [(TAG_CODE, self.code), (TAG_PREVIOUS, self.previous)];
        tags.into_iter().filter_map(|(tag, value)| Some((format!("{tag}{region}"), value?))).collect()
    }

    /// Whether cast-spot gave this code to the function.
    #[must_use]
    pub fn has(&self, sha256: &str) -> bool {
        [&self.code, &self.previous].into_iter().flatten().any(|recorded| recorded == sha256)
    }

    /// The record once the function is given `sha256`.
    #[must_use]
    pub fn followed_by(self, sha256: &str) -> Self {
        if self.code.as_deref() == Some(sha256) {
            return self;
        }
        Self { code: Some(sha256.to_owned()), previous: self.code.or(self.previous) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_the_code_before_and_no_other() {
        let record = CodeRecord::default().followed_by("a").followed_by("a").followed_by("b");
        assert_eq!(CodeRecord::read(&record.clone().tags("eu-west-1"), "eu-west-1"), record);
        assert_eq!(CodeRecord::read(&record.clone().tags("eu-west-1"), "us-east-1"), CodeRecord::default());
        for (record, known) in [(record.clone(), ["a", "b"]), (record.clone().followed_by("a"), ["b", "a"])] {
            assert!(known.iter().all(|code| record.has(code)) && !record.has("c"), "{record:?}");
            assert_eq!(
                (record.previous.as_deref(), record.code.as_deref()),
                (Some(known[0]), Some(known[1]))
            );
        }
        assert!(!record.followed_by("c").has("a"));
    }
}
