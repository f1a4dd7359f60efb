//! What the API servers hold: nodes, pods, budgets, events.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Reply, objects, patch, request::Asked, status};
use crate::{
    facts::{Call, CallFact},
    world::state::State,
};

/// The status of budgets lags behind in a real cluster too. The text is made at most once in this time.
const BUDGETS_LAG_MS: u64 = 100;

pub(super) fn get_node(state: &mut State, cluster: usize, name: &str) -> Reply {
    match state.clusters[cluster].nodes.get_mut(name) {
        Some(node) => Reply::json(200, node.json()),
        None => status::not_found("nodes", name),
    }
}

pub(super) fn get_pod(state: &State, cluster: usize, namespace: &str, name: &str) -> Reply {
    match state.find_pod(cluster, namespace, name) {
        Some(pod) => Reply::json(200, objects::pod(state, pod)),
        None => status::not_found("pods", name),
    }
}

/// A watch whose one event says that its resourceVersion is too old.
pub(super) fn expired_watch(state: &State, status: &Reply) -> Reply {
    let error = [&b"{\"type\":\"ERROR\",\"object\":"[..], &status.body, b"}\n"].concat();
    Reply { watch: Some((state.now_ms, mpsc::unbounded_channel().1)), ..Reply::json(200, error) }
}

pub(super) fn list_pods(
    asked: &Asked,
    state: &mut State,
    cluster: usize,
    call: &Call,
    namespace: Option<&str>,
) -> Reply {
    let node = match asked.selected_node() {
        Ok(node) => node,
        Err(reply) => return reply,
    };
    let of_node = node.and_then(|name| state.clusters[cluster].nodes.get_mut(name));
    let mut pods: Vec<_> = match (node, of_node) {
        (Some(_), Some(node)) => {
            node.watchers.record();
            node.pods.iter().copied().collect()
        }
        (Some(_), None) => Vec::new(),
        (None, _) => state.clusters[cluster].names.values().copied().collect(),
    };
    pods.retain(|pod| namespace.is_none_or(|ns| state.workload(*pod).namespace == ns));
    if let (Some(node), None) = (node, namespace) {
        state.emit_call(call, CallFact::Lists { cluster, node: node.to_owned(), pods: pods.clone() });
    }
    let items: Vec<String> =
        pods.iter().map(|pod| objects::pod_as(state, *pod, &state.pods[*pod], false)).collect();
    list("PodList", "v1", state.revision, &items)
}

pub(super) fn watch_pods(asked: &Asked, state: &mut State, cluster: usize, namespace: Option<&str>) -> Reply {
    let node = match asked.selected_node() {
        Ok(Some(node)) if namespace.is_none() => node,
        Ok(_) => return status::bad_request("the world watches the pods of one node only"),
        Err(reply) => return reply,
    };
    let since = asked.parameter("resourceVersion").unwrap_or("0");
    let since = since.parse::<u64>().ok().filter(|revision| *revision > 0);
    let changes = state.watch_pods(cluster, node, since);
    Reply { watch: Some((state.now_ms, changes)), ..Reply::json(200, Bytes::new()) }
}

pub(super) fn patch_node(asked: &Asked, state: &mut State, cluster: usize, call: &Call, name: &str) -> Reply {
    if asked.content_type != "application/json-patch+json" {
        return status::failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", &json!({}));
    }
    let Some(node) = state.clusters[cluster].nodes.get(name) else {
        return status::not_found("nodes", name);
    };
    let (instance, was_cordoned) = (node.instance.clone(), node.is_unschedulable());
    let patched = match patch::apply(&node.object, &asked.body) {
        Ok(patched) => patched,
        Err(patch::Refused::Malformed(problem)) => return status::bad_request(&problem),
        Err(patch::Refused::DoesNotApply) => return status::patch_does_not_apply(),
    };
    if patched["metadata"]["name"] != name
        || patched["spec"]["providerID"] != node.object["spec"]["providerID"]
    {
        let problem = "Forbidden: node updates may not change providerID except from \"\" to valid";
        return status::invalid("Node", name, ("spec.providerID", "FieldValueForbidden", problem));
    }
    let versions = [&patched, &node.object].map(|node| &node["metadata"]["resourceVersion"]);
    if versions[0].is_string() && versions[0] != versions[1] {
        return status::modified("nodes", name);
    }
    let changed = state.store_node(cluster, name, patched);
    let node = state.clusters[cluster].nodes.get_mut(name);
    let (json, uncordons) = match node {
        Some(node) => (node.json(), was_cordoned && !node.is_unschedulable()),
        None => return status::not_found("nodes", name),
    };
    if changed {
        state.emit_call(call, CallFact::WroteNode { instance, node: name.to_owned(), uncordons });
    }
    Reply::json(200, json)
}

pub(super) fn create_event(asked: &Asked, state: &mut State, cluster: usize, namespace: &str) -> Reply {
    let Ok(mut event) = serde_json::from_slice::<Value>(&asked.body) else {
        return status::bad_request("the object provided is unrecognized");
    };
    let generated =
        event["metadata"]["generateName"].as_str().map(|prefix| format!("{prefix}{}", state.revision));
    let name = event["metadata"]["name"].as_str().map(str::to_owned).or(generated);
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        let problem = "Required value: name or generateName is required";
        return status::invalid("Event", "", ("metadata.name", "FieldValueRequired", problem));
    };
    if state.clusters[cluster].is_terminating(namespace) {
        return status::namespace_terminating("events", &name, namespace);
    }
    let about = event["involvedObject"]["namespace"].as_str().unwrap_or_default();
    let fits = match about {
        "" => matches!(namespace, "default" | "kube-system"),
        about => about == namespace,
    };
    if !fits {
        let problem = format!("Invalid value: \"{about}\": does not match event.namespace");
        return status::invalid("Event", &name, ("involvedObject.namespace", "FieldValueInvalid", &problem));
    }
    if !state.clusters[cluster].events.insert((namespace.to_owned(), name.clone())) {
        return status::already_exists("events", &name);
    }
    event["kind"] = json!("Event");
    event["apiVersion"] = json!("v1");
    event["metadata"]["name"] = json!(name);
    event["metadata"]["namespace"] = json!(namespace);
    event["metadata"]["resourceVersion"] = json!(state.bump().to_string());
    Reply::json(201, event.to_string())
}

fn list(kind: &str, version: &str, revision: u64, items: &[String]) -> Reply {
    let head = format!(
        "{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",\"metadata\":{{\"resourceVersion\":\"{revision}\"}},\"items\":["
    );
    Reply::json(200, [head.as_str(), &items.join(","), "]}"].concat())
}

/// A page of the nodes. Hundreds of functions may list them at once: each node's text is made once for each change.
pub(super) fn list_nodes(asked: &Asked, state: &mut State, cluster: usize) -> Reply {
    // From the watch cache, `resourceVersion=0`, the limit does not count.
    let limit = asked.parameter("limit").filter(|_| asked.parameter("resourceVersion") != Some("0"));
    let limit = limit.and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let after = asked.parameter("continue").unwrap_or_default();
    let (revision, node_bytes) = (state.revision, state.spec.node_bytes);
    let cluster = &mut state.clusters[cluster];
    let rest = || cluster.nodes.keys().filter(|name| name.as_str() > after);
    let left = rest().count().saturating_sub(limit);
    let next = match rest().nth(limit.saturating_sub(1)).filter(|_| left > 0) {
        Some(last) => format!(",\"continue\":\"{last}\",\"remainingItemCount\":{left}"),
        None => String::new(),
    };
    // One text from the start: a page of large nodes is not copied.
    let mut text = format!(
        "{{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"{revision}\"{next}}},\"items\":["
    );
    text.reserve_exact(limit.min(cluster.nodes.len()) * node_bytes);
    let page = cluster.nodes.iter_mut().filter(|(name, _)| name.as_str() > after).take(limit);
    for (number, (_, node)) in page.enumerate() {
        text.push_str(if number == 0 { "" } else { "," });
        node.list_into(&mut text, node_bytes);
    }
    text.push_str("]}");
    Reply::json(200, text)
}

pub(super) fn list_budgets(state: &mut State, cluster: usize, namespace: Option<&str>) -> Reply {
    let fresh = |at_ms: u64| state.now_ms < at_ms + BUDGETS_LAG_MS;
    match (&state.clusters[cluster].budget_list, namespace) {
        (Some((at_ms, text)), None) if fresh(*at_ms) => return Reply::json(200, text.clone()),
        _ => {}
    }
    let budgets = 0..state.clusters[cluster].spec.pdbs.len();
    let wanted = budgets
        .filter(|index| namespace.is_none_or(|ns| state.clusters[cluster].spec.pdbs[*index].namespace == ns));
    let items: Vec<String> = wanted.map(|index| objects::budget(state, cluster, index).to_string()).collect();
    let reply = list("PodDisruptionBudgetList", "policy/v1", state.revision, &items);
    if namespace.is_none() {
        state.clusters[cluster].budget_list = Some((state.now_ms, reply.body.clone()));
    }
    reply
}
