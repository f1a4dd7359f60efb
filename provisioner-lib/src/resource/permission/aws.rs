//! Statements of resource policies of functions.

use std::{collections::BTreeSet, mem};

use aws_sdk_lambda::Client;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Permission;
use crate::provider::live::prelude::*;

const ACTION: &str = "lambda:InvokeFunction";

impl Live<Client> for Permission {
    const IS_PART: bool = true;

    /// One policy has the statements of all rules. Those that are not wanted are in it, too. CloudFormation makes up the
    /// ids of its statements, so one that grants what a wanted one does is that one.
    async fn observe(wanted: &[&Self], client: &Client, _: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let functions: BTreeSet<&str> = wanted.iter().map(|wanted| wanted.function.as_str()).collect();
        let found = functions.into_iter().map(async |function| match policy(client, function).await {
            Ok(policy) => {
                let statements = policy["Statement"].as_array().into_iter().flatten();
                let mut found: Vec<Self> =
                    statements.map(|statement| Self::read(function, statement)).collect();
                for wanted in wanted {
                    wanted.name_equal(&mut found);
                }
                found.into_iter().map(|permission| Ok(Found::from(permission))).collect()
            }
            Err(error) => vec![Err(error)],
        });
        join_all(found).await.into_iter().flatten().collect()
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client
            .add_permission()
            .function_name(&self.function)
            .statement_id(&self.statement_id)
            .action(ACTION)
            .principal(&self.principal)
            .source_arn(&self.source_arn);
        call.send().await.map(Made::alone).map_err(error::from_sdk("lambda:AddPermission"))
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let call = client.remove_permission().function_name(&self.function).statement_id(&self.statement_id);
        error::ok_if_absent("lambda:RemovePermission", call.send().await).map(Made::alone)
    }
}

impl Permission {
    /// What a statement grants beyond one of ours stands in the place of its principal.
    fn read(function: &str, statement: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let principal = &statement["Principal"];
        let service = if principal.is_object() { &principal["Service"] } else { principal };
        let source = &statement["Condition"]["ArnLike"]["AWS:SourceArn"];
        let is_plain = statement["Effect"] == "Allow"
            && statement["Action"] == ACTION
            && (principal == service || *principal == json!({ "Service": service }))
            && statement["Condition"] == json!({ "ArnLike": { "AWS:SourceArn": source } });
        let whole = || {
            let mut whole = statement.clone();
            if let Some(fields) = whole.as_object_mut() {
                fields.retain(|name, _| !["Sid", "Resource"].contains(&name.as_str()));
            }
            whole.to_string()
        };
        Self {
            function: function.to_owned(),
            statement_id: text(&statement["Sid"]),
            principal: if is_plain { text(service) } else { whole() },
            source_arn: text(source),
        }
    }

    /// Gives statements that are equal to this one its id, unless another one has it, and keeps one of them.
    fn name_equal(&self, found: &mut Vec<Self>) {
        let is_in_the_way = |other: &Self| {
            (&other.function, &other.statement_id) == (&self.function, &self.statement_id) && other != self
        };
        if found.iter().any(is_in_the_way) {
            return;
        }
        let mut is_first = true;
        found.retain_mut(|permission| {
            let statement_id = self.statement_id.clone();
            if *self != (Self { statement_id, ..permission.clone() }) {
                return true;
            }
            permission.statement_id.clone_from(&self.statement_id);
            mem::take(&mut is_first)
        });
    }
}

/// The resource policy of a function; null if it has none.
async fn policy(client: &Client, function: &str) -> Result<Value, Error> {
    let call = "lambda:GetPolicy";
    let answer = error::optional(call, client.get_policy().function_name(function).send().await)?;
    let Some(policy) = answer.and_then(|answer| answer.policy) else { return Ok(Value::Null) };
    serde_json::from_str(&policy)
        .map_err(|problem| Error::new(ErrorKind::Other, call, format!("the policy is not JSON ({problem})")))
}
