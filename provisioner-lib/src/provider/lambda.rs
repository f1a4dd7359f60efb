//! AWS Lambda: the function, who may call it, how its asynchronous invocations are handled.

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use futures_util::future::join_all;
use serde_json::Value;

use super::{Error, ErrorKind, Made, error};
use crate::{
    check::{self, Verdict},
    facts::CurrentFunction,
    names,
    observed::Found,
    resource::Change,
    resource::{Function, InvokeConfig, Layer, Permission, Resource},
};

mod function;
mod layer;
mod notice;
mod settled;
mod update;
mod versions;

pub(super) use function::name_security_group;
pub use versions::RolledBack;

/// Lambda of the region.
pub(super) struct Lambda {
    pub(super) client: Client,
}

impl Lambda {
    /// The function as far as facts depend on it.
    pub(super) async fn current(&self) -> Result<Option<CurrentFunction>, Error> {
        let answer = self.client.get_function_configuration().function_name(names::FUNCTION).send().await;
        let Some(function) = error::optional("lambda:GetFunctionConfiguration", answer)? else {
            return Ok(None);
        };
        let environment = function.environment();
        let variables = environment.and_then(|environment| environment.variables()).cloned();
        let vpc_id = function.vpc_config().and_then(|vpc| vpc.vpc_id()).filter(|id| !id.is_empty());
        let endpoints = self.endpoints(function.layers()).await?;
        let current = CurrentFunction {
            vpc_id: vpc_id.map(str::to_owned),
            revision: function.revision_id().map(str::to_owned),
            ..CurrentFunction::with(&variables.unwrap_or_default().into_iter().collect())
        };
        Ok(Some(current.with_layer(endpoints)))
    }

    /// Functions first: what one has that is not there, is not asked.
    pub(super) async fn observe(&self, wanted: &[&Resource]) -> Vec<Result<Found, Error>> {
        let functions = join_all(wanted.iter().map(async |resource| match resource {
            Resource::Function(Function { name, .. }) => Some((name.as_str(), self.function(name).await)),
            _ => None,
        }));
        let functions: Vec<_> = functions.await.into_iter().flatten().collect();
        let is_there = |function: &str| {
            let asked = functions.iter().find(|(name, _)| *name == function);
            asked.is_none_or(|(_, answer)| matches!(answer, Ok(Some(_))))
        };
        let configs = join_all(wanted.iter().map(async |resource| match resource {
            Resource::InvokeConfig(InvokeConfig { function, .. }) if is_there(function) => {
                self.invoke_config(function).await
            }
            _ => Ok(None),
        }));
        // One policy has the statements of all rules.
        let mut statements: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for resource in wanted {
            if let Resource::Permission(Permission { function, statement_id, .. }) = resource
                && is_there(function)
            {
                statements.entry(function).or_default().push(statement_id);
            }
        }
        let permissions =
            join_all(statements.iter().map(async |(function, ids)| match self.policy(function).await {
                Ok(policy) => ids.iter().map(|id| Ok(permission(&policy, function, id))).collect(),
                Err(error) => vec![Err(error)],
            }));
        let (configs, permissions, layers) = tokio::join!(configs, permissions, self.find_layers(wanted));
        let whole = functions.into_iter().map(|(_, answer)| answer);
        let parts = configs.into_iter().chain(permissions.into_iter().flatten()).chain(layers);
        whole.chain(parts).filter_map(Result::transpose).collect()
    }

    async fn invoke_config(&self, function: &str) -> Result<Option<Found>, Error> {
        let answer = self.client.get_function_event_invoke_config().function_name(function).send().await;
        let found = error::optional("lambda:GetFunctionEventInvokeConfig", answer)?;
        Ok(found.map(|found| {
            Found::from(Resource::InvokeConfig(InvokeConfig {
                function: function.to_owned(),
                // What Lambda does where nothing is said ("PutFunctionEventInvokeConfig" in its API reference).
                maximum_event_age_seconds: found.maximum_event_age_in_seconds.unwrap_or(21_600),
                maximum_retry_attempts: found.maximum_retry_attempts.unwrap_or(2),
            }))
        }))
    }

    /// Whether concurrency is reserved for a function.
    pub(super) async fn reserved(&self, function: &str) -> Result<Verdict, Error> {
        let answer = self.client.get_function_concurrency().function_name(function).send().await;
        let answer = answer.map_err(error::from_sdk("lambda:GetFunctionConcurrency"))?;
        Ok(check::reserved(answer.reserved_concurrent_executions()))
    }

    /// The resource policy of a function; null if it has none.
    async fn policy(&self, function: &str) -> Result<Value, Error> {
        let call = "lambda:GetPolicy";
        let answer = error::optional(call, self.client.get_policy().function_name(function).send().await)?;
        let Some(policy) = answer.and_then(|answer| answer.policy) else { return Ok(Value::Null) };
        serde_json::from_str(&policy).map_err(|problem| {
            Error::new(ErrorKind::Other, call, format!("the policy is not JSON ({problem})"))
        })
    }

    pub(super) async fn create(
        &self,
        resource: &Resource,
        security_group: Option<String>,
    ) -> Result<Made, Error> {
        match resource {
            Resource::Function(_) => self.create_function(resource, security_group).await?,
            Resource::Layer(Layer { name, code }) => self.publish_layer(name, code).await?,
            Resource::InvokeConfig(InvokeConfig {
                function,
                maximum_event_age_seconds,
                maximum_retry_attempts,
            }) => {
                let call = self
                    .client
                    .put_function_event_invoke_config()
                    .function_name(function)
                    .maximum_event_age_in_seconds(*maximum_event_age_seconds)
                    .maximum_retry_attempts(*maximum_retry_attempts);
                call.send().await.map_err(error::from_sdk("lambda:PutFunctionEventInvokeConfig"))?;
            }
            Resource::Permission(Permission { function, statement_id, principal, source_arn }) => {
                let call = self
                    .client
                    .add_permission()
                    .function_name(function)
                    .statement_id(statement_id)
                    .action("lambda:InvokeFunction")
                    .principal(principal)
                    .source_arn(source_arn);
                call.send().await.map_err(error::from_sdk("lambda:AddPermission"))?;
            }
            other => return Err(error::wrong_service(other)),
        }
        Ok(Made::default())
    }

    pub(super) async fn update(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
        security_group: Option<String>,
    ) -> Result<Made, Error> {
        match resource {
            Resource::Function(_) => {
                self.update_function(resource, changes, revision, security_group).await?;
                Ok(Made::default())
            }
            Resource::Permission(_) => {
                self.delete(resource).await?;
                self.create(resource, None).await
            }
            other => self.create(other, None).await,
        }
    }

    pub(super) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        match resource {
            Resource::Function(Function { name, .. }) => {
                let answer = self.client.delete_function().function_name(name).send().await;
                error::ok_if_absent("lambda:DeleteFunction", answer)?;
            }
            Resource::Layer(Layer { name, code }) => self.delete_layer(name, &code.sha256).await?,
            Resource::InvokeConfig(InvokeConfig { function, .. }) => {
                let answer =
                    self.client.delete_function_event_invoke_config().function_name(function).send().await;
                error::ok_if_absent("lambda:DeleteFunctionEventInvokeConfig", answer)?;
            }
            Resource::Permission(Permission { function, statement_id, .. }) => {
                let call = self.client.remove_permission().function_name(function).statement_id(statement_id);
                error::ok_if_absent("lambda:RemovePermission", call.send().await)?;
            }
            other => return Err(error::wrong_service(other)),
        }
        Ok(Made::default())
    }
}

/// A statement of a function's resource policy.
fn permission(policy: &Value, function: &str, statement_id: &str) -> Option<Found> {
    let mut statements = policy["Statement"].as_array().into_iter().flatten();
    let statement = statements.find(|statement| statement["Sid"] == statement_id)?;
    let principal = &statement["Principal"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(Found::from(Resource::Permission(Permission {
        function: function.to_owned(),
        statement_id: statement_id.to_owned(),
        principal: text(if principal.is_object() { &principal["Service"] } else { principal }),
        source_arn: text(&statement["Condition"]["ArnLike"]["AWS:SourceArn"]),
    })))
}

#[cfg(test)]
mod tests;
