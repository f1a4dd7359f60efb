//! The caller, by AWS STS.

use aws_sdk_sts::Client;
use serde::Serialize;

use crate::{error::Error, sdk_error::from_sdk};

/// The caller (STS `GetCallerIdentity`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Name of the partition, such as `aws`.
    pub partition: String,
    /// Account id.
    pub account: String,
    /// ARN of the caller.
    pub arn: String,
}

impl Identity {
    pub(crate) async fn of_caller(client: &Client) -> Result<Self, Error> {
        let answer = client.get_caller_identity().send().await.map_err(from_sdk("sts:GetCallerIdentity"))?;
        let arn = answer.arn.unwrap_or_default();
        Ok(Self {
            partition: arn.split(':').nth(1).unwrap_or("aws").to_owned(),
            account: answer.account.unwrap_or_default(),
            arn,
        })
    }
}
