//! `aws iam` about managed policies on roles and users.

use serde_json::{Value, json};

use super::Attachment;
use crate::resource::{Change, TemplateValues};

impl TemplateValues for Attachment {
    fn extra_values(&self, _: &[Change]) -> Value {
        json!({ "word": self.principal.word(), "name": self.principal.name() })
    }
}
