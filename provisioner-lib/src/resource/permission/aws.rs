//! Statements of resource policies of functions.

use std::collections::BTreeSet;

use aws_sdk_lambda::Client;
use futures_util::future::join_all;
use serde_json::Value;

use super::Permission;
use crate::provider::live::prelude::*;

impl Live<Client> for Permission {
    const IS_PART: bool = true;

    /// One policy has the statements of all rules. Those that are not wanted are in it, too.
    async fn observe(wanted: &[&Self], client: &Client, _: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let functions: BTreeSet<&str> = wanted.iter().map(|wanted| wanted.function.as_str()).collect();
        let found = functions.into_iter().map(async |function| match policy(client, function).await {
            Ok(policy) => {
                let statements = policy["Statement"].as_array().into_iter().flatten();
                statements.map(|statement| Ok(Found::from(Self::read(function, statement)))).collect()
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
            .action("lambda:InvokeFunction")
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
    fn read(function: &str, statement: &Value) -> Self {
        let principal = &statement["Principal"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            function: function.to_owned(),
            statement_id: text(&statement["Sid"]),
            principal: text(if principal.is_object() { &principal["Service"] } else { principal }),
            source_arn: text(&statement["Condition"]["ArnLike"]["AWS:SourceArn"]),
        }
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
