//! The API servers: what takes the requests of a `kube::Client`.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use kube::client::Body;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};
use tower::BoxError;

use super::{Open, Wire, objects, request::Asked, seats};
use crate::world::{World, watch::Change};

/// Body of an answer. A watch's goes on for as long as it is read.
pub type ReplyBody = UnsyncBoxBody<Bytes, BoxError>;

/// A request to the API server of the cluster with this index.
pub(crate) async fn request(
    wire: Wire,
    cluster: usize,
    request: Request<Body>,
) -> Result<Response<ReplyBody>, BoxError> {
    let (parts, body) = request.into_parts();
    let asked = Asked::new(&parts, body.collect_bytes().await?);
    let timeout = asked.parameter("timeoutSeconds").and_then(|s| s.parse().ok());
    let name = wire.world.enter(|state| state.clusters[cluster].spec.name.clone());
    let (reply, open) = wire.call(asked.operation(&name), seats::admit(asked, cluster)).await?;
    let mut response =
        Response::builder().status(reply.status).header(header::CONTENT_TYPE, reply.content_type);
    if let Some(seconds) = reply.retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    let body = match reply.watch {
        None => Full::new(reply.body).map_err(|never: Infallible| match never {}).boxed_unsync(),
        Some((at_ms, changes)) => {
            let first = Some((at_ms, reply.body)).filter(|(_, line)| !line.is_empty());
            watch(wire.world, first, (changes, open), timeout.unwrap_or(1_800))
        }
    };
    Ok(response.body(body)?)
}

/// Changes arrive half a round trip after they happen. The server ends the watch after its timeout.
fn watch(
    world: World,
    first: Option<(u64, Bytes)>,
    (changes, open): (UnboundedReceiver<Change>, Open),
    timeout_s: u64,
) -> ReplyBody {
    let ends = Instant::now() + Duration::from_secs(timeout_s);
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
            let shown =
                world.enter(|state| state.faults.shown_ms(at_ms).checked_add(state.spec.pace.latency_ms / 2));
            match shown {
                Some(shown_ms) => sleep_until(world.clock().instant(shown_ms)).await,
                None => std::future::pending().await,
            }
            Some((Ok(Frame::data(line)), (None, changes, open)))
        }
    };
    StreamBody::new(stream::unfold((first, changes, open), next)).boxed_unsync()
}
