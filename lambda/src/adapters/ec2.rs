//! EC2.

use aws_config::SdkConfig;
use aws_sdk_ec2::{
    Client,
    config::{Builder, retry::RetryPartition},
    types::{Filter, Instance as Ec2Instance},
};

use super::aws::{ATTEMPT, call_error, retries, timeouts};
use crate::ports::{CallError, Ec2, Instance};

/// EC2 through the AWS SDK.
#[derive(Debug)]
pub struct Ec2Api {
    client: Client,
}

impl Ec2Api {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        // A partition of its own: the SDK's retry quota is shared by all clients of a process otherwise,
        // and a storm would use it up for all of them.
        let partition = RetryPartition::custom("cast-spot-ec2").build();
        let config = Builder::from(sdk)
            .retry_config(retries())
            .retry_partition(partition)
            .timeout_config(timeouts(ATTEMPT))
            .build();
        Self { client: Client::from_conf(config) }
    }
}

impl Ec2 for Ec2Api {
    async fn describe_instance(&self, id: &str) -> Result<Option<Instance>, CallError> {
        // By filter, not by id: calls with a filter draw from the larger request bucket (EC2 API reference,
        // "Request throttling"), and an unknown id is an empty answer.
        let filter = Filter::builder().name("instance-id").values(id).build();
        let answer = self.client.describe_instances().filters(filter).send().await.map_err(call_error)?;
        let mut instances =
            answer.reservations.into_iter().flatten().flat_map(|r| r.instances.unwrap_or_default());
        Ok(instances.find(|i| i.instance_id() == Some(id)).map(from_wire))
    }
}

fn from_wire(instance: Ec2Instance) -> Instance {
    let state = instance.state.and_then(|s| s.name).map(|name| name.as_str().to_owned());
    let tags = instance.tags.unwrap_or_default().into_iter();
    Instance {
        id: instance.instance_id.unwrap_or_default(),
        state: state.unwrap_or_default(),
        private_dns_name: instance.private_dns_name,
        zone: instance.placement.and_then(|p| p.availability_zone),
        tags: tags.filter_map(|t| Some((t.key?, t.value.unwrap_or_default()))).collect(),
    }
}
