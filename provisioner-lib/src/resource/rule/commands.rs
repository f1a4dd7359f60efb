//! `aws events` about rules.

use super::Rule;
use crate::resource::{Change, Commands, Context, Shell, retag, touches};

impl Commands for Rule {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![self.on(self.put_rule().listed(&self.tags))]
    }

    fn update(&self, changes: &[Change], context: &Context) -> Vec<Shell> {
        let mut shells = Vec::new();
        if touches(changes, "pattern") || touches(changes, "schedule") {
            shells.push(self.on(self.put_rule()));
        }
        let arn = context.arn("events", &format!("rule/{}", self.name));
        shells.extend(retag("events", "resource", "--resource-arn", &arn, Shell::listed, changes));
        shells
    }

    fn delete(&self) -> Vec<Shell> {
        vec![Shell::aws("events", "delete-rule").with("--name", &self.name)]
    }
}

impl Rule {
    fn put_rule(&self) -> Shell {
        let put = Shell::aws("events", "put-rule").with("--name", &self.name);
        put.with("--description", &self.description).raw("--state ENABLED")
    }

    /// With the rule's schedule, or its pattern from the standard input.
    fn on(&self, put: Shell) -> Shell {
        match &self.schedule {
            Some(schedule) => put.with("--schedule-expression", schedule),
            None => put.raw("--event-pattern file:///dev/stdin").reading(&self.pattern),
        }
    }
}
