//! `aws ec2` about ingress rules.

use super::Ingress;
use crate::resource::{Commands, Context, Shell, security_group::commands::group_id};

impl Commands for Ingress {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![self.shell("authorize")]
    }

    fn delete(&self) -> Vec<Shell> {
        vec![self.shell("revoke")]
    }
}

impl Ingress {
    fn shell(&self, verb: &str) -> Shell {
        Shell::aws("ec2", &format!("{verb}-security-group-ingress"))
            .with("--group-id", &self.to)
            .raw("--protocol tcp")
            .with("--port", self.port.to_string())
            .raw(format!("--source-group {}", group_id(&self.vpc_id)))
    }
}
