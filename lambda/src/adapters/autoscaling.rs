//! EC2 Auto Scaling.

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_autoscaling::{
    Client,
    config::{Builder, retry::RetryPartition},
    types::RetryStrategy,
};

use super::aws::{ATTEMPT, call_error, retries, timeouts};
use crate::ports::{AutoScaling, CallError, Group, Member, Membership};

/// Lifecycle transition of hooks that hold a terminating instance.
const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

/// Limit of one attempt to launch.
const LAUNCH: Duration = Duration::from_secs(20);

/// EC2 Auto Scaling through the AWS SDK.
#[derive(Debug)]
pub struct AutoScalingApi {
    client: Client,
}

impl AutoScalingApi {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let partition = RetryPartition::custom("cast-spot-autoscaling").build();
        let config = Builder::from(sdk)
            .retry_config(retries())
            .retry_partition(partition)
            .timeout_config(timeouts(ATTEMPT))
            .build();
        Self { client: Client::from_conf(config) }
    }
}

impl AutoScaling for AutoScalingApi {
    async fn membership(&self, id: &str) -> Result<Option<Membership>, CallError> {
        let answer = self
            .client
            .describe_auto_scaling_instances()
            .instance_ids(id)
            .send()
            .await
            .map_err(call_error)?;
        let member =
            answer.auto_scaling_instances.into_iter().flatten().find(|i| i.instance_id() == Some(id));
        Ok(member.map(|i| Membership {
            group: i.auto_scaling_group_name.unwrap_or_default(),
            lifecycle_state: i.lifecycle_state.unwrap_or_default(),
            zone: i.availability_zone.unwrap_or_default(),
        }))
    }

    async fn group(&self, name: &str) -> Result<Option<Group>, CallError> {
        let call = self.client.describe_auto_scaling_groups().auto_scaling_group_names(name);
        let answer = call.send().await.map_err(call_error)?;
        let group = answer.auto_scaling_groups.into_iter().flatten().next();
        Ok(group.map(|g| Group {
            name: name.to_owned(),
            capacity_rebalance: g.capacity_rebalance.unwrap_or_default(),
            operator: g.operator.and_then(|o| o.principal),
            tags: g
                .tags
                .into_iter()
                .flatten()
                .filter_map(|t| Some((t.key?, t.value.unwrap_or_default())))
                .collect(),
            desired: g.desired_capacity.and_then(|d| usize::try_from(d).ok()).unwrap_or_default(),
            instances: g
                .instances
                .into_iter()
                .flatten()
                .filter_map(|i| {
                    let weight = i.weighted_capacity.and_then(|w| w.parse().ok()).unwrap_or(1);
                    Some((i.instance_id?, Member { state: i.lifecycle_state?.as_str().to_owned(), weight }))
                })
                .collect(),
        }))
    }

    async fn has_termination_hook(&self, group: &str) -> Result<bool, CallError> {
        let call = self.client.describe_lifecycle_hooks().auto_scaling_group_name(group);
        let answer = call.send().await.map_err(call_error)?;
        Ok(answer.lifecycle_hooks.iter().flatten().any(|h| h.lifecycle_transition() == Some(TERMINATING)))
    }

    async fn detach(&self, id: &str, group: &str, decrement: bool) -> Result<(), CallError> {
        let call = self.client.detach_instances().instance_ids(id).auto_scaling_group_name(group);
        let call = call.should_decrement_desired_capacity(decrement);
        call.customize().config_override(once()).send().await.map_err(call_error)?;
        Ok(())
    }

    async fn terminate(&self, id: &str) -> Result<(), CallError> {
        let call = self.client.terminate_instance_in_auto_scaling_group().instance_id(id);
        let call = call.should_decrement_desired_capacity(false);
        call.customize().config_override(once()).send().await.map_err(call_error)?;
        Ok(())
    }

    async fn launch(&self, group: &str, zone: &str, token: &str) -> Result<String, CallError> {
        let call = self.client.launch_instances().auto_scaling_group_name(group).requested_capacity(1);
        let call = call.availability_zones(zone).client_token(token).retry_strategy(RetryStrategy::None);
        // Synchronous: the answer comes when EC2 has launched.
        let patient = Builder::new().timeout_config(timeouts(LAUNCH));
        let answer = call.customize().config_override(patient).send().await.map_err(call_error)?;
        let launched =
            answer.instances.iter().flatten().flat_map(|i| i.instance_ids.iter().flatten()).next().cloned();
        launched.ok_or_else(|| {
            let error = answer.errors.iter().flatten().next();
            let code = error.and_then(|e| e.error_code()).unwrap_or("no instance and no error");
            CallError::Refused(format!(
                "{code}: {}",
                error.and_then(|e| e.error_message()).unwrap_or_default()
            ))
        })
    }
}

/// One attempt. The SDK does not tell of the attempts before the last one, and whether one of them had no answer
/// decides what a refusal means.
fn once() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}
