//! `aws ec2` about ingress rules.

use serde_json::{Value, json};

use super::Ingress;
use crate::resource::{Change, Commands, security_group::commands::group_id};

impl Commands for Ingress {
    fn more(&self, _: &[Change]) -> Value {
        json!({ "source": group_id(&self.vpc_id) })
    }
}
