//! What the API servers hold: nodes, pods, budgets, events.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Reply, Response, objects, patch,
    request::{Asked, Visit},
    status,
};
use crate::facts::CallFact;

/// The status of budgets lags behind in a real cluster too. The text is made at most once in this time.
const BUDGETS_LAG_MS: u64 = 100;

pub(super) fn get_node(visit: &mut Visit<'_>) -> Response {
    let name = &visit.asked.name;
    let node = visit.cluster().nodes.get_mut(name).ok_or_else(|| status::not_found("nodes", name))?;
    Ok(Reply::json(200, node.json()))
}

pub(super) fn get_pod(Visit { asked, state, index, .. }: &Visit<'_>) -> Response {
    let pod = state.find_pod(*index, &asked.namespace, &asked.name);
    let pod = pod.ok_or_else(|| status::not_found("pods", &asked.name))?;
    Ok(Reply::json(200, objects::pod(state, pod)))
}

/// A watch whose one event says that its resourceVersion is too old.
pub(super) fn expired_watch(visit: &Visit<'_>, status: &Reply) -> Reply {
    let error = [&b"{\"type\":\"ERROR\",\"object\":"[..], &status.body, b"}\n"].concat();
    Reply { watch: Some((visit.state.now_ms, mpsc::unbounded_channel().1)), ..Reply::json(200, error) }
}

/// The node in a field selector on `spec.nodeName`.
fn selected_node(asked: &Asked) -> Result<Option<&str>, Reply> {
    let selector = asked.parameter("fieldSelector").unwrap_or_default();
    if selector.is_empty() {
        return Ok(None);
    }
    let node = selector.strip_prefix("spec.nodeName=").map(|node| node.trim_start_matches('='));
    let label = selector.split(['=', '!']).next().unwrap_or_default();
    let unknown = || status::bad_request(&format!("field label not supported: {label}"));
    node.map(Some).ok_or_else(unknown)
}

pub(super) fn list_pods(visit: &mut Visit<'_>) -> Response {
    let Visit { asked, index: cluster, call, .. } = *visit;
    let node = selected_node(asked)?;
    let names = &mut visit.cluster().names;
    let mut pods: Vec<_> = match node {
        None => names.values().copied().collect(),
        Some(name) => visit.cluster().nodes.get_mut(name).map_or(Vec::new(), |node| {
            node.watchers.record();
            node.pods.iter().copied().collect()
        }),
    };
    let state = &mut *visit.state;
    let namespace = &asked.namespace;
    pods.retain(|pod| namespace.is_empty() || state.workload(*pod).namespace == *namespace);
    if let Some(node) = node.filter(|_| namespace.is_empty()) {
        state.emit_call(call, CallFact::Lists { cluster, node: node.to_owned(), pods: pods.clone() });
    }
    let pods = pods.iter().map(|pod| objects::pod_as(state, *pod, &state.pods[*pod], false));
    Ok(list("PodList", "v1", state.revision, pods))
}

pub(super) fn watch_pods(visit: &mut Visit<'_>) -> Response {
    let asked = visit.asked;
    let node = selected_node(asked)?.filter(|_| asked.namespace.is_empty());
    let node = node.ok_or_else(|| status::bad_request("the world watches the pods of one node only"))?;
    let since = asked.parameter("resourceVersion").unwrap_or("0");
    let since = since.parse::<u64>().ok().filter(|revision| *revision > 0);
    let changes = visit.state.watch_pods(visit.index, node, since);
    Ok(Reply { watch: Some((visit.state.now_ms, changes)), ..Reply::json(200, Bytes::new()) })
}

pub(super) fn patch_node(visit: &mut Visit<'_>) -> Response {
    let Visit { asked, ref mut state, index: cluster, call } = *visit;
    let name = &asked.name;
    if asked.content_type != "application/json-patch+json" {
        let message = "415: Unsupported Media Type";
        return Err(status::failure(415, "UnsupportedMediaType", message, &json!({})));
    }
    let not_found = || status::not_found("nodes", name);
    let node = state.clusters[cluster].nodes.get(name).ok_or_else(not_found)?;
    let (instance, was_cordoned) = (node.instance.clone(), node.is_unschedulable());
    let patched = patch::apply(&node.object, &asked.body)?;
    if patched["metadata"]["name"] != *name
        || patched["spec"]["providerID"] != node.object["spec"]["providerID"]
    {
        let problem = "Forbidden: node updates may not change providerID except from \"\" to valid";
        return Err(status::invalid("Node", name, ("spec.providerID", "FieldValueForbidden", problem)));
    }
    let versions = [&patched, &node.object].map(|node| &node["metadata"]["resourceVersion"]);
    if versions[0].is_string() && versions[0] != versions[1] {
        return Err(status::modified("nodes", name));
    }
    let changed = state.store_node(cluster, name, patched);
    let node = state.clusters[cluster].nodes.get_mut(name).ok_or_else(not_found)?;
    let (json, uncordons) = (node.json(), was_cordoned && !node.is_unschedulable());
    if changed {
        state.emit_call(call, CallFact::WroteNode { instance, node: name.clone(), uncordons });
    }
    Ok(Reply::json(200, json))
}

pub(super) fn create_event(visit: &mut Visit<'_>) -> Response {
    let Visit { asked: Asked { namespace, body, .. }, ref mut state, index: cluster, .. } = *visit;
    let mut event: Value = status::read(body)?;
    let generated =
        event["metadata"]["generateName"].as_str().map(|prefix| format!("{prefix}{}", state.revision));
    let name = event["metadata"]["name"].as_str().map(str::to_owned).or(generated);
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        let problem = "Required value: name or generateName is required";
        return Err(status::invalid("Event", "", ("metadata.name", "FieldValueRequired", problem)));
    };
    if state.clusters[cluster].is_terminating(namespace) {
        return Err(status::namespace_terminating("events", &name, namespace));
    }
    let about = event["involvedObject"]["namespace"].as_str().unwrap_or_default();
    let fits = match about {
        "" => matches!(namespace.as_str(), "default" | "kube-system"),
        about => about == *namespace,
    };
    if !fits {
        let problem = format!("Invalid value: \"{about}\": does not match event.namespace");
        return Err(status::invalid(
            "Event",
            &name,
            ("involvedObject.namespace", "FieldValueInvalid", &problem),
        ));
    }
    if !state.clusters[cluster].events.insert((namespace.clone(), name.clone())) {
        return Err(status::already_exists("events", &name));
    }
    event["kind"] = json!("Event");
    event["apiVersion"] = json!("v1");
    event["metadata"]["name"] = json!(name);
    event["metadata"]["namespace"] = json!(namespace);
    event["metadata"]["resourceVersion"] = json!(state.bump().to_string());
    Ok(Reply::json(201, event.to_string()))
}

fn list(kind: &str, version: &str, revision: u64, items: impl Iterator<Item = String>) -> Reply {
    let head = list_head(kind, version, revision, "");
    Reply::json(200, [head, items.collect::<Vec<_>>().join(","), "]}".to_owned()].concat())
}

/// The text of a list up to its first item, with what else is in its metadata.
fn list_head(kind: &str, version: &str, revision: u64, metadata: &str) -> String {
    format!(
        r#"{{"kind":"{kind}","apiVersion":"{version}","metadata":{{"resourceVersion":"{revision}"{metadata}}},"items":["#
    )
}

/// A page of the nodes. Hundreds of functions may list them at once: each node's text is made once for each change.
pub(super) fn list_nodes(visit: &mut Visit<'_>) -> Reply {
    let asked = visit.asked;
    // From the watch cache, `resourceVersion=0`, the limit does not count.
    let limit = asked.parameter("limit").filter(|_| asked.parameter("resourceVersion") != Some("0"));
    let limit = limit.and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let after = asked.parameter("continue").unwrap_or_default();
    let (revision, node_bytes) = (visit.state.revision, visit.state.spec.node_bytes);
    let cluster = visit.cluster();
    let rest = || cluster.nodes.keys().filter(|name| name.as_str() > after);
    let left = rest().count().saturating_sub(limit);
    let next = match rest().nth(limit.saturating_sub(1)).filter(|_| left > 0) {
        Some(last) => format!(",\"continue\":\"{last}\",\"remainingItemCount\":{left}"),
        None => String::new(),
    };
    // One text from the start: a page of large nodes is not copied.
    let mut text = list_head("NodeList", "v1", revision, &next);
    text.reserve_exact(limit.min(cluster.nodes.len()) * node_bytes);
    let page = cluster.nodes.iter_mut().filter(|(name, _)| name.as_str() > after).take(limit);
    for (number, (_, node)) in page.enumerate() {
        text.push_str(if number == 0 { "" } else { "," });
        node.list_into(&mut text, node_bytes);
    }
    text.push_str("]}");
    Reply::json(200, text)
}

pub(super) fn list_budgets(visit: &mut Visit<'_>) -> Reply {
    let Visit { asked: Asked { namespace, .. }, ref mut state, index, .. } = *visit;
    let cluster = &state.clusters[index];
    if let Some((at_ms, text)) = cluster.budget_list.as_ref().filter(|_| namespace.is_empty())
        && state.now_ms < at_ms + BUDGETS_LAG_MS
    {
        return Reply::json(200, text.clone());
    }
    let pdbs = cluster.spec.pdbs.iter().enumerate();
    let wanted = pdbs.filter(|(_, pdb)| namespace.is_empty() || pdb.namespace == *namespace);
    let items = wanted.map(|(pdb, _)| objects::budget(state, index, pdb).to_string());
    let reply = list("PodDisruptionBudgetList", "policy/v1", state.revision, items);
    if namespace.is_empty() {
        state.clusters[index].budget_list = Some((state.now_ms, reply.body.clone()));
    }
    reply
}
