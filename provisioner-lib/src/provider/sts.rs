//! AWS STS: who asks.

use aws_sdk_sts::Client;

use super::{Error, error};
use crate::facts::Identity;

/// STS of the region.
pub(super) struct Sts {
    pub(super) client: Client,
}

impl Sts {
    pub(super) async fn identity(&self) -> Result<Identity, Error> {
        let answer =
            self.client.get_caller_identity().send().await.map_err(error::of("sts:GetCallerIdentity"))?;
        let arn = answer.arn.unwrap_or_default();
        Ok(Identity {
            partition: arn.split(':').nth(1).unwrap_or("aws").to_owned(),
            account: answer.account.unwrap_or_default(),
            arn,
        })
    }
}
