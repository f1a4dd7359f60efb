//! `kubectl` about the ConfigMap `aws-auth`: by hand, so that entries of others stay as they are.

use serde_json::{Value, json};

use super::AwsAuth;
use crate::resource::{Change, TemplateValues};

impl TemplateValues for AwsAuth {
    fn extra_values(&self, _: &[Change]) -> Value {
        let (mapping, section) = (&self.mapping, self.mapping.section());
        let is_named = !mapping.username.is_empty();
        json!({
            "section": section.key(),
            "field": section.arn_field(),
            "arn": mapping.arn,
            "username": is_named.then_some(&mapping.username),
            "is_named": is_named.then_some(""),
            "groups": is_named.then_some(&mapping.groups),
        })
    }
}
