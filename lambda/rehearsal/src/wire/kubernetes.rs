//! The API servers: a service that takes the requests of a `kube::Client`.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture, stream};
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use kube::client::Body;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};
use tower::{BoxError, Service};

use super::{Effect, Open, Reply, Wire, objects, request::Asked, seats};
use crate::world::watch::Change;

/// Body of an answer. A watch's goes on for as long as it is read.
pub type ReplyBody = UnsyncBoxBody<Bytes, BoxError>;

/// The API server of one cluster, as one environment reaches it.
#[derive(Clone)]
pub(crate) struct ApiServer {
    pub(crate) wire: Wire,
    pub(crate) cluster: usize,
}

impl Service<Request<Body>> for ApiServer {
    type Response = Response<ReplyBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let server = self.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            let asked = Asked::new(&parts, body);
            let timeout = asked.parameter("timeoutSeconds").and_then(|s| s.parse().ok());
            let cluster = server.cluster;
            let name = server.wire.world.enter(|state| state.clusters[cluster].spec.name.clone());
            let operation = asked.operation(&name);
            let effect: Effect =
                Box::new(move |state, call, fault| seats::admit(asked, state, cluster, call, fault));
            let (reply, open) = server.wire.call(operation, effect).await?;
            server.respond(reply, open, timeout)
        }
        .boxed()
    }
}

impl ApiServer {
    fn respond(
        &self,
        reply: Reply,
        open: Open,
        timeout: Option<u64>,
    ) -> Result<Response<ReplyBody>, BoxError> {
        let mut response =
            Response::builder().status(reply.status).header(header::CONTENT_TYPE, reply.content_type);
        if let Some(seconds) = reply.retry_after {
            response = response.header(header::RETRY_AFTER, seconds);
        }
        let body = match reply.watch {
            None => Full::new(reply.body).map_err(|never: Infallible| match never {}).boxed_unsync(),
            Some((at_ms, changes)) => self.stream((at_ms, reply.body), changes, open, timeout),
        };
        Ok(response.body(body)?)
    }

    /// Changes arrive half a round trip after they happen. The server ends the watch after its timeout.
    fn stream(
        &self,
        first: (u64, Bytes),
        changes: UnboundedReceiver<Change>,
        open: Open,
        timeout: Option<u64>,
    ) -> ReplyBody {
        let world = self.wire.world.clone();
        let ends = Instant::now() + Duration::from_secs(timeout.unwrap_or(1_800));
        let first = Some(first).filter(|(_, line)| !line.is_empty());
        let next = move |(first, mut changes, open): (Option<_>, UnboundedReceiver<Change>, Open)| {
            let world = world.clone();
            async move {
                let line = if first.is_some() {
                    first
                } else {
                    let change = tokio::select! {
                        biased;
                        change = changes.recv() => change,
                        () = sleep_until(ends) => return None,
                    };
                    change.map(|change| (change.at_ms, world.enter(|state| objects::change(state, &change))))
                };
                let Some((at_ms, line)) = line else {
                    return Some((Err("connection reset by peer".into()), (None, changes, open)));
                };
                let shown = world
                    .enter(|state| state.faults.shown_ms(at_ms).checked_add(state.spec.pace.latency_ms / 2));
                match shown {
                    Some(shown_ms) => sleep_until(world.clock().instant(shown_ms)).await,
                    None => std::future::pending().await,
                }
                Some((Ok(Frame::data(line)), (None, changes, open)))
            }
        };
        StreamBody::new(stream::unfold((first, changes, open), next)).boxed_unsync()
    }
}
