//! The admission policies of `infra/kubernetes/admission.yaml`: what the handler writes is admitted, and what RBAC
//! would let it write beyond that is refused. All requests are dry runs, which pass admission like any other.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use cast_spot_real::{
    clock::eventually,
    lab::{Lab, PATIENCE},
    stack::{HANDLER_GROUP, Stack},
    workload::{Owner, Workload},
};
use http::{Method, Request};
use k8s_openapi::api::{core::v1::Pod, rbac::v1::ClusterRoleBinding};
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};

const NODE: &str = "of a node's";
const LABEL: &str = "/metadata/labels/node.kubernetes.io~1exclude-from-external-load-balancers";
const OWNERS: &str = "may not change owners or finalizers";
const UID: &str = "by its UID";

/// A request, and words of its refusal; none where it is admitted.
struct Attempt {
    what: &'static str,
    method: Method,
    path: String,
    body: Value,
    refused: Option<&'static str>,
}

pub(crate) async fn the_handler_is_held_to_its_writes(stack: &Stack) -> Result<()> {
    let lab = prepared(stack, "admission").await?;
    let client = |user, groups: &[&str]| stack.control_plane.client_as(user, groups);
    let (any, session, other) = ("anyone", "cast-spot:any-session", "of-the-same-rights");
    let by_group = client(any, &[HANDLER_GROUP])?;
    let (by_user, others) = (client(session, &[])?, client(other, &[])?);
    for user in [any, session, other] {
        bind(stack, &lab, user).await?;
    }
    let attempts = attempts(&lab).await?;
    let foreign = attempts.iter().find(|attempt| attempt.refused.is_some()).context("one is refused")?;
    eventually("the policies are in force", PATIENCE, async || {
        Ok((answer(&by_group, foreign).await?.0 == 403).then_some(()))
    })
    .await?;

    let mut faults = String::new();
    for attempt in &attempts {
        for (who, client) in [("group", &by_group), ("user", &by_user)] {
            let (code, message) = answer(client, attempt).await?;
            let as_expected = match attempt.refused {
                None => code < 300,
                Some(words) => code == 403 && message.contains(words),
            };
            if !as_expected {
                writeln!(faults, "{}, known by {who}: {code} {message}", attempt.what)?;
            }
        }
        // RBAC alone allows all of it, and goes on to for all others.
        let (code, message) = answer(&others, attempt).await?;
        if code >= 300 {
            writeln!(faults, "{} of another one: {code} {message}", attempt.what)?;
        }
    }
    ensure!(faults.is_empty(), "{faults}");
    Ok(())
}

/// A cordoned node that others have marked, too, with each kind of pod.
async fn prepared<'s>(stack: &'s Stack, name: &str) -> Result<Lab<'s>> {
    let lab = Lab::open(stack, name).await?;
    lab.run(&Workload::deployment("web", 1)).await?;
    lab.run(&Workload::of(Owner::DaemonSet, "agent", 1)).await?;
    lab.run(&Workload::of(Owner::Kubelet, "static", 1)).await?;
    lab.create::<Pod>(json!({
        "metadata": { "name": "pending", "labels": { "app": "pending" } },
        "spec": {
            "nodeSelector": { "of": "no-node" },
            "containers": [{ "name": "main", "image": "registry.k8s.io/pause:3.10" }],
        },
    }))
    .await?;
    let gpu = json!({ "key": "gpu", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z" });
    let own = json!({ "key": "cast-spot/interruption", "value": "terminate", "effect": "NoSchedule" });
    let body = json!([
        { "op": "add", "path": "/spec/unschedulable", "value": true },
        { "op": "add", "path": "/spec/taints", "value": [gpu, own] },
        { "op": "add", "path": "/metadata/labels/team", "value": "a" },
        { "op": "add", "path": "/metadata/annotations/note", "value": "a" },
        { "op": "add", "path": "/metadata/annotations/cast-spot~1claim.notice", "value": "{}" },
        { "op": "add", "path": "/metadata/finalizers", "value": ["example.com/kept"] },
    ]);
    let path = format!("/api/v1/nodes/{}", lab.victim().node);
    let marked = Attempt { what: "marks", method: Method::PATCH, path, body, refused: None };
    let (code, message) = send(&stack.kube, &marked).await?;
    ensure!(code == 200, "{code} {message}");
    Ok(lab)
}

async fn attempts(lab: &Lab<'_>) -> Result<Vec<Attempt>> {
    let mut attempts = patches(&format!("/api/v1/nodes/{}?dryRun=All", lab.victim().node));
    attempts.extend(ends(lab).await?);
    attempts.extend(events(&lab.name));
    Ok(attempts)
}

fn patches(path: &str) -> Vec<Attempt> {
    let taint = |key: &str, effect: &str| json!([{ "op": "add", "path": "/spec/taints/-", "value": { "key": key, "effect": effect } }]);
    let add = |path: &str, value: Value| json!([{ "op": "add", "path": path, "value": value }]);
    let remove = |path: &str| json!([{ "op": "remove", "path": path }]);
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "none" }]);
    let cordon = json!([
        { "op": "add", "path": "/spec/unschedulable", "value": true },
        { "op": "add", "path": "/metadata/annotations/cast-spot~1claim.notice", "value": "{\"v\":1}" },
    ]);
    let uncordon = json!([
        { "op": "add", "path": "/spec/unschedulable", "value": false },
        { "op": "remove", "path": "/metadata/annotations/cast-spot~1claim.notice" },
    ]);
    let table = [
        ("cordon with claim", cordon, None),
        ("claim of an earlier release", add("/metadata/annotations/cast-spot~1claim", json!("e")), None),
        ("label of load balancers", add(LABEL, json!("cast-spot")), None),
        ("its taint taken back", remove("/spec/taints/1"), None),
        ("its claim taken back", remove("/metadata/annotations/cast-spot~1claim.notice"), None),
        ("a foreign label", add("/metadata/labels/team", json!("b")), Some(NODE)),
        ("a new label", add("/metadata/labels/role", json!("b")), Some(NODE)),
        ("the label of another value", add(LABEL, json!("b")), Some(NODE)),
        ("all labels removed", remove("/metadata/labels"), Some(NODE)),
        (
            "a label that nodes may not set",
            add("/metadata/labels/node-restriction.kubernetes.io~1pool", json!("b")),
            Some(NODE),
        ),
        ("a foreign annotation", add("/metadata/annotations/note", json!("b")), Some(NODE)),
        ("a foreign annotation removed", remove("/metadata/annotations/note"), Some(NODE)),
        ("its taint, NoExecute", taint("cast-spot/interruption", "NoExecute"), Some(NODE)),
        ("a foreign taint", taint("dedicated", "NoSchedule"), Some(NODE)),
        ("a foreign taint removed", remove("/spec/taints/0"), Some(NODE)),
        ("all taints removed", remove("/spec/taints"), Some(NODE)),
        ("an owner", add("/metadata/ownerReferences", owner), Some(OWNERS)),
        ("a finalizer", add("/metadata/finalizers/-", json!("example.com/more")), Some(OWNERS)),
        ("a finalizer removed", remove("/metadata/finalizers"), Some(OWNERS)),
        (
            "a range of addresses",
            json!([
                { "op": "add", "path": "/spec/podCIDR", "value": "10.9.0.0/24" },
                { "op": "add", "path": "/spec/podCIDRs", "value": ["10.9.0.0/24"] },
            ]),
            Some("unschedulable and taints, and nothing else"),
        ),
        ("an uncordon, also with a claim", uncordon, Some("not uncordon it")),
    ];
    let attempt =
        |(what, body, refused)| Attempt { what, method: Method::PATCH, path: path.to_owned(), body, refused };
    table.into_iter().map(attempt).collect()
}

/// Evictions and deletes.
async fn ends(lab: &Lab<'_>) -> Result<Vec<Attempt>> {
    let pods = lab.pods().await?;
    let found = |app: &str| {
        let of_app = |pod: &&Pod| pod.metadata.labels.as_ref().is_some_and(|labels| labels["app"] == app);
        let pod = pods.iter().find(of_app).with_context(|| format!("a pod of {app}"))?;
        Ok::<_, anyhow::Error>((pod.metadata.name.clone(), pod.metadata.uid.clone()))
    };
    let options = |uid: &Value, grace: Option<u32>| json!({ "dryRun": ["All"], "gracePeriodSeconds": grace, "preconditions": { "uid": uid } });
    let no_options = json!({ "dryRun": ["All"] });
    let of_node = Some("belong to their node");
    let mut attempts = Vec::new();
    for (what, app, is_named, grace, refused) in [
        ("delete with UID and grace", "web", true, Some(3), None),
        ("delete with its own grace", "web", true, None, None),
        ("delete by name", "web", false, None, Some(UID)),
        ("delete by force", "web", true, Some(0), Some("may not force-delete")),
        ("delete of a DaemonSet's pod", "agent", true, Some(3), of_node),
        ("delete of a static pod", "static", true, Some(3), of_node),
        ("delete of a pending pod", "pending", true, Some(3), Some("not pods that wait for one")),
    ] {
        let (name, uid) = found(app)?;
        let body = if is_named { options(&json!(uid), grace) } else { no_options.clone() };
        let path = format!("/api/v1/namespaces/{}/pods/{}", lab.name, name.unwrap_or_default());
        attempts.push(Attempt { what, method: Method::DELETE, path, body, refused });
    }
    for (what, app, is_named, grace, refused) in [
        ("eviction with UID", "web", true, None, None),
        ("eviction with UID and grace", "web", true, Some(3), None),
        ("eviction by name", "web", false, None, Some(UID)),
        ("eviction without grace", "web", true, Some(0), Some("without its grace")),
        // As docs/permissions.md says: what a policy does not see.
        ("eviction with one second of grace", "web", true, Some(1), None),
        ("eviction of a DaemonSet's pod", "agent", true, Some(1), None),
        ("eviction of a static pod", "static", true, Some(1), None),
    ] {
        let (name, uid) = found(app)?;
        let metadata = json!({ "name": name, "namespace": lab.name });
        let options = if is_named { options(&json!(uid), grace) } else { no_options.clone() };
        let body = json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": options,
        });
        let name = name.unwrap_or_default();
        let path = format!("/api/v1/namespaces/{}/pods/{name}/eviction?dryRun=All", lab.name);
        attempts.push(Attempt { what, method: Method::POST, path, body, refused });
    }
    Ok(attempts)
}

fn events(namespace: &str) -> Vec<Attempt> {
    let table = [
        ("its Event", "Pod", "SpotOverride", "cast-spot", None),
        ("an Event of another component", "Pod", "SpotOverride", "kubelet", Some("its own Events")),
        ("an Event of another reason", "Pod", "Killing", "cast-spot", Some("its own Events")),
        ("an Event about a Secret", "Secret", "SpotOverride", "cast-spot", Some("nodes and pods")),
    ];
    let attempt = |(what, kind, reason, component, refused)| Attempt {
        what,
        method: Method::POST,
        path: format!("/api/v1/namespaces/{namespace}/events?dryRun=All"),
        body: json!({
            "metadata": { "name": "web.spot" },
            "involvedObject": { "apiVersion": "v1", "kind": kind, "name": "web", "namespace": namespace },
            "reason": reason, "type": "Warning", "message": "m",
            "source": { "component": component }, "reportingComponent": component,
        }),
        refused,
    };
    table.into_iter().map(attempt).collect()
}

/// Gives a user the rights of the handler.
async fn bind(stack: &Stack, lab: &Lab<'_>, user: &str) -> Result<()> {
    let binding: ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": { "generateName": format!("{}-", lab.name) },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cast-spot-handler" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    }))?;
    Api::all(stack.kube.clone()).create(&PostParams::default(), &binding).await?;
    Ok(())
}

/// The answer, once RBAC has taken notice of the user's binding.
async fn answer(client: &Client, attempt: &Attempt) -> Result<(u16, String)> {
    eventually("RBAC knows the user", PATIENCE, async || {
        let answer = send(client, attempt).await?;
        Ok((!answer.1.contains("User \"")).then_some(answer))
    })
    .await
}

/// Status code and message of the answer.
async fn send(client: &Client, attempt: &Attempt) -> Result<(u16, String)> {
    let kind =
        if attempt.method == Method::PATCH { "application/json-patch+json" } else { "application/json" };
    let request = Request::builder().method(&attempt.method).uri(&attempt.path).header("content-type", kind);
    match client.request::<Value>(request.body(attempt.body.to_string().into_bytes())?).await {
        Ok(_) => Ok((200, String::new())),
        Err(kube::Error::Api(status)) => Ok((status.code, status.message.clone())),
        Err(error) => Err(error.into()),
    }
}
