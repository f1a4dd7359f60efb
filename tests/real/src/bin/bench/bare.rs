//! The bare calls: the same cordons alone, then the same evictions alone, by a plain HTTP/2 client over one connection:
//! the least that the API server of this machine takes for them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use cast_spot_real::{
    audit::Entry,
    clock,
    lab::Lab,
    stack::{HANDLER_GROUP, HANDLER_USER, Stack},
};
use futures_util::future::try_join_all;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use kube::client::ConfigExt;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    case::Case,
    field::{self, Load},
};

const AGENT: &str = "bare";

/// Seconds from before the first call until the API server had answered the last.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Bare {
    pub(crate) cordons: f64,
    pub(crate) evictions: f64,
}

/// Plays one round, with a unique `name`.
pub(crate) async fn play(stack: &Stack, case: &Case, name: &str) -> Result<Bare> {
    let mut lab = Lab::open(stack, name).await?;
    field::fill(&mut lab, case).await?;
    let poster = Poster::connected(stack).await?;
    sleep(Duration::from_secs(5)).await;
    let load = Load::of(&lab, case).await?;
    let placed = load.placed();

    let sent = clock::now();
    try_join_all(lab.machines.iter().map(|machine| {
        let patch = json!([
            { "op": "test", "path": "/spec/providerID",
              "value": format!("aws:///{}/{}", machine.zone, machine.instance) },
            { "op": "add", "path": "/spec/unschedulable", "value": true },
            { "op": "add", "path": "/metadata/annotations/cast-spot~1claim.notice", "value": name },
        ]);
        poster.post(Method::PATCH, format!("/api/v1/nodes/{}", machine.node), patch)
    }))
    .await?;
    let cordons = last(stack, sent, |call| call.verb == "patch", lab.machines.len())?;
    // The node controller's taint, which follows a cordon, has been added.
    sleep(Duration::from_secs(2)).await;

    let sent = clock::now();
    let evict = try_join_all(placed.iter().map(|pod| {
        let eviction = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": pod.name, "namespace": lab.name },
            "deleteOptions": { "preconditions": { "uid": pod.uid } },
        });
        let path = format!("/api/v1/namespaces/{}/pods/{}/eviction", lab.name, pod.name);
        poster.post(Method::POST, path, eviction)
    }));
    tokio::try_join!(evict, load.gone())?;
    let evictions = last(stack, sent, Entry::is_eviction, placed.len())?;
    field::clear(&lab).await?;
    Ok(Bare { cordons, evictions })
}

/// Seconds from `sent` to the answer of the last of these calls; all must have been granted.
fn last(stack: &Stack, sent: Timestamp, of_kind: fn(&Entry) -> bool, expected: usize) -> Result<f64> {
    let mut calls = stack.control_plane.audit().entries()?;
    calls
        .retain(|call| call.user_agent == AGENT && call.received >= sent && of_kind(call) && call.code < 300);
    ensure!(calls.len() == expected, "{} of {expected} bare calls were granted", calls.len());
    let last = calls.iter().map(|call| call.completed).max().context("a call")?;
    Ok((last - sent).total(jiff::Unit::Second)?)
}

/// One connection through the wire that the function uses, with the function's seats at the API server.
struct Poster {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    server: String,
    token: String,
}

impl Poster {
    async fn connected(stack: &Stack) -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = stack.control_plane.config()?.rustls_client_config()?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http2().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build(connector);
        let server = format!("https://127.0.0.1:{}", stack.wires.kubernetes.port());
        let this = Self { client, server, token: stack.control_plane.admin_token().to_owned() };
        this.post(Method::GET, "/api/v1/nodes?limit=1".to_owned(), Value::Null).await?;
        Ok(this)
    }

    /// Makes a call, again after a pause while it is throttled or a budget's status is contended.
    async fn post(&self, method: Method, path: String, body: Value) -> Result<()> {
        let kind = if method == Method::PATCH { "application/json-patch+json" } else { "application/json" };
        loop {
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("{}{path}", self.server))
                .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
                .header(header::CONTENT_TYPE, kind)
                .header(header::USER_AGENT, AGENT)
                .header("Impersonate-User", HANDLER_USER)
                .header("Impersonate-Group", HANDLER_GROUP)
                .body(Full::new(Bytes::from(body.to_string())))?;
            let (head, body) = self.client.request(request).await?.into_parts();
            let answer = body.collect().await?.to_bytes();
            if head.status.is_success() {
                return Ok(());
            }
            let again = matches!(head.status.as_u16(), 429 | 504);
            ensure!(again, "{path}: {} {}", head.status, String::from_utf8_lossy(&answer));
            sleep(Duration::from_secs(1)).await;
        }
    }
}
