//! Which answer of an API server is a request's.

use super::{Reply, eviction, request::Visit, resources, reviews, status, token};
use crate::faults::FaultKind;

/// Answers a request.
pub(super) fn answer(visit: &mut Visit<'_>, fault: Option<FaultKind>) -> Reply {
    let asked = visit.asked;
    let wall = visit.state.clock.wall();
    if let Err(why) = token::check(asked.authorization.as_deref(), wall) {
        visit.state.note(&format!("f{} token refused: {why}", visit.call.env));
        return status::unauthorized();
    }
    let fault =
        fault.filter(|kind| !matches!(kind, FaultKind::DeniedMetadata(_)) || asked.touches_metadata());
    let fault = fault.map(|kind| (kind, status::fault(kind, asked)));
    let is_namespaced = !asked.namespace.is_empty();
    let answer = match (asked.verb, asked.group.as_str(), asked.resource.as_str(), fault) {
        // Throttled or not, the observer sees evictions and deletes.
        ("create", "", "pods/eviction", fault) if is_namespaced => eviction::evict(visit, fault),
        ("delete", "", "pods", fault) if is_namespaced => eviction::delete(visit, fault),
        ("watch", "", "pods", Some((FaultKind::Expired, status))) if !is_namespaced => {
            Ok(resources::expired_watch(visit, &status))
        }
        (_, _, _, Some((_, reply))) => Err(reply),
        ("watch", "", "pods", None) => resources::watch_pods(visit),
        ("list", "", "nodes", None) if !is_namespaced => Ok(resources::list_nodes(visit)),
        ("get", "", "nodes", None) if !is_namespaced => resources::get_node(visit),
        ("patch", "", "nodes", None) if !is_namespaced => resources::patch_node(visit),
        ("list", "", "pods", None) => resources::list_pods(visit),
        ("get", "", "pods", None) if is_namespaced => resources::get_pod(visit),
        ("create", "", "events", None) if is_namespaced => resources::create_event(visit),
        ("list", "policy", "poddisruptionbudgets", None) => Ok(resources::list_budgets(visit)),
        ("create", "authorization.k8s.io", "selfsubjectaccessreviews", None) => reviews::answer(visit),
        _ => Err(status::no_such_resource()),
    };
    answer.unwrap_or_else(|refusal| refusal)
}
