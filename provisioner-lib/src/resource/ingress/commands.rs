//! `aws ec2` about ingress rules.

use serde_json::{Value, json};

use super::{DESCRIPTION, Ingress};
use crate::resource::{Change, TemplateValues, security_group::commands::group_id};

impl TemplateValues for Ingress {
    fn extra_values(&self, _: &[Change]) -> Value {
        json!({ "source": group_id(&self.vpc_id), "description": DESCRIPTION })
    }
}
