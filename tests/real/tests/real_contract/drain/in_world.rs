//! The production handler in this process, with its adapters, over a world that moves with the real clock.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use cast_spot_handler::{
    Config, Entry, Handler,
    adapters::{Adapters, Endpoint, HttpService, Transport},
};
use cast_spot_real::{account, clock};
use cast_spot_rehearsal::{live::Live, world::baseline};
use http::Request;
use kube::client::Body;
use serde_json::json;
use tower::{BoxError, service_fn};

use super::{Side, calls::Call, listing::Names, recorder::Recorder, setting};

/// Runs the drain in the world.
pub(crate) async fn drain() -> Result<Side> {
    let mut spec = setting::world();
    // Like the function on the real parts, which gets the address from EKS.
    spec.settings.endpoints = false;
    spec.env("CAST_SPOT_STAY", "0");
    let first = spec.clusters[0].nodes[0].clone();
    let live = Live::begin(spec, "https://world", "");
    let (payload, left_ms) = live.invoke().context("one delivery")?;
    let recorder = Recorder::before_world(live.clone()).await?;
    let credentials = Credentials::new("AKIDWORLD", "secret", None, None, "world");
    let sdk = account::config(&recorder.url, credentials).await;
    let environment = live.environment();
    let config = Config::from_lookup(|name| environment.get(name).cloned())?;
    let wiretap = Wiretap { live: live.clone(), calls: Arc::default() };
    let calls = Arc::clone(&wiretap.calls);
    let adapters = Adapters::new(&sdk, Arc::new(wiretap), &config);
    adapters.warm_up().await;

    let entry = Entry { now: clock::now(), time_left: Duration::from_millis(left_ms), cold: false };
    let answer = Handler::new(adapters, config)
        .handle(payload, entry)
        .await
        .map_err(|error| anyhow::anyhow!(error))?;

    let report = serde_json::to_value(answer)?;
    live.answered(Ok(report.clone()));
    let broken = live.outcome().world.violations;
    ensure!(broken.is_empty(), "{broken:?}");
    let names = Names::of(&report, [&first.name, &first.instance, baseline::GROUP, baseline::CLUSTER]);
    let kubernetes = calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Side { names, kubernetes, aws: recorder.take(), report })
}

/// The connection to the world's API server, with a record of its calls.
struct Wiretap {
    live: Live,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl fmt::Debug for Wiretap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wiretap")
    }
}

impl Transport for Wiretap {
    fn open(&self, _: &Endpoint) -> Result<HttpService, BoxError> {
        let (live, calls) = (self.live.clone(), Arc::clone(&self.calls));
        Ok(HttpService::new(service_fn(move |request: Request<Body>| {
            let (live, calls) = (live.clone(), Arc::clone(&calls));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await?;
                let (method, uri) = (head.method.clone(), head.uri.clone());
                let sent = serde_json::from_slice(&body).unwrap_or(json!(null));
                let index = {
                    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
                    calls.push(Call::sent(&method, &uri, sent));
                    calls.len() - 1
                };
                let answer = live.kubernetes(Request::from_parts(head, body)).await?;
                calls.lock().unwrap_or_else(PoisonError::into_inner)[index].code = answer.status().as_u16();
                Ok(answer)
            }
        })))
    }
}
