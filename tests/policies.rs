//! The IAM policies, evaluated by a second, independent implementation of IAM (the crate iam-rs): what a principal
//! may do in its cluster and not in another, that no condition can be left out and no statement is dead, and that
//! docs/permissions.md is current.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

#[path = "policies/administrator.rs"]
mod administrator;
#[path = "policies/attacks.rs"]
mod attacks;
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
#[path = "policies/weakened.rs"]
mod weakened;

use std::collections::BTreeMap;

use attacks::attacks;
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
fn a_principal_may_make_no_documented_call_in_another_cluster() {
    for (own, other) in [(A, B), (B, A), (A, FAR), (FAR, A), (B, FAR)] {
        let principal = own.principal();
        // A resource that belongs to no cluster, like an image, has the same request everywhere.
        let neutral: Vec<Request> = calls(&own).into_iter().flat_map(|call| call.requests).collect();
        for call in calls(&other) {
            let allowed: Vec<_> = call
                .requests
                .iter()
                .filter(|request| principal.may(request) && !neutral.contains(request))
                .collect();
            // Reads are not limited to one cluster, and the function is shared by the region.
            let reads = |request: &&Request| {
                let action = request.action.split(':').nth(1).unwrap();
                ["Get", "List", "Describe"].iter().any(|verb| action.starts_with(verb))
            };
            let written: Vec<_> = allowed.iter().filter(|request| !reads(request)).collect();
            assert!(written.is_empty(), "{} in {other:?} as {own:?}: {written:#?}", call.what);
        }
    }
}

#[test]
fn every_way_out_of_the_own_cluster_is_closed() {
    let principal = A.principal();
    let open: Vec<_> = attacks().into_iter().filter(|(_, request)| principal.may(request)).collect();
    assert!(open.is_empty(), "{open:#?}");
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
