//! Settings of asynchronous invocations.

use aws_sdk_lambda::Client;

use super::InvokeConfig;
use crate::{provider::live::prelude::*, resource::changes::by_name};

impl Live<Client> for InvokeConfig {
    const IS_PART: bool = true;

    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let answer = client.get_function_event_invoke_config().function_name(&self.function).send().await;
        let found = error::optional("lambda:GetFunctionEventInvokeConfig", answer)?;
        Ok(found.map(|found| {
            // Who gets the answers of all invocations, or the events of those that failed.
            let (success, failure) =
                found.destination_config.map_or((None, None), |to| (to.on_success, to.on_failure));
            let others = [
                ("on_success", success.and_then(|success| success.destination)),
                ("on_failure", failure.and_then(|failure| failure.destination)),
            ];
            Found::from(Self {
                function: self.function.clone(),
                // The defaults of Lambda ("PutFunctionEventInvokeConfig" in its API reference).
                maximum_event_age_seconds: found.maximum_event_age_in_seconds.unwrap_or(21_600),
                maximum_retry_attempts: found.maximum_retry_attempts.unwrap_or(2),
                others: by_name(others),
            })
        }))
    }

    /// What is not named is removed ("PutFunctionEventInvokeConfig" in the Lambda API reference).
    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client
            .put_function_event_invoke_config()
            .function_name(&self.function)
            .maximum_event_age_in_seconds(self.maximum_event_age_seconds)
            .maximum_retry_attempts(self.maximum_retry_attempts);
        call.send().await.map(Made::alone).map_err(error::from_sdk("lambda:PutFunctionEventInvokeConfig"))
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let answer = client.delete_function_event_invoke_config().function_name(&self.function).send().await;
        error::ok_if_absent("lambda:DeleteFunctionEventInvokeConfig", answer).map(Made::alone)
    }
}
