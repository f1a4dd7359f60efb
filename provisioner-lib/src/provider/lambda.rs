//! AWS Lambda: the facts of the function, and its self-test.

use std::time::SystemTime;

use aws_sdk_lambda::{
    Client,
    primitives::{Blob, DateTime, DateTimeFormat},
};

use super::{Error, error};
use crate::{
    check::{
        self, Verdict,
        self_test::{self, Reported},
    },
    facts::{CurrentFunction, Facts},
    names,
};

/// Id of the notice that a self-test sends.
const ID: &str = "00000000-0000-0000-0000-000000000000";

/// The function as far as facts depend on it.
pub(super) async fn current(client: &Client) -> Result<Option<CurrentFunction>, Error> {
    let answer = client.get_function_configuration().function_name(names::FUNCTION).send().await;
    let Some(function) = error::optional("lambda:GetFunctionConfiguration", answer)? else {
        return Ok(None);
    };
    let environment = function.environment();
    let variables = environment.and_then(|environment| environment.variables()).cloned();
    let vpc = function.vpc_config().filter(|vpc| vpc.vpc_id().is_some_and(|id| !id.is_empty()));
    Ok(Some(CurrentFunction {
        vpc_id: vpc.and_then(|vpc| vpc.vpc_id()).map(str::to_owned),
        subnet_ids: vpc.map(|vpc| vpc.subnet_ids().to_vec()).unwrap_or_default(),
        revision: function.revision_id().map(str::to_owned),
        ..CurrentFunction::with(&variables.unwrap_or_default().into_iter().collect())
    }))
}

/// Whether concurrency is reserved for a function.
pub(super) async fn reserved(client: &Client, function: &str) -> Result<Verdict, Error> {
    let answer = client.get_function_concurrency().function_name(function).send().await;
    let answer = answer.map_err(error::from_sdk("lambda:GetFunctionConcurrency"))?;
    Ok(check::reserved(answer.reserved_concurrent_executions()))
}

/// What the function says of itself; within, why it says nothing. It answers within half a minute.
pub(super) async fn self_test(
    client: &Client,
    facts: &Facts,
) -> Result<Result<Vec<Reported>, String>, Error> {
    let event = self_test::event(ID, &now(), &facts.region, &facts.identity.account);
    let call = client.invoke().function_name(names::FUNCTION).payload(Blob::new(event));
    let answer = call.send().await.map_err(error::from_sdk("lambda:InvokeFunction"))?;
    let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
    Ok(self_test::read(answer.function_error(), payload))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a notice carries the time, and the function holds it against its own"
)]
fn now() -> String {
    let now = DateTime::from(SystemTime::now());
    DateTime::from_secs(now.secs()).fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_as_events_have_it() {
        let time = now();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }
}
