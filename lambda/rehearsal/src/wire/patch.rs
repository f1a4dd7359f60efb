//! JSON Patch as the API server applies it.

use json_patch::{Patch, PatchOperation, patch};
use serde_json::Value;

use super::{Reply, status};

/// The object after the patch. Where a `test` fails or a path is missing, nothing of the patch is applied.
pub(super) fn apply(object: &Value, body: &[u8]) -> Result<Value, Reply> {
    let Patch(operations) = serde_json::from_slice(body)
        .map_err(|error| status::bad_request(&format!("error decoding patch: {error}")))?;
    let mut patched = object.clone();
    for operation in operations {
        if !is_test_for_absence(&patched, &operation) {
            patch(&mut patched, &[operation]).map_err(|_| status::patch_does_not_apply())?;
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
