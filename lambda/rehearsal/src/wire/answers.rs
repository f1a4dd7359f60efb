//! Which answer of an API server is a request's.

use http::Method;

use super::{
    Reply, eviction,
    request::{Asked, Resource},
    resources, reviews, status, token,
};
use crate::{facts::Call, faults::FaultKind, world::state::State};

/// Answers a request.
pub(super) fn answer(
    asked: &Asked,
    state: &mut State,
    cluster: usize,
    call: &Call,
    fault: Option<FaultKind>,
) -> Reply {
    let wall = state.clock.wall();
    if let Err(why) = token::check(asked.authorization.as_deref(), wall) {
        state.note(&format!("f{} token refused: {why}", call.env));
        return status::unauthorized();
    }
    let fault =
        fault.filter(|kind| !matches!(kind, FaultKind::DeniedMetadata(_)) || asked.touches_metadata());
    let fault = fault.map(|kind| (kind, status::fault(kind, &asked.about())));
    match (&asked.method, asked.resource(), fault) {
        // Throttled or not, the observer sees evictions and deletes.
        (&Method::POST, Resource::Eviction(ns, name), fault) => {
            eviction::evict(state, cluster, call, (ns, name), &asked.body, fault)
        }
        (&Method::DELETE, Resource::Pod(ns, name), fault) => {
            eviction::delete(state, cluster, call, (ns, name), &asked.body, fault)
        }
        (&Method::GET, Resource::Pods(None), Some((FaultKind::Expired, status))) if asked.is_watch() => {
            resources::expired_watch(state, &status)
        }
        (_, _, Some((_, reply))) => reply,
        (&Method::GET, Resource::Pods(ns), None) if asked.is_watch() => {
            resources::watch_pods(asked, state, cluster, ns)
        }
        (&Method::GET, Resource::Nodes, None) => resources::list_nodes(asked, state, cluster),
        (&Method::GET, Resource::Node(name), None) => resources::get_node(state, cluster, name),
        (&Method::PATCH, Resource::Node(name), None) => {
            resources::patch_node(asked, state, cluster, call, name)
        }
        (&Method::GET, Resource::Pods(ns), None) => resources::list_pods(asked, state, cluster, call, ns),
        (&Method::GET, Resource::Pod(ns, name), None) => resources::get_pod(state, cluster, ns, name),
        (&Method::POST, Resource::Events(ns), None) => resources::create_event(asked, state, cluster, ns),
        (&Method::GET, Resource::Budgets(ns), None) => resources::list_budgets(state, cluster, ns),
        (&Method::POST, Resource::Reviews, None) => reviews::answer(state, cluster, &asked.body),
        _ => status::no_such_resource(),
    }
}
