//! The one watch over the pods of a node, with a LIST wherever the watch has a gap: when it ends, when
//! it could not begin, and when it has been quiet for suspiciously long.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::{sync::mpsc::UnboundedSender, time::timeout};

use crate::{
    budget::{Budget, jittered},
    plan::retry::pause,
    ports::{Cluster, Freshness, Pod, PodChange},
};

/// A watch that is quiet for this long is checked by a LIST: a dead connection and a hung API server
/// look just like pods that take their time.
const QUIET: Duration = Duration::from_secs(15);

pub(super) const LIST: &str = "kubernetes:list pods";
const WATCH: &str = "kubernetes:watch pods";

/// An observation of the node's pods.
#[derive(Debug)]
pub(super) enum Seen {
    /// One change.
    Change(Box<PodChange>),
    /// All pods of the node, and when they were listed, from the handler's entry.
    All(Vec<Pod>, Duration),
}

/// Sends everything that happens to the pods of `node` from `version` on; returns only near the deadline. A quiet
/// watch is checked while pods are `awaited`.
pub(super) async fn watch(
    cluster: &impl Cluster,
    node: &str,
    mut version: String,
    budget: &Budget,
    seen: &UnboundedSender<Seen>,
    awaited: &AtomicBool,
) {
    let mut attempt = 0;
    loop {
        match budget.call(WATCH, cluster.watch_pods(node, &version)).await {
            Ok(stream) => {
                let mut stream = pin!(stream);
                loop {
                    match timeout(QUIET, stream.next()).await {
                        Ok(Some(Ok(change))) => {
                            attempt = 0;
                            let _ = seen.send(Seen::Change(Box::new(change)));
                        }
                        Ok(Some(Err(error))) => {
                            tracing::info!(%error, "watch ended, listing");
                            break;
                        }
                        Ok(None) => break,
                        Err(_quiet) if !awaited.load(Ordering::Relaxed) => {}
                        Err(_quiet) => {
                            list(cluster, node, budget, seen).await;
                        }
                    }
                }
            }
            Err(error) => tracing::info!(%error, "no watch, listing"),
        }
        let next = budget.now() + jittered(pause(attempt, None));
        if next >= budget.timetable().report_deadline() {
            return;
        }
        budget.wait_until(next).await;
        attempt += 1;
        if let Some(listed) = list(cluster, node, budget, seen).await {
            version = listed;
        }
    }
}

/// Sends all pods of the node. Returns the version of the list, if it was answered.
async fn list(
    cluster: &impl Cluster,
    node: &str,
    budget: &Budget,
    seen: &UnboundedSender<Seen>,
) -> Option<String> {
    let asked = budget.now();
    let pods = budget.call(LIST, cluster.list_pods(node, Freshness::Latest)).await.ok()?;
    let _ = seen.send(Seen::All(pods.items, asked));
    Some(pods.resource_version)
}
