//! `kubectl` about objects.

use serde_json::{Value, json};

use super::{HIDDEN, Manifest};
use crate::{
    names::FIELD_MANAGER,
    resource::{Change, TemplateValues},
};

impl TemplateValues for Manifest {
    fn extra_values(&self, _: &[Change]) -> Value {
        json!({
            "hidden": self.is_secret().then_some(HIDDEN),
            "manager": FIELD_MANAGER,
            "object": self.public(),
            "within": self.namespace().map(|name| format!("-n {name} ")).unwrap_or_default(),
            "lower_kind": self.kind().to_lowercase(),
            "name": self.name(),
        })
    }
}
