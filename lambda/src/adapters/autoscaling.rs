//! EC2 Auto Scaling.

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_autoscaling::{
    Client,
    config::{Builder, retry::RetryPartition},
    types::ScalingActivityStatusCode,
};
use jiff::Timestamp;

use super::aws::{call_error, client_config, retries};
use crate::ports::{Activities, AutoScaling, CallResult, FailedLaunch, Group, Hook, Member, Membership};

/// Lifecycle transition of hooks that hold a terminating instance.
const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

/// HeartbeatTimeout of a hook that names none (API reference of PutLifecycleHook).
const HEARTBEAT: Duration = Duration::from_hours(1);

/// How the description of a launch begins.
const LAUNCHING: &str = "Launching a new EC2 instance";

/// How the description of a termination begins; the id follows.
const TERMINATION: &str = "Terminating EC2 instance:";

/// Scaling activities that are read, the latest first.
const ACTIVITIES: i32 = 50;

/// EC2 Auto Scaling through the AWS SDK.
#[derive(Debug)]
pub struct AutoScalingApi {
    client: Client,
}

impl AutoScalingApi {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let partition = RetryPartition::custom("cast-spot-autoscaling").build();
        let config = Builder::from(&client_config(sdk, retries())).retry_partition(partition);
        Self { client: Client::from_conf(config.build()) }
    }
}

impl AutoScaling for AutoScalingApi {
    async fn membership(&self, id: &str) -> CallResult<Option<Membership>> {
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
        }))
    }

    async fn group(&self, name: &str) -> CallResult<Option<Group>> {
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
            suspended: g.suspended_processes.into_iter().flatten().filter_map(|p| p.process_name).collect(),
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

    async fn termination_hooks(&self, group: &str) -> CallResult<Vec<Hook>> {
        let call = self.client.describe_lifecycle_hooks().auto_scaling_group_name(group);
        let answer = call.send().await.map_err(call_error)?;
        let hooks = answer.lifecycle_hooks.into_iter().flatten();
        let hooks = hooks.filter(|hook| hook.lifecycle_transition() == Some(TERMINATING));
        Ok(hooks
            .map(|hook| Hook {
                timeout: hook
                    .heartbeat_timeout
                    .and_then(|s| u64::try_from(s).ok())
                    .map_or(HEARTBEAT, Duration::from_secs),
                name: hook.lifecycle_hook_name.unwrap_or_default(),
            })
            .collect())
    }

    async fn activities(&self, group: &str) -> CallResult<Activities> {
        let call = self.client.describe_scaling_activities().auto_scaling_group_name(group);
        let answer = call.max_records(ACTIVITIES).send().await.map_err(call_error)?;
        let mut activities = Activities::default();
        for activity in answer.activities.into_iter().flatten() {
            let began = activity.start_time.and_then(|time| Timestamp::from_nanosecond(time.as_nanos()).ok());
            let (Some(began), Some(description)) = (began, activity.description) else { continue };
            if let Some(id) = description.strip_prefix(TERMINATION) {
                activities.terminations.insert(id.trim().to_owned(), began);
            } else if description.starts_with(LAUNCHING)
                && activity.status_code == Some(ScalingActivityStatusCode::Failed)
            {
                let message = activity.status_message.unwrap_or_default();
                activities.failed_launches.push(FailedLaunch { began, message });
            }
        }
        Ok(activities)
    }

    async fn detach(&self, id: &str, group: &str) -> CallResult<()> {
        let call = self.client.detach_instances().instance_ids(id).auto_scaling_group_name(group);
        let call = call.should_decrement_desired_capacity(false);
        // One attempt. The SDK does not tell of the attempts before the last one, and whether one of them had no answer
        // decides what a refusal means.
        let once = Builder::new().retry_config(RetryConfig::disabled());
        call.customize().config_override(once).send().await.map_err(call_error)?;
        Ok(())
    }
}
