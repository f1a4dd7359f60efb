//! Updates of single fields: only those that the plan names.

use cast_spot_provisioner::resource::{CodeRecord, Function, Resource};

/// The effect of UpdateFunctionConfiguration.
pub(super) fn configure(there: &mut Resource, wanted: &Resource) {
    let mut configured = wanted.clone();
    let (
        Resource::Function(Function { code, record, architecture, tags, .. }),
        Resource::Function(Function {
            code: old_code, architecture: old_architecture, tags: old_tags, ..
        }),
    ) = (&mut configured, &*there)
    else {
        return;
    };
    code.clone_from(old_code);
    *record = CodeRecord::default();
    architecture.clone_from(old_architecture);
    tags.clone_from(old_tags);
    *there = configured;
}

/// The effect of UpdateFunctionCode.
pub(super) fn replace_code(there: &mut Resource, wanted: &Resource) {
    if let (
        Resource::Function(Function { code, architecture, .. }),
        Resource::Function(Function { code: new_code, architecture: new_architecture, .. }),
    ) = (there, wanted)
    {
        code.clone_from(new_code);
        architecture.clone_from(new_architecture);
    }
}
