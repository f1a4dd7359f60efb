//! An API server to ask: the real one or the world's. Both get the same requests, with their own names in them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use cast_spot_real::{clock, stack::Stack};
use cast_spot_rehearsal::live::Live;
use http::{Request, header};
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use serde_json::{Value, json};

use crate::{
    probes::{Probe, STRANGER},
    situation::NAMESPACES,
};

/// One of the two, and what it calls the things that the probes are about.
pub(crate) struct Peer {
    server: Server,
    /// `<node>`, `<free>`, `<free.uid>` and what they stand for.
    names: BTreeMap<String, String>,
}

enum Server {
    /// The real API server, as its administrator and as somebody whom it does not know.
    Real {
        admin: kube::Client,
        stranger: kube::Client,
    },
    World(Live),
}

impl Peer {
    /// The API server of `stack`.
    pub(crate) async fn real(stack: &Stack, node: &str) -> Result<Self> {
        let stranger = stack.control_plane.client_with(STRANGER)?;
        let mut this =
            Self { server: Server::Real { admin: stack.kube.clone(), stranger }, names: BTreeMap::new() };
        this.learn(node).await?;
        Ok(this)
    }

    /// The API server of a world.
    pub(crate) async fn world(live: Live, node: &str) -> Result<Self> {
        let mut this = Self { server: Server::World(live), names: BTreeMap::new() };
        this.learn(node).await?;
        Ok(this)
    }

    /// The pods have names of their own on each side.
    async fn learn(&mut self, node: &str) -> Result<()> {
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
        Ok(())
    }

    /// What a caller can see of the answer, without the names of this side.
    pub(crate) async fn answer(&self, probe: &Probe) -> Result<Value> {
        let (status, headers, body) = self.send(probe).await.with_context(|| probe.case.to_owned())?;
        let mut words = body.to_string();
        // `<x>` comes before `<x.uid>`: a placeholder in place could hold a name, a UID does not.
        let (uids, names): (Vec<_>, Vec<_>) = self.names.iter().partition(|(key, _)| key.ends_with(".uid>"));
        for (stands_for, name) in names.into_iter().chain(uids) {
            words = words.replace(name.as_str(), stands_for);
        }
        Ok(json!({ "status": status, "retry_after": headers, "body": seen(&serde_json::from_str(&words)?) }))
    }

    async fn send(&self, probe: &Probe) -> Result<(u16, Option<String>, Value)> {
        let fill = |text: &str| {
            self.names.iter().fold(text.to_owned(), |text, (stands_for, name)| text.replace(stands_for, name))
        };
        let mut request = Request::builder().method(probe.method).uri(fill(&probe.path));
        if !probe.content_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, probe.content_type);
        }
        let body = fill(&probe.body);
        let (head, body) = match &self.server {
            Server::Real { admin, stranger } => {
                let client = if probe.known { admin } else { stranger };
                let (head, body) =
                    client.send(request.body(Body::from(body.into_bytes()))?).await?.into_parts();
                (head, body.collect().await?.to_bytes())
            }
            Server::World(live) => {
                let token = if probe.known { token() } else { STRANGER.to_owned() };
                let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
                let answer = live.kubernetes(request.body(Bytes::from(body))?).await;
                let (head, body) = answer.map_err(|error| anyhow::anyhow!(error))?.into_parts();
                (head, body.collect().await.map_err(|error| anyhow::anyhow!(error))?.to_bytes())
            }
        };
        let retry_after = head.headers.get(header::RETRY_AFTER);
        let retry_after = retry_after.map(|value| value.to_str().map(str::to_owned)).transpose()?;
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
        Ok((head.status.as_u16(), retry_after, body))
    }
}

/// A `Status` as a whole; of objects what the handler goes by.
fn seen(body: &Value) -> Value {
    if body["kind"] == "Status" || body.is_string() {
        let mut status = body.clone();
        // The words of a decoder are those of its language.
        if body["message"]
            .as_str()
            .is_some_and(|message| message.contains("json: ") || message.contains(" at line "))
        {
            status["message"].take();
        }
        return status;
    }
    let items = body["items"].as_array().map(|items| {
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
        "name": body["metadata"]["name"],
        "versioned": body["metadata"]["resourceVersion"].is_string(),
        "unschedulable": body["spec"]["unschedulable"],
        "terminating": body["metadata"]["deletionTimestamp"].is_string(),
        "grace": body["metadata"]["deletionGracePeriodSeconds"],
        "allowed": body["status"]["allowed"],
        "items": items,
    })
}

/// An EKS token for the world, which does not look at the signature.
fn token() -> String {
    let date = clock::now().strftime("%Y%m%dT%H%M%SZ");
    let url = format!(
        "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date={date}\
         &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=00"
    );
    format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url))
}
