//! JSON Patch as the API server applies it.

use json_patch::{Patch, PatchOperation, patch};
use serde_json::Value;

/// Why a patch was refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not a JSON Patch (400).
    Malformed(String),
    /// A `test` failed or a path is missing (422). Nothing of the patch was applied.
    DoesNotApply,
}

/// The object after the patch.
pub(super) fn apply(object: &Value, body: &[u8]) -> Result<Value, Refused> {
    let Patch(operations) = serde_json::from_slice(body)
        .map_err(|error| Refused::Malformed(format!("error decoding patch: {error}")))?;
    let mut patched = object.clone();
    for operation in operations {
        if !is_test_for_absence(&patched, &operation) {
            patch(&mut patched, &[operation]).map_err(|_| Refused::DoesNotApply)?;
        }
    }
    Ok(patched)
}

/// The API server's library takes `test` of a missing member against null for true.
fn is_test_for_absence(object: &Value, operation: &PatchOperation) -> bool {
    let PatchOperation::Test(test) = operation else { return false };
    let path = test.path.as_str();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    test.value.is_null() && object.pointer(path).is_none() && object.pointer(parent).is_some()
}
