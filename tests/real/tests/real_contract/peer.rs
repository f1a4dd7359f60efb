//! A peer: the real API server or the world's. Both get the same requests, each with its own names.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use cast_spot_real::{
    clock,
    stack::{HANDLER_GROUP, HANDLER_USER, Stack},
};
use cast_spot_rehearsal::{WorldSpec, live::Live};
use http::{Request, header};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use serde_json::{Value, json};

use crate::{
    probes::{Caller, Probe, STRANGER},
    situation::{NAMESPACE, NAMESPACES},
    webhook::WORDS,
};

/// Age of a token whose 15 minutes are over.
const LATE: SignedDuration = SignedDuration::from_mins(16);

/// One of the two, with its names of the probed objects.
pub(crate) struct Peer<'s> {
    server: Server<'s>,
    /// `<node>`, `<free>`, `<free.uid>` and what they stand for.
    names: BTreeMap<String, String>,
    /// `<next>`: the continue token of the last page.
    next: String,
}

enum Server<'s> {
    Real(&'s Stack),
    World(Live),
}

impl<'s> Peer<'s> {
    /// The API server of `stack`.
    pub(crate) async fn real(stack: &'s Stack, node: &str) -> Result<Self> {
        let policy = format!("'{NAMESPACE}'");
        let refusers =
            [("<policy>", policy.as_str()), ("<webhook>", "contract.cast-spot.test"), ("<words>", WORDS)];
        Self { server: Server::Real(stack), names: owned(&refusers), next: String::new() }
            .with_names_of(node)
            .await
    }

    /// The API server of a world.
    pub(crate) async fn world(spec: WorldSpec, node: &str) -> Result<Self> {
        let words = "no create of pods/eviction at this hour";
        let refusers =
            [("<policy>", "'deny.example.com'"), ("<webhook>", "deny.example.com"), ("<words>", words)];
        let this = Self { server: begin(spec), names: owned(&refusers), next: String::new() };
        this.with_names_of(node).await
    }

    /// The API server of another world with the same names.
    pub(crate) fn beside(&self, spec: WorldSpec) -> Self {
        Self { server: begin(spec), names: self.names.clone(), next: String::new() }
    }

    /// The pods have names of their own on each side.
    async fn with_names_of(mut self, node: &str) -> Result<Self> {
        self.names.insert("<node>".to_owned(), node.to_owned());
        for namespace in NAMESPACES {
            let list = Probe::get("list", &format!("/api/v1/namespaces/{namespace}/pods"));
            let (_, _, body) = self.send(&list).await?;
            let items = body["items"].as_array().with_context(|| format!("a list: {body}"))?;
            for pod in items {
                let pod: Pod = serde_json::from_value(pod.clone())?;
                let app = pod.metadata.labels.unwrap_or_default().remove("app").unwrap_or_default();
                self.names.insert(format!("<{app}.uid>"), pod.metadata.uid.unwrap_or_default());
                self.names.insert(format!("<{app}>"), pod.metadata.name.unwrap_or_default());
            }
        }
        Ok(self)
    }

    /// The answer as visible to a caller, without the names of this side.
    pub(crate) async fn answer(&mut self, probe: &Probe) -> Result<Value> {
        let (status, headers, body) = self.send(probe).await.with_context(|| probe.case.to_owned())?;
        body["metadata"]["continue"].as_str().unwrap_or_default().clone_into(&mut self.next);
        let mut words = body.to_string();
        // `<x>` comes before `<x.uid>`: a placeholder could contain a name, a UID does not.
        let (uids, names): (Vec<_>, Vec<_>) = self.names.iter().partition(|(key, _)| key.ends_with(".uid>"));
        for (stands_for, name) in names.into_iter().chain(uids) {
            words = words.replace(name.as_str(), stands_for);
        }
        Ok(json!({ "status": status, "headers": headers, "body": seen(&serde_json::from_str(&words)?) }))
    }

    async fn send(&self, probe: &Probe) -> Result<(u16, Value, Value)> {
        let fill = |text: &str| {
            let text = text.replace("<next>", &self.next);
            self.names.iter().fold(text, |text, (stands_for, name)| text.replace(stands_for, name))
        };
        let mut request = Request::builder().method(probe.method).uri(fill(&probe.path));
        if !probe.content_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, probe.content_type);
        }
        let body = fill(&probe.body);
        let refused = match probe.caller {
            Caller::Stranger => Some(STRANGER.to_owned()),
            Caller::Late => Some(token(LATE)),
            Caller::Admin | Caller::WithoutRights | Caller::Handler => None,
        };
        let (head, body) = match &self.server {
            Server::Real(stack) => {
                let client = match refused {
                    Some(token) => stack.control_plane.client_with(&token)?,
                    None => stack.kube.clone(),
                };
                request = match probe.caller {
                    Caller::WithoutRights => request.header("Impersonate-User", "cast-spot"),
                    Caller::Handler => request
                        .header("Impersonate-User", HANDLER_USER)
                        .header("Impersonate-Group", HANDLER_GROUP),
                    _ => request,
                };
                let (head, body) =
                    client.send(request.body(Body::from(body.into_bytes()))?).await?.into_parts();
                (head, body.collect().await?.to_bytes())
            }
            Server::World(live) => {
                let token = refused.unwrap_or_else(|| token(SignedDuration::ZERO));
                let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
                let answer = live.kubernetes(request.body(Bytes::from(body))?).await;
                let (head, body) = answer.map_err(|error| anyhow::anyhow!(error))?.into_parts();
                (head, body.collect().await.map_err(|error| anyhow::anyhow!(error))?.to_bytes())
            }
        };
        let shown = [header::CONTENT_TYPE, header::RETRY_AFTER, header::WWW_AUTHENTICATE];
        let headers = shown.map(|name| head.headers.get(name).and_then(|value| value.to_str().ok()));
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
        Ok((head.status.as_u16(), json!(headers), body))
    }
}

/// A world in which the function has begun: before, it cannot call.
fn begin(spec: WorldSpec) -> Server<'static> {
    let live = Live::begin(spec, "https://world", "");
    assert!(live.invoke().is_some(), "one delivery");
    Server::World(live)
}

fn owned(names: &[(&str, &str)]) -> BTreeMap<String, String> {
    names.iter().map(|(stands_for, name)| ((*stands_for).to_owned(), (*name).to_owned())).collect()
}

/// A `Status` as a whole; of other objects the fields that the handler reads.
fn seen(body: &Value) -> Value {
    if body["kind"] == "Status" || body.is_string() {
        let mut status = body.clone();
        // Messages of a decoder depend on its language.
        if body["message"]
            .as_str()
            .is_some_and(|message| message.contains("json: ") || message.contains(" at line "))
        {
            status["message"].take();
        }
        return status;
    }
    let metadata = &body["metadata"];
    let items = body["items"].as_array().map(|items| {
        // Other scenarios have nodes, too.
        if body["kind"] == "NodeList" {
            return vec![json!([items.first().map(|node| &node["kind"]), items.len().min(2)])];
        }
        let mut items: Vec<Value> = items
            .iter()
            .map(|item| json!([item["kind"], item["metadata"]["name"], item["spec"]["nodeName"]]))
            .collect();
        items.sort_by_key(Value::to_string);
        items
    });
    json!({
        "kind": body["kind"],
        "apiVersion": body["apiVersion"],
        "name": metadata["name"],
        "versioned": metadata["resourceVersion"].is_string(),
        "continued": metadata["continue"].is_string(),
        "remaining": metadata["remainingItemCount"].is_number(),
        "unschedulable": body["spec"]["unschedulable"],
        "grace": metadata["deletionGracePeriodSeconds"],
        "grace_begins_now": grace_begins_now(metadata),
        "allowed": body["status"]["allowed"],
        "items": items,
    })
}

/// Whether the grace, as deletionTimestamp and deletionGracePeriodSeconds have it, began within the probes. They give
/// graces that are further apart than that. `null`: the object does not terminate.
fn grace_begins_now(metadata: &Value) -> Option<bool> {
    let ends: Timestamp = metadata["deletionTimestamp"].as_str()?.parse().ok()?;
    let begins = ends - SignedDuration::from_secs(metadata["deletionGracePeriodSeconds"].as_i64()?);
    Some((SignedDuration::ZERO..SignedDuration::from_secs(90)).contains(&clock::now().duration_since(begins)))
}

/// An EKS token of this age, for the world, which does not check the signature.
fn token(age: SignedDuration) -> String {
    let date = (clock::now() - age).strftime("%Y%m%dT%H%M%SZ");
    let url = format!(
        "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date={date}\
         &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=00"
    );
    format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url))
}
