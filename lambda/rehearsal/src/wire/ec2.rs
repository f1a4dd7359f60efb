//! Amazon EC2's query protocol (2016-11-15): DescribeInstances, behind the request bucket.

use serde_json::{Value, json};

use super::{
    Reply,
    xml::{Form, document},
};
use crate::{
    facts::{Call, CallFact},
    faults::{AwsError, FaultKind},
    world::{
        instances::{Instance, InstanceState},
        spec::NodeSpec,
        state::State,
    },
};

const THROTTLED: AwsError<'_> = (503, "RequestLimitExceeded", "Request limit exceeded.");

pub(super) fn answer(state: &mut State, call: &Call, form: &Form, fault: Option<FaultKind>) -> Reply {
    let action = call.operation.name.as_str();
    let now_ms = state.now_ms;
    if let Some((bucket, tokens, filled_ms)) = &mut state.ec2_bucket {
        let back = f64::from(bucket.per_second) * (now_ms - *filled_ms) as f64 / 1_000.0;
        *tokens = (*tokens + back).min(f64::from(bucket.burst));
        *filled_ms = now_ms;
        if *tokens < 1.0 {
            state.emit_call(call, CallFact::Starved);
            return error(THROTTLED);
        }
        *tokens -= 1.0;
    }
    if let Some(kind) = fault {
        return error(kind.at_aws([
            THROTTLED,
            (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
            (500, "InternalError", "An internal error has occurred"),
            (503, "Unavailable", "The service is unavailable. Please try again shortly."),
        ]));
    }
    match action {
        "DescribeInstances" => describe_instances(state, form),
        other => {
            error((400, "InvalidAction", &format!("The action {other} is not valid for this web service.")))
        }
    }
}

fn error((status, code, message): AwsError<'_>) -> Reply {
    let errors = json!({ "Error": { "Code": code, "Message": message } });
    reply(status, "Response", &json!({ "Errors": errors, "RequestID": "0" }))
}

fn reply(status: u16, kind: &str, body: &Value) -> Reply {
    document(status, (kind, "ec2.amazonaws.com/doc/2016-11-15"), "item", body)
}

/// Whom a request is about, for the trace.
pub(super) fn target(form: &Form) -> String {
    let mut about = form.list("InstanceId");
    about.extend(form.list("Filter.1.Value"));
    about.join(",")
}

fn describe_instances(state: &State, form: &Form) -> Reply {
    let filtered = form.list("Filter.1.Value");
    match form.get("Filter.1.Name") {
        None if filtered.is_empty() => {}
        Some("instance-id") => {}
        other => {
            let name = other.unwrap_or_default();
            return error((400, "InvalidParameterValue", &format!("The filter '{name}' is invalid")));
        }
    }
    let ids = form.list("InstanceId");
    let unknown: Vec<&str> =
        ids.iter().filter(|id| !state.instances.contains_key(*id)).map(String::as_str).collect();
    if let Some((first, others)) = unknown.split_first() {
        let message = match others {
            [] => format!("The instance ID '{first}' does not exist"),
            _ => format!("The instance IDs '{}' do not exist", unknown.join(", ")),
        };
        return error((400, "InvalidInstanceID.NotFound", &message));
    }
    let wanted = state.instances.values().filter(|instance| {
        [&ids, &filtered].iter().all(|named| named.is_empty() || named.contains(&instance.spec.instance))
    });
    let reservation = |instance: &Instance| {
        json!({ "reservationId": "r-0", "ownerId": instance.spec.purchase.account,
                "instancesSet": [describe(state, instance)] })
    };
    let reservations: Vec<Value> = wanted.map(reservation).collect();
    reply(200, "DescribeInstancesResponse", &json!({ "requestId": "0", "reservationSet": reservations }))
}

fn describe(state: &State, instance: &Instance) -> Value {
    let NodeSpec { purchase, private_dns_name, group, .. } = &instance.spec;
    // A terminated instance has no addresses any more.
    let dns = if instance.state == InstanceState::Terminated { "" } else { private_dns_name };
    let cluster = &state.clusters[instance.cluster].spec.name;
    let mut tags = vec![("Name".to_owned(), format!("{cluster}-node"))];
    tags.extend(purchase.tags.clone());
    if purchase.has_cluster_tag {
        tags.push((format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned()));
    }
    if let Some(member) = &instance.member {
        tags.push(("aws:autoscaling:groupName".to_owned(), member.group.clone()));
    }
    let group = group.as_ref().and_then(|name| state.groups.get(name));
    if let Some(node_group) = group.and_then(|group| group.spec.managed_node_group.as_ref()) {
        tags.push(("eks:nodegroup-name".to_owned(), node_group.clone()));
        tags.push(("eks:cluster-name".to_owned(), cluster.clone()));
    }
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    let operator = purchase.operator.as_ref().map(|name| json!({ "managed": true, "principal": name }));
    json!({
        "instanceId": instance.spec.instance,
        "instanceState": { "code": instance.state as u8, "name": instance.state },
        "privateDnsName": dns,
        "instanceType": "m7g.large",
        "placement": { "availabilityZone": instance.spec.zone },
        "instanceLifecycle": purchase.lifecycle,
        "capacityReservationId": purchase.reservation,
        "operator": operator,
        "privateDnsNameOptions": { "hostnameType": instance.spec.hostname_type },
        "tagSet": tags,
    })
}
