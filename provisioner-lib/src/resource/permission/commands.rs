//! `aws lambda` about the resource policy of a function.

use super::Permission;
use crate::resource::{Commands, Context, Shell};

impl Commands for Permission {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![
            self.shell("add-permission")
                .with("--action", "lambda:InvokeFunction")
                .with("--principal", &self.principal)
                .with("--source-arn", &self.source_arn),
        ]
    }

    fn delete(&self) -> Vec<Shell> {
        vec![self.shell("remove-permission")]
    }
}

impl Permission {
    fn shell(&self, operation: &str) -> Shell {
        let shell = Shell::aws("lambda", operation).with("--function-name", &self.function);
        shell.with("--statement-id", &self.statement_id)
    }
}
