//! Code that AWS Lambda runs.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
