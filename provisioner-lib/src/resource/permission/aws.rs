//! Statements of resource policies of functions.

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use futures_util::future::join_all;
use serde_json::Value;

use super::Permission;
use crate::provider::live::prelude::*;

impl Live<Client> for Permission {
    const IS_PART: bool = true;

    /// One policy has the statements of all rules.
    async fn observe(wanted: &[&Self], client: &Client, _: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let mut statements: BTreeMap<&str, Vec<&Self>> = BTreeMap::new();
        for permission in wanted {
            statements.entry(&permission.function).or_default().push(permission);
        }
        let found =
            statements.into_iter().map(async |(function, wanted)| match policy(client, function).await {
                Ok(policy) => wanted.iter().filter_map(|wanted| wanted.found_in(&policy)).map(Ok).collect(),
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
    fn found_in(&self, policy: &Value) -> Option<Found> {
        let mut statements = policy["Statement"].as_array().into_iter().flatten();
        let statement = statements.find(|statement| statement["Sid"] == *self.statement_id)?;
        let principal = &statement["Principal"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(Found::from(Self {
            function: self.function.clone(),
            statement_id: self.statement_id.clone(),
            principal: text(if principal.is_object() { &principal["Service"] } else { principal }),
            source_arn: text(&statement["Condition"]["ArnLike"]["AWS:SourceArn"]),
        }))
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
