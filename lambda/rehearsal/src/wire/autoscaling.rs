//! Amazon EC2 Auto Scaling's query protocol (2011-01-01).

use super::{
    Reply,
    xml::{Form, element, nest},
};
use crate::{
    facts::{Call, CallFact},
    faults::FaultKind,
    world::{
        groups::{Group, Launch},
        instances::Instance,
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

pub(super) fn answer(
    state: &mut State,
    call: &Call,
    action: &str,
    form: &Form,
    fault: Option<FaultKind>,
) -> Reply {
    match fault {
        None => {}
        Some(FaultKind::Throttled) => return error(400, "Throttling", "Rate exceeded"),
        Some(FaultKind::Forbidden | FaultKind::Denied(_) | FaultKind::Unauthorized) => {
            let message = format!("User is not authorized to perform: autoscaling:{action}");
            return error(403, "AccessDenied", &message);
        }
        Some(FaultKind::InternalError) => {
            return error(500, "InternalFailure", "An internal error has occurred");
        }
        Some(_) => return error(503, "ServiceUnavailable", "The service is unavailable"),
    }
    let result = match action {
        "DescribeAutoScalingInstances" => Ok(describe_instances(state, form)),
        "DescribeAutoScalingGroups" => Ok(describe_groups(state, form)),
        "DescribeLifecycleHooks" => describe_hooks(state, form),
        "DetachInstances" => detach(state, call, form),
        "TerminateInstanceInAutoScalingGroup" => terminate(state, call, form),
        "DescribeScalingActivities" => describe_activities(state, form),
        other => return error(400, "InvalidAction", &format!("Could not find operation {other}")),
    };
    match result {
        Ok(result) => reply(
            200,
            &format!(
                "<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">{}{}</{action}Response>",
                nest(&format!("{action}Result"), &result),
                nest("ResponseMetadata", &element("RequestId", "0")),
            ),
        ),
        Err(refusal) => refusal,
    }
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { content_type: "text/xml", ..Reply::json(status, body.to_owned()) }
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let who = if status < 500 { "Sender" } else { "Receiver" };
    let error = element("Type", who) + &element("Code", code) + &element("Message", message);
    let body = nest("Error", &error) + &element("RequestId", "0");
    let body = format!(
        "<ErrorResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">{body}</ErrorResponse>"
    );
    reply(status, &body)
}

fn validation(message: &str) -> Reply {
    error(400, "ValidationError", message)
}

fn no_such_group(name: &str) -> Reply {
    validation(&format!("AutoScalingGroup name not found - AutoScalingGroup: {name} not found"))
}

/// What describes a member in its group and by itself.
fn member(instance: &Instance, with_group: bool) -> Option<String> {
    let membership = instance.member.as_ref()?;
    let group = if with_group { element("AutoScalingGroupName", &membership.group) } else { String::new() };
    let inner = [
        element("InstanceId", &instance.id),
        group,
        element("InstanceType", "m7g.large"),
        element("AvailabilityZone", &instance.zone),
        element("LifecycleState", membership.lifecycle.as_str()),
        element("HealthStatus", if with_group { "HEALTHY" } else { "Healthy" }),
        element("ProtectedFromScaleIn", "false"),
    ];
    Some(nest("member", &inner.concat()))
}

fn describe_instances(state: &State, form: &Form) -> String {
    let ids = form.list("InstanceIds.member");
    let wanted = state.instances.values().filter(|i| ids.is_empty() || ids.contains(&i.id));
    let members: String = wanted.filter_map(|instance| member(instance, true)).collect();
    nest("AutoScalingInstances", &members)
}

fn describe_groups(state: &State, form: &Form) -> String {
    let names = form.list("AutoScalingGroupNames.member");
    let wanted = state.groups.values().filter(|g| names.is_empty() || names.contains(&g.spec.name));
    let groups: String = wanted.map(|group| nest("member", &describe_group(state, group))).collect();
    nest("AutoScalingGroups", &groups)
}

fn describe_group(state: &State, group: &Group) -> String {
    let spec = &group.spec;
    let managed = spec.managed_node_group.as_deref();
    let tags = [
        Some((format!("kubernetes.io/cluster/{}", spec.cluster), "owned")),
        managed.map(|_| ("eks:cluster-name".to_owned(), spec.cluster.as_str())),
        managed.map(|name| ("eks:nodegroup-name".to_owned(), name)),
    ];
    let tags: String = tags.iter().flatten().map(|(key, value)| tag(&spec.name, key, value)).collect();
    let zones: String = spec.zones.iter().map(|zone| element("member", zone)).collect();
    let members = state.members(&spec.name);
    let instances: String = members.iter().filter_map(|id| member(&state.instances[id], false)).collect();
    let mut inner = [
        element("AutoScalingGroupName", &spec.name),
        element("MinSize", "0"),
        element("MaxSize", &spec.max.to_string()),
        element("DesiredCapacity", &group.desired.to_string()),
        nest("AvailabilityZones", &zones),
        nest("Instances", &instances),
        nest("Tags", &tags),
        element("HealthCheckType", "EC2"),
        element("CreatedTime", "2026-01-01T00:00:00Z"),
        element("CapacityRebalance", if group.rebalances() { "true" } else { "false" }),
    ]
    .concat();
    let suspended: String =
        spec.suspended.iter().map(|process| nest("member", &element("ProcessName", process))).collect();
    inner += &nest("SuspendedProcesses", &suspended);
    if spec.mixed {
        let distribution = element("OnDemandPercentageAboveBaseCapacity", "0");
        inner += &nest("MixedInstancesPolicy", &nest("InstancesDistribution", &distribution));
    }
    if let Some(operator) = &spec.operator {
        inner += &nest("Operator", &(element("Managed", "true") + &element("Principal", operator)));
    }
    inner
}

fn tag(group: &str, key: &str, value: &str) -> String {
    let inner = [
        element("ResourceId", group),
        element("ResourceType", "auto-scaling-group"),
        element("Key", key),
        element("Value", value),
        element("PropagateAtLaunch", "true"),
    ];
    nest("member", &inner.concat())
}

fn describe_hooks(state: &State, form: &Form) -> Result<String, Reply> {
    let name = form.get("AutoScalingGroupName").unwrap_or_default();
    let group = state.groups.get(name).ok_or_else(|| no_such_group(name))?;
    let hooks: String = group
        .hooks()
        .iter()
        .map(|hook| {
            let inner = [
                element("LifecycleHookName", &hook.name),
                element("AutoScalingGroupName", name),
                element("LifecycleTransition", "autoscaling:EC2_INSTANCE_TERMINATING"),
                element("HeartbeatTimeout", &(hook.timeout_ms / 1_000).to_string()),
                element("GlobalTimeout", "172800"),
                element("DefaultResult", "CONTINUE"),
            ];
            nest("member", &inner.concat())
        })
        .collect();
    Ok(nest("LifecycleHooks", &hooks))
}

/// The launches and terminations of a group, the latest first.
fn describe_activities(state: &State, form: &Form) -> Result<String, Reply> {
    let name = form.get("AutoScalingGroupName").unwrap_or_default();
    let group = state.groups.get(name).ok_or_else(|| no_such_group(name))?;
    let most = form.get("MaxRecords").and_then(|number| number.parse().ok()).unwrap_or(100);
    let launches = group.launches.iter().map(|launch| (launch.at_ms, launched(state, name, launch)));
    let terminations = group.terminations.iter().map(|(at_ms, id)| {
        let description = format!("Terminating EC2 instance: {id}");
        (*at_ms, described(state, name, (*at_ms, &description, "InProgress"), None))
    });
    let mut activities: Vec<_> = launches.chain(terminations).collect();
    activities.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    let activities: String =
        activities.iter().take(most).map(|(_, activity)| nest("member", activity)).collect();
    Ok(nest("Activities", &activities))
}

fn launched(state: &State, group: &str, launch: &Launch) -> String {
    let (of, status) = match &launch.result {
        Ok(id) => (format!(": {id}"), "Successful"),
        Err(_) => (String::new(), "Failed"),
    };
    let description = format!("Launching a new EC2 instance{of}");
    described(state, group, (launch.at_ms, &description, status), launch.result.as_ref().err().copied())
}

fn described(
    state: &State,
    group: &str,
    (at_ms, description, status): (u64, &str, &str),
    message: Option<&str>,
) -> String {
    [
        element("ActivityId", &format!("00000000-0000-4000-d000-{at_ms:012}")),
        element("AutoScalingGroupName", group),
        element("Description", description),
        element("Cause", "a difference between desired and actual capacity"),
        element("StartTime", &state.clock.wall_at(at_ms).to_string()),
        element("StatusCode", status),
        message.map(|words| element("StatusMessage", words)).unwrap_or_default(),
        element("Progress", "100"),
    ]
    .concat()
}

fn activity(group: &str, description: &str) -> String {
    [
        element("ActivityId", "00000000-0000-4000-c000-000000000000"),
        element("AutoScalingGroupName", group),
        element("Description", description),
        element("Cause", "a user request"),
        element("StartTime", "2026-01-01T00:00:00Z"),
        element("StatusCode", "InProgress"),
        element("Progress", "50"),
    ]
    .concat()
}

fn not_operated_by_other(state: &State, group: &str) -> Result<(), Reply> {
    match state.groups.get(group) {
        None => Err(no_such_group(group)),
        Some(group) if group.spec.operator.is_some() => {
            Err(error(403, "AccessDenied", "The Auto Scaling group is managed by another operator."))
        }
        Some(_) => Ok(()),
    }
}

fn detach(state: &mut State, call: &Call, form: &Form) -> Result<String, Reply> {
    let group = form.get("AutoScalingGroupName").unwrap_or_default();
    not_operated_by_other(state, group)?;
    let decrement = match form.get("ShouldDecrementDesiredCapacity") {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(validation("ShouldDecrementDesiredCapacity is required")),
    };
    let mut activities = String::new();
    for id in form.list("InstanceIds.member") {
        state.emit_call(call, CallFact::WritesGroup { instance: id.clone() });
        state.detach(&id, group, decrement).map_err(|refusal| validation(&refusal))?;
        activities += &nest("member", &activity(group, &format!("Detaching EC2 instance: {id}")));
    }
    Ok(nest("Activities", &activities))
}

fn terminate(state: &mut State, call: &Call, form: &Form) -> Result<String, Reply> {
    let id = form.get("InstanceId").unwrap_or_default();
    let group = state.instances.get(id).and_then(|i| i.member.as_ref()).map(|m| m.group.clone());
    if let Some(group) = &group {
        not_operated_by_other(state, group)?;
    }
    let decrement = form.get("ShouldDecrementDesiredCapacity") == Some("true");
    state.emit_call(call, CallFact::WritesGroup { instance: id.to_owned() });
    state.terminate_in_group(id, decrement, call.env).map_err(|refusal| validation(&refusal))?;
    Ok(nest("Activity", &activity(&group.unwrap_or_default(), &format!("Terminating EC2 instance: {id}"))))
}
