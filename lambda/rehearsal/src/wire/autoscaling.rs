//! Amazon EC2 Auto Scaling's query protocol (2011-01-01).

use serde_json::{Value, json};

use super::{
    Reply,
    xml::{Form, document},
};
use crate::{
    facts::{Call, CallFact},
    faults::{AwsError, FaultKind},
    world::{
        groups::{Activity, Group},
        instances::{Instance, Member},
        spec::HookSpec,
        state::State,
    },
};

/// Whom a request is about, for the trace.
pub(super) fn target(form: &Form) -> String {
    let mut about = form.list("InstanceIds.member");
    about.extend(form.get("InstanceId").map(str::to_owned));
    about.extend(form.list("AutoScalingGroupNames.member"));
    about.extend(form.get("AutoScalingGroupName").map(str::to_owned));
    about.join(" ")
}

pub(super) fn answer(state: &mut State, call: &Call, form: &Form, fault: Option<FaultKind>) -> Reply {
    let action = call.operation.name.as_str();
    if let Some(kind) = fault {
        return error(kind.at_aws([
            (400, "Throttling", "Rate exceeded"),
            (403, "AccessDenied", &format!("User is not authorized to perform: autoscaling:{action}")),
            (500, "InternalFailure", "An internal error has occurred"),
            (503, "ServiceUnavailable", "The service is unavailable"),
        ]));
    }
    let result = match action {
        "DescribeAutoScalingInstances" => Ok(describe_instances(state, form)),
        "DescribeAutoScalingGroups" => Ok(describe_groups(state, form)),
        "DescribeLifecycleHooks" => describe_hooks(state, form),
        "DetachInstances" => detach(state, call, form),
        "TerminateInstanceInAutoScalingGroup" => terminate(state, call, form),
        "DescribeScalingActivities" => describe_activities(state, form),
        other => return error((400, "InvalidAction", &format!("Could not find operation {other}"))),
    };
    match result {
        Ok(result) => {
            let body = json!({ format!("{action}Result"): result, "ResponseMetadata": { "RequestId": "0" } });
            reply(200, &format!("{action}Response"), &body)
        }
        Err(refusal) => refusal,
    }
}

fn reply(status: u16, kind: &str, body: &Value) -> Reply {
    document(status, (kind, "autoscaling.amazonaws.com/doc/2011-01-01"), "member", body)
}

fn error((status, code, message): AwsError<'_>) -> Reply {
    let who = if status < 500 { "Sender" } else { "Receiver" };
    let error = json!({ "Type": who, "Code": code, "Message": message });
    reply(status, "ErrorResponse", &json!({ "Error": error, "RequestId": "0" }))
}

fn validation(message: &str) -> Reply {
    error((400, "ValidationError", message))
}

/// The group of this name.
fn named<'a>(state: &'a State, name: &str) -> Result<&'a Group, Reply> {
    let unknown =
        || validation(&format!("AutoScalingGroup name not found - AutoScalingGroup: {name} not found"));
    state.groups.get(name).ok_or_else(unknown)
}

/// What describes a member in its group and by itself.
fn member(instance: &Instance, with_group: bool) -> Option<Value> {
    let Member { group, lifecycle } = instance.member.as_ref()?;
    Some(json!({
        "InstanceId": instance.spec.instance,
        "AutoScalingGroupName": with_group.then_some(group),
        "InstanceType": "m7g.large",
        "AvailabilityZone": instance.spec.zone,
        "LifecycleState": lifecycle.as_str(),
        "HealthStatus": if with_group { "HEALTHY" } else { "Healthy" },
        "ProtectedFromScaleIn": false,
    }))
}

fn describe_instances(state: &State, form: &Form) -> Value {
    let ids = form.list("InstanceIds.member");
    let wanted = state.instances.values().filter(|i| ids.is_empty() || ids.contains(&i.spec.instance));
    let members: Vec<Value> = wanted.filter_map(|instance| member(instance, true)).collect();
    json!({ "AutoScalingInstances": members })
}

fn describe_groups(state: &State, form: &Form) -> Value {
    let names = form.list("AutoScalingGroupNames.member");
    let wanted = state.groups.values().filter(|g| names.is_empty() || names.contains(&g.spec.name));
    let groups: Vec<Value> = wanted.map(|group| describe_group(state, group)).collect();
    json!({ "AutoScalingGroups": groups })
}

fn describe_group(state: &State, group: &Group) -> Value {
    let spec = &group.spec;
    let managed = spec.managed_node_group.as_deref();
    let tags = [
        Some((format!("kubernetes.io/cluster/{}", spec.cluster), "owned")),
        managed.map(|_| ("eks:cluster-name".to_owned(), spec.cluster.as_str())),
        managed.map(|name| ("eks:nodegroup-name".to_owned(), name)),
    ];
    let tag = |(key, value): &(String, &str)| {
        json!({ "ResourceId": spec.name, "ResourceType": "auto-scaling-group", "Key": key, "Value": value,
                "PropagateAtLaunch": true })
    };
    let tags: Vec<Value> = tags.iter().flatten().map(tag).collect();
    let members = state.members(&spec.name);
    let instances: Vec<Value> = members.iter().filter_map(|instance| member(instance, false)).collect();
    let suspended: Vec<Value> =
        spec.suspended.iter().map(|process| json!({ "ProcessName": process })).collect();
    let mixed = json!({ "InstancesDistribution": { "OnDemandPercentageAboveBaseCapacity": 0 } });
    let operator = spec.operator.as_ref().map(|name| json!({ "Managed": true, "Principal": name }));
    json!({
        "AutoScalingGroupName": spec.name,
        "MinSize": 0,
        "MaxSize": spec.max,
        "DesiredCapacity": group.desired,
        "AvailabilityZones": spec.zones,
        "Instances": instances,
        "Tags": tags,
        "HealthCheckType": "EC2",
        "CreatedTime": "2026-01-01T00:00:00Z",
        "CapacityRebalance": group.rebalances(),
        "SuspendedProcesses": suspended,
        "MixedInstancesPolicy": spec.mixed.then_some(mixed),
        "Operator": operator,
    })
}

fn describe_hooks(state: &State, form: &Form) -> Result<Value, Reply> {
    let name = form.get("AutoScalingGroupName").unwrap_or_default();
    let group = named(state, name)?;
    let hook = |hook: HookSpec| {
        json!({ "LifecycleHookName": hook.name, "AutoScalingGroupName": name,
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                "HeartbeatTimeout": hook.timeout_ms / 1_000, "GlobalTimeout": 172_800,
                "DefaultResult": "CONTINUE" })
    };
    Ok(json!({ "LifecycleHooks": group.hooks().into_iter().map(hook).collect::<Vec<_>>() }))
}

/// The launches and terminations of a group, the latest first.
fn describe_activities(state: &State, form: &Form) -> Result<Value, Reply> {
    let name = form.get("AutoScalingGroupName").unwrap_or_default();
    let group = named(state, name)?;
    let most = form.get("MaxRecords").and_then(|number| number.parse().ok()).unwrap_or(100);
    let described = |Activity { at_ms, description, status, message }: &Activity| {
        json!({ "ActivityId": format!("00000000-0000-4000-d000-{at_ms:012}"), "AutoScalingGroupName": name,
                "Description": description,
                "Cause": "a difference between desired and actual capacity",
                "StartTime": state.clock.wall_at(*at_ms).to_string(), "StatusCode": status,
                "StatusMessage": message, "Progress": 100 })
    };
    let latest = group.activities.iter().rev().take(most);
    Ok(json!({ "Activities": latest.map(described).collect::<Vec<_>>() }))
}

fn activity(group: &str, description: &str) -> Value {
    json!({ "ActivityId": "00000000-0000-4000-c000-000000000000", "AutoScalingGroupName": group,
            "Description": description, "Cause": "a user request", "StartTime": "2026-01-01T00:00:00Z",
            "StatusCode": "InProgress", "Progress": 50 })
}

fn not_operated_by_other(state: &State, group: &str) -> Result<(), Reply> {
    match named(state, group)?.spec.operator {
        Some(_) => {
            Err(error((403, "AccessDenied", "The Auto Scaling group is managed by another operator.")))
        }
        None => Ok(()),
    }
}

fn detach(state: &mut State, call: &Call, form: &Form) -> Result<Value, Reply> {
    let group = form.get("AutoScalingGroupName").unwrap_or_default();
    not_operated_by_other(state, group)?;
    let decrement = match form.get("ShouldDecrementDesiredCapacity") {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(validation("ShouldDecrementDesiredCapacity is required")),
    };
    let mut activities = Vec::new();
    for id in form.list("InstanceIds.member") {
        state.emit_call(call, CallFact::WritesGroup { instance: id.clone() });
        state.detach(&id, group, decrement).map_err(|refusal| validation(&refusal))?;
        activities.push(activity(group, &format!("Detaching EC2 instance: {id}")));
    }
    Ok(json!({ "Activities": activities }))
}

fn terminate(state: &mut State, call: &Call, form: &Form) -> Result<Value, Reply> {
    let id = form.get("InstanceId").unwrap_or_default();
    let group = state.instances.get(id).and_then(|i| i.member.as_ref()).map(|m| m.group.clone());
    if let Some(group) = &group {
        not_operated_by_other(state, group)?;
    }
    let decrement = form.get("ShouldDecrementDesiredCapacity") == Some("true");
    state.emit_call(call, CallFact::WritesGroup { instance: id.to_owned() });
    state.terminate_in_group(id, decrement, call.env).map_err(|refusal| validation(&refusal))?;
    let activity = activity(&group.unwrap_or_default(), &format!("Terminating EC2 instance: {id}"));
    Ok(json!({ "Activity": activity }))
}
