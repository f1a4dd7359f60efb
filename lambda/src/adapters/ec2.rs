//! EC2.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_ec2::{
    Client,
    types::{Filter, Instance as Ec2Instance},
};

use super::aws::{call_error, client_config};
use crate::ports::{CallResult, Ec2, Instance};

/// EC2 through the AWS SDK.
#[derive(Debug)]
pub struct Ec2Api {
    client: Client,
}

impl Ec2Api {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        // No retries of the SDK: after the first failure the node lists are asked, and all retries of a storm
        // together would keep the account's request bucket empty.
        Self { client: Client::new(&client_config(sdk, RetryConfig::disabled())) }
    }
}

impl Ec2 for Ec2Api {
    async fn describe_instance(&self, id: &str) -> CallResult<Option<Instance>> {
        // By filter, not by id: calls with a filter draw from the larger request bucket (EC2 API reference,
        // "Request throttling"), and an unknown id is an empty answer.
        let filter = Filter::builder().name("instance-id").values(id).build();
        let answer = self.client.describe_instances().filters(filter).send().await.map_err(call_error)?;
        let mut reservations = answer.reservations.into_iter().flatten();
        Ok(reservations.find_map(|reservation| {
            let mut instances = reservation.instances.into_iter().flatten();
            let instance = instances.find(|i| i.instance_id() == Some(id))?;
            Some(from_wire(instance, reservation.owner_id))
        }))
    }
}

fn from_wire(instance: Ec2Instance, owner_account: Option<String>) -> Instance {
    let state = instance.state.and_then(|s| s.name).map(|name| name.as_str().to_owned());
    let tags = instance.tags.unwrap_or_default().into_iter();
    Instance {
        id: instance.instance_id.unwrap_or_default(),
        state: state.unwrap_or_default(),
        private_dns_name: instance.private_dns_name,
        zone: instance.placement.and_then(|p| p.availability_zone),
        lifecycle: instance.instance_lifecycle.map(|lifecycle| lifecycle.as_str().to_owned()),
        reserved: instance.capacity_reservation_id.is_some() || instance.capacity_block_id.is_some(),
        owner_account,
        operator: instance.operator.and_then(|operator| operator.principal),
        tags: tags.filter_map(|t| Some((t.key?, t.value.unwrap_or_default()))).collect(),
    }
}
