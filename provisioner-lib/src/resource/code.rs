//! Code that AWS Lambda runs.

use serde::{Deserialize, Serialize};

/// The zip of a function or a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// SHA-256 of the zip in base64, as Lambda shows it.
    pub sha256: String,
    /// The zip.
    #[serde(skip)]
    pub zip: Vec<u8>,
}
