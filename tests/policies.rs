//! The IAM policies. An independent implementation of IAM, the crate iam-rs, evaluates the documented calls; a solver
//! proves for all requests that no write leaves the cluster, and that no statement and no condition can go. And
//! docs/permissions.md is current.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

#[path = "policies/administrator.rs"]
mod administrator;
#[path = "policies/calls.rs"]
mod calls;
#[path = "policies/checks.rs"]
mod checks;
#[path = "policies/documents.rs"]
mod documents;
#[path = "policies/evaluation.rs"]
mod evaluation;
#[path = "policies/function.rs"]
mod function;
#[path = "policies/page.rs"]
mod page;
#[path = "policies/proof/mod.rs"]
mod proof;
#[path = "policies/weakened.rs"]
mod weakened;

use std::collections::BTreeMap;

use calls::{A, B, Cluster, FAR, calls};
use evaluation::{Caller, Request};

/// The authorizations of a call that are refused.
fn refused<'a>(caller: &Caller, requests: &'a [Request]) -> Vec<&'a Request> {
    requests.iter().filter(|request| !caller.may(request)).collect()
}

#[test]
fn a_principal_may_make_every_documented_call_in_its_cluster() {
    for cluster in [A, B, FAR] {
        let principal = cluster.principal();
        for call in calls(&cluster) {
            let refused = refused(&principal, &call.requests);
            assert!(refused.is_empty(), "{}: {refused:#?}", call.what);
        }
    }
}

#[test]
fn a_principal_without_tags_gains_nothing_by_the_shared_policy() {
    let mut stranger = A.principal();
    stranger.tags = BTreeMap::new();
    stranger.policies.truncate(1);
    let spared = |request: &Request| {
        // Belongs to no cluster.
        ["image/", "volume/", "aws-service-role/", "role/CastLambdaRoleForSpot"]
            .iter()
            .any(|of| request.resource.contains(of))
    };
    for call in calls(&A).into_iter().chain(calls(&Cluster { name: "", region: "", node_role: "", ..A })) {
        let allowed: Vec<_> = call.requests.iter().filter(|it| stranger.may(it) && !spared(it)).collect();
        assert!(allowed.is_empty(), "{}: {allowed:#?}", call.what);
    }
}
