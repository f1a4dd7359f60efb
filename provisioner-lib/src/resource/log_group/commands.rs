//! `aws logs`.

use super::LogGroup;
use crate::resource::{Change, Commands, Context, Shell, retag, touches};

impl Commands for LogGroup {
    fn create(&self, _: &Context) -> Vec<Shell> {
        let mut shells = vec![self.shell("create-log-group").mapped(&self.tags)];
        if self.retention_days != 0 {
            shells.push(self.retention());
        }
        shells
    }

    fn update(&self, changes: &[Change], context: &Context) -> Vec<Shell> {
        let mut shells = Vec::new();
        if touches(changes, "retention_days") {
            shells.push(self.retention());
        }
        let arn = context.arn("logs", &format!("log-group:{}", self.name));
        shells.extend(retag("logs", "resource", "--resource-arn", &arn, Shell::mapped, changes));
        shells
    }

    fn delete(&self) -> Vec<Shell> {
        vec![self.shell("delete-log-group")]
    }
}

impl LogGroup {
    fn shell(&self, operation: &str) -> Shell {
        Shell::aws("logs", operation).with("--log-group-name", &self.name)
    }

    fn retention(&self) -> Shell {
        match self.retention_days {
            0 => self.shell("delete-retention-policy"),
            days => self.shell("put-retention-policy").with("--retention-in-days", days.to_string()),
        }
    }
}
