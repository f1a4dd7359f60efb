//! Attempts: each write verb on each resource of the API server, to find what a caller may do. Authorization comes
//! before validation, so a refusal does not depend on the body; what is not refused is a dry run.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use cast_spot_real::{clock::eventually, lab::PATIENCE};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

use crate::situation::{AGENT, SIZING, Situation};

/// The agent's own lease.
pub(crate) const LEASE: &str = "agent-leader-election-lock";
const AT_ONCE: usize = 16;

/// The verbs tried on each resource.
const WRITES: [(&str, Method); 5] = [
    ("create", Method::POST),
    ("update", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
    ("deletecollection", Method::DELETE),
];

/// A resource, or a subresource.
#[derive(Debug, Clone)]
struct Served {
    path: String,
    name: String,
    namespaced: bool,
}

/// All attempts that were not refused to `account`, as verb, path and name.
pub(crate) async fn writes(situation: &Situation<'_>, account: &str) -> Result<BTreeSet<String>> {
    let client = situation.client_of(account).await?;
    let mut tries = Vec::new();
    for served in served(&situation.stack.kube).await? {
        let folders = if served.namespaced {
            [AGENT, "default"].map(|namespace| format!("{}/namespaces/{namespace}", served.path)).to_vec()
        } else {
            vec![served.path.clone()]
        };
        for folder in folders {
            for (verb, method) in WRITES {
                for path in paths(&folder, &served.name, verb) {
                    tries.push((verb, method.clone(), path));
                }
            }
        }
    }
    ensure!(tries.len() > 1_000, "only {} tries", tries.len());
    let allowed: Vec<Option<String>> = stream::iter(tries)
        .map(|(verb, method, path)| {
            let client = client.clone();
            async move {
                let refused = is_refused(&client, method, &path).await?;
                Ok::<_, anyhow::Error>((!refused).then(|| format!("{verb} {path}")))
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(allowed.into_iter().flatten().collect())
}

/// Paths of a resource: the collection, and single objects. Names that might have an exception are tried beside one
/// that has none.
fn paths(folder: &str, resource: &str, verb: &str) -> Vec<String> {
    let (plural, part) =
        resource.split_once('/').map_or((resource, None), |(whole, part)| (whole, Some(part)));
    let named = |name: &str| match part {
        Some(part) => format!("{folder}/{plural}/{name}/{part}"),
        None => format!("{folder}/{plural}/{name}"),
    };
    match (verb, part) {
        ("create" | "deletecollection", None) => vec![format!("{folder}/{plural}")],
        ("deletecollection", Some(_)) => Vec::new(),
        _ => [AGENT, SIZING, LEASE, "any-other"].map(named).to_vec(),
    }
}

async fn is_refused(client: &Client, method: Method, path: &str) -> Result<bool> {
    let body = json!({ "dryRun": ["All"] }).to_string().into_bytes();
    let form = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let request = Request::builder().method(method).uri(format!("{path}?dryRun=All"));
    let request = request.header("content-type", form).body(body)?;
    match client.request::<Value>(request).await {
        Err(kube::Error::Api(status)) => Ok(status.code == 403 && status.message.contains("cannot")),
        // An answer, JSON or not, from the server of the request.
        Ok(_) | Err(kube::Error::SerdeError(_)) => Ok(false),
        Err(error) => Err(error).with_context(|| path.to_owned()),
    }
}

/// All resources in every version of every group.
async fn served(kube: &Client) -> Result<Vec<Served>> {
    let mut all = Vec::new();
    let of = |path: String, resource: k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource| Served {
        path,
        name: resource.name,
        namespaced: resource.namespaced,
    };
    for resource in kube.list_core_api_resources("v1").await?.resources {
        all.push(of("/api/v1".to_owned(), resource));
    }
    for group in kube.list_api_groups().await?.groups {
        for version in group.versions {
            let resources = kube.list_api_group_resources(&version.group_version).await?.resources;
            all.extend(resources.into_iter().map(|one| of(format!("/apis/{}", version.group_version), one)));
        }
    }
    Ok(all)
}

/// Reads of secrets that are not refused to `account`.
pub(crate) async fn reads_of_secrets(situation: &Situation<'_>, account: &str) -> Result<Vec<String>> {
    let client = situation.client_of(account).await?;
    let mut allowed = Vec::new();
    for path in [
        "/api/v1/secrets".to_owned(),
        "/api/v1/secrets?watch=true&timeoutSeconds=1".to_owned(),
        format!("/api/v1/namespaces/{AGENT}/secrets"),
        format!("/api/v1/namespaces/{AGENT}/secrets/{AGENT}"),
        "/api/v1/namespaces/default/secrets/any".to_owned(),
    ] {
        let answer = client.request_text(Request::get(&path).body(Vec::new())?).await;
        let is_refused = matches!(&answer, Err(kube::Error::Api(status)) if status.code == 403);
        if !is_refused {
            allowed.push(path);
        }
    }
    Ok(allowed)
}

/// Creates and renews the agent's lease, as leader election does.
pub(crate) async fn lease(situation: &Situation<'_>) -> Result<()> {
    let agent = situation.client_of(AGENT).await?;
    let collection = format!("/apis/coordination.k8s.io/v1/namespaces/{AGENT}/leases");
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": LEASE },
        "spec": { "holderIdentity": "one" },
    });
    let send = async |method: Method, path: &str, body: &Value| -> Result<Value> {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        Ok(agent.request(request.body(body.to_string().into_bytes())?).await?)
    };
    // The quota controller counts what is there before it lets anything in.
    eventually("the lease is made", PATIENCE, async || {
        Ok(send(Method::POST, &collection, &lease).await.ok().map(|_| ()))
    })
    .await?;
    let own = format!("{collection}/{LEASE}");
    let mut held: Value = agent.request(Request::get(&own).body(Vec::new())?).await?;
    held["spec"]["holderIdentity"] = json!("two");
    send(Method::PUT, &own, &held).await?;
    Ok(())
}
