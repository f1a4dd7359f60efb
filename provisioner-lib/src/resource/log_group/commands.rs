//! `aws logs`.

use serde_json::{Value, json};

use super::LogGroup;
use crate::resource::{Change, TemplateValues};

impl TemplateValues for LogGroup {
    fn extra_values(&self, _: &[Change]) -> Value {
        let days = Some(self.retention_days).filter(|days| *days != 0);
        json!({ "days": days, "kept_for_ever": days.is_none().then_some(&self.name) })
    }
}
