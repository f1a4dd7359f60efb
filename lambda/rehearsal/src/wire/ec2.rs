//! Amazon EC2's query protocol (2016-11-15): DescribeInstances, behind the request bucket.

use super::{
    Reply,
    xml::{Form, element, nest},
};
use crate::{
    facts::{Call, CallFact},
    faults::FaultKind,
    world::{
        instances::{Instance, InstanceState},
        state::State,
    },
};

pub(super) fn answer(
    state: &mut State,
    call: &Call,
    action: &str,
    form: &Form,
    fault: Option<FaultKind>,
) -> Reply {
    let now_ms = state.now_ms;
    if let Some((bucket, tokens, filled_ms)) = &mut state.ec2_bucket {
        let back = f64::from(bucket.per_second) * (now_ms - *filled_ms) as f64 / 1_000.0;
        *tokens = (*tokens + back).min(f64::from(bucket.burst));
        *filled_ms = now_ms;
        if *tokens < 1.0 {
            state.emit_call(call, CallFact::Starved);
            return error(503, "RequestLimitExceeded", "Request limit exceeded.");
        }
        *tokens -= 1.0;
    }
    match fault {
        None => {}
        Some(FaultKind::Throttled) => return error(503, "RequestLimitExceeded", "Request limit exceeded."),
        Some(FaultKind::InternalError) => {
            return error(500, "InternalError", "An internal error has occurred");
        }
        Some(FaultKind::Forbidden | FaultKind::Denied(_) | FaultKind::Unauthorized) => {
            return error(403, "UnauthorizedOperation", "You are not authorized to perform this operation.");
        }
        Some(_) => return error(503, "Unavailable", "The service is unavailable. Please try again shortly."),
    }
    match action {
        "DescribeInstances" => describe_instances(state, form),
        other => {
            error(400, "InvalidAction", &format!("The action {other} is not valid for this web service."))
        }
    }
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let error = nest("Error", &(element("Code", code) + &element("Message", message)));
    let body = nest("Response", &(nest("Errors", &error) + &element("RequestID", "0")));
    Reply { content_type: "text/xml;charset=UTF-8", ..Reply::json(status, body) }
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
            return error(400, "InvalidParameterValue", &format!("The filter '{name}' is invalid"));
        }
    }
    let ids = form.list("InstanceId");
    let unknown: Vec<&str> =
        ids.iter().filter(|id| !state.instances.contains_key(*id)).map(String::as_str).collect();
    match unknown[..] {
        [] => {}
        [id] => {
            return error(
                400,
                "InvalidInstanceID.NotFound",
                &format!("The instance ID '{id}' does not exist"),
            );
        }
        _ => {
            let message = format!("The instance IDs '{}' do not exist", unknown.join(", "));
            return error(400, "InvalidInstanceID.NotFound", &message);
        }
    }
    let reservations: String = state
        .instances
        .values()
        .filter(|instance| ids.is_empty() || ids.contains(&instance.id))
        .filter(|instance| filtered.is_empty() || filtered.contains(&instance.id))
        .map(|instance| {
            let items = nest("instancesSet", &nest("item", &describe(state, instance)));
            let owner = element("ownerId", &instance.purchase.account);
            nest("item", &(element("reservationId", "r-0") + &owner + &items))
        })
        .collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse \
         xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>0</requestId>{}</DescribeInstancesResponse>",
        nest("reservationSet", &reservations)
    );
    Reply { content_type: "text/xml;charset=UTF-8", ..Reply::json(200, body) }
}

fn describe(state: &State, instance: &Instance) -> String {
    let (name, code) = instance.state.name_and_code();
    // A terminated instance has no addresses any more.
    let dns = match instance.state {
        InstanceState::Terminated => "",
        InstanceState::Running | InstanceState::ShuttingDown | InstanceState::Stopped => {
            &instance.private_dns_name
        }
    };
    let cluster = &state.clusters[instance.cluster].name;
    let purchase = &instance.purchase;
    let mut tags = vec![("Name".to_owned(), format!("{cluster}-node"))];
    tags.extend(purchase.tags.clone());
    if purchase.has_cluster_tag {
        tags.push((format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned()));
    }
    if let Some(member) = &instance.member {
        tags.push(("aws:autoscaling:groupName".to_owned(), member.group.clone()));
    }
    if let Some(node_group) = &instance.managed {
        tags.push(("eks:nodegroup-name".to_owned(), node_group.clone()));
        tags.push(("eks:cluster-name".to_owned(), cluster.clone()));
    }
    let tags: String = tags
        .iter()
        .map(|(key, value)| nest("item", &(element("key", key) + &element("value", value))))
        .collect();
    let optional = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| element(name, value)).unwrap_or_default()
    };
    let operator = purchase
        .operator
        .as_ref()
        .map(|principal| nest("operator", &(element("managed", "true") + &element("principal", principal))));
    [
        element("instanceId", &instance.id),
        nest("instanceState", &(element("code", &code.to_string()) + &element("name", name))),
        element("privateDnsName", dns),
        element("instanceType", "m7g.large"),
        nest("placement", &element("availabilityZone", &instance.zone)),
        optional("instanceLifecycle", &purchase.lifecycle),
        optional("capacityReservationId", &purchase.reservation),
        operator.unwrap_or_default(),
        nest("privateDnsNameOptions", &element("hostnameType", &instance.hostname_type)),
        nest("tagSet", &tags),
    ]
    .concat()
}
