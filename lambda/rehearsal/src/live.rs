//! The world in real time, for a function that runs as a process of its own. What stands here takes HTTP
//! requests; `examples/serve.rs` puts sockets in front of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use serde_json::Value;
use tower::BoxError;

use crate::{
    DeliverySpec, Outcome, WorldSpec,
    function::{answered, invoked},
    outcome::Delivery,
    run::{close, configure, environment, rules},
    wire::{Wire, aws, kubernetes},
    world::{World, baseline::REGION, clock::Clock, state::State},
};

pub use crate::wire::kubernetes::ReplyBody;

/// A world that moves with the real clock, and one function environment that lives in it.
#[derive(Clone)]
pub struct Live {
    wire: Wire,
    /// Index of the cluster whose API server has a socket.
    cluster: usize,
    spec: Arc<WorldSpec>,
    delivery: Arc<Mutex<Option<Delivery>>>,
}

impl Live {
    /// Starts the world of `spec`: 0 ms is now, and `spec.start` must be so, too. The function is invoked
    /// with the first delivery, whenever it asks for one.
    ///
    /// `server` and `ca` (PEM) are what DescribeCluster tells of the first registered cluster.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn begin(spec: WorldSpec, server: &str, ca: &str) -> Self {
        let clock = Clock::running(spec.start);
        let mut state = State::new(&spec, clock);
        let env = state.start_environment();
        let cluster = state.clusters.iter().position(|cluster| cluster.spec.registered).unwrap_or_default();
        if let Some(cluster) = state.clusters.get_mut(cluster) {
            server.clone_into(&mut cluster.server);
            ca.clone_into(&mut cluster.ca);
        }
        let world = World::new(state);
        tokio::spawn(world.clone().turn());
        Self { wire: Wire { world, env }, cluster, spec: Arc::new(spec), delivery: Arc::default() }
    }

    /// The function's environment variables, but for the addresses of AWS.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.wire.world.enter(|state| environment(state));
        for (name, value) in [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "AKIDWORLD"),
            ("AWS_SECRET_ACCESS_KEY", "secret-of-the-world"),
            ("AWS_SESSION_TOKEN", "session"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        environment
    }

    /// A request to EC2, Auto Scaling or EKS, signed for it.
    pub async fn aws(&self, request: Request<Bytes>) -> Result<Response<ReplyBody>, BoxError> {
        let (parts, body) = request.into_parts();
        let authorization = parts.headers.get(header::AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (reply, _open) = aws::call(&self.wire, &parts.uri.to_string(), authorization, &body).await?;
        let body = Full::new(reply.body).map_err(|never| match never {}).boxed_unsync();
        let head = Response::builder().status(reply.status);
        Ok(head.header(header::CONTENT_TYPE, reply.content_type).body(body)?)
    }

    /// A request to the API server.
    pub async fn kubernetes(&self, request: Request<Bytes>) -> Result<Response<ReplyBody>, BoxError> {
        kubernetes::request(self.wire.clone(), self.cluster, request.map(Body::from)).await
    }

    /// Invokes the function: the event, and what is left of the invocation in milliseconds. `None` from the
    /// second time on.
    #[must_use]
    pub fn invoke(&self) -> Option<(Value, u64)> {
        let mut delivery = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        let DeliverySpec { payload, .. } = self.spec.deliveries.first().filter(|_| delivery.is_none())?;
        let limit_ms = self.spec.settings.time_limit_ms;
        *delivery = Some(invoked(&self.wire.world, self.wire.env, payload, limit_ms, "no answer"));
        Some((payload.clone(), limit_ms))
    }

    /// The function answers, or says why it cannot.
    pub fn answered(&self, answer: Result<Value, String>) {
        let mut delivery = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(delivery) = delivery.as_mut() else { return };
        answered(&self.wire.world, self.wire.env, delivery, answer);
    }

    /// The outcome of the run.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let mut delivery = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        let deliveries = delivery.take().into_iter().collect();
        let rules = rules(&self.spec, &configure(&self.wire.world));
        close(&self.wire.world, rules, ("live", self.spec.seed), deliveries)
    }
}
