//! `aws iam` about managed policies on roles and users.

use serde_json::{Value, json};

use super::Attachment;
use crate::resource::{Change, Commands};

impl Commands for Attachment {
    fn more(&self, _: &[Change]) -> Value {
        json!({ "word": self.principal.word(), "name": self.principal.name() })
    }
}
