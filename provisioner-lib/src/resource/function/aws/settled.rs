//! A function that is made or changed is busy for a while ("Lambda function states" in the Lambda developer guide).

use std::time::Duration;

use aws_sdk_lambda::{
    Client,
    operation::get_function_configuration::GetFunctionConfigurationOutput,
    types::{LastUpdateStatus, State},
};
use tokio::time::{Instant, sleep};

use crate::provider::live::prelude::*;

/// With network interfaces in a VPC it takes minutes.
const PATIENCE: Duration = Duration::from_mins(5);
const PAUSE: Duration = Duration::from_secs(1);
const CALL: &str = "lambda:GetFunctionConfiguration";

/// Waits until nothing is going on any more, and says how it is then.
pub(super) async fn settled(client: &Client, name: &str) -> Result<GetFunctionConfigurationOutput, Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = client.get_function_configuration().function_name(name).send().await;
        let found = answer.map_err(error::from_sdk(CALL))?;
        if found.state() == Some(&State::Failed) {
            let reason = found.state_reason().unwrap_or("no reason given");
            let message = format!("function {name} could not be made: {reason}");
            let hint = format!("`aws lambda delete-function --function-name {name}`, then run this again");
            return Err(Error::new(ErrorKind::Other, CALL, message).hint(hint));
        }
        if !is_busy(&found) {
            return Ok(found);
        }
        if Instant::now() + PAUSE > end {
            let message = format!("function {name} is still busy after {} s", PATIENCE.as_secs());
            return Err(Error::new(ErrorKind::Other, CALL, message).hint("run it again in a few minutes"));
        }
        sleep(PAUSE).await;
    }
}

/// As [`settled`], and what was asked for has to be in force.
pub(super) async fn updated(client: &Client, name: &str) -> Result<GetFunctionConfigurationOutput, Error> {
    let found = settled(client, name).await?;
    if found.last_update_status() == Some(&LastUpdateStatus::Failed) {
        let reason = found.last_update_status_reason().unwrap_or("no reason given");
        return Err(Error::other(CALL, format!("function {name} could not be changed: {reason}")));
    }
    Ok(found)
}
fn is_busy(found: &GetFunctionConfigurationOutput) -> bool {
    found.state() == Some(&State::Pending)
        || found.last_update_status() == Some(&LastUpdateStatus::InProgress)
}
