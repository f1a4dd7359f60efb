//! The IAM policies. An independent implementation of IAM, the crate iam-rs, evaluates the documented calls; a solver
//! proves for all requests that no write leaves the cluster, and that no statement and no condition can go. And
//! docs/permissions.md is current.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

#[path = "policies/access_entries.rs"]
mod access_entries;
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

use calls::{A, B, Cluster, FAR, calls, documented};
use cast_spot_provisioner::policy;
use documents::{statements, strings};
use evaluation::{Caller, Request};

/// The authorizations of a call that are refused.
fn refused<'a>(caller: &Caller, requests: &'a [Request]) -> Vec<&'a Request> {
    requests.iter().filter(|request| !caller.may(request)).collect()
}

#[test]
fn a_principal_may_manage_the_nodes_of_its_cluster() {
    for cluster in [A, B, FAR] {
        let principal = cluster.principal();
        for call in calls(&cluster) {
            let refused = refused(&principal, &call.requests);
            assert!(refused.is_empty(), "{}: {refused:#?}", call.what);
        }
    }
}

#[test]
fn the_documented_privilege_alone_grants_roles_and_functions() {
    for cluster in [A, B, FAR] {
        let (principal, least) = (cluster.documented_principal(), cluster.principal());
        for call in documented(&cluster) {
            let refused = refused(&principal, &call.requests);
            assert!(refused.is_empty(), "{}: {refused:#?}", call.what);
            let own = |request: &&Request| {
                least.may(request) && !calls(&cluster).iter().any(|it| it.requests.contains(request))
            };
            let allowed: Vec<_> = call.requests.iter().filter(own).collect();
            assert!(allowed.is_empty(), "{}, by default: {allowed:#?}", call.what);
        }
    }
}

#[test]
fn by_default_a_principal_has_no_right_over_functions_and_rules() {
    for policy in [policy::cast_eks(&A.scope()), policy::restricted(&A.scope())] {
        let actions =
            statements(&policy).iter().flat_map(|statement| strings(&statement["Action"])).map(str::to_owned);
        let found: Vec<_> =
            actions.filter(|action| action.starts_with("lambda:") || action.starts_with("events:")).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn a_principal_without_tags_gains_nothing_by_the_shared_policy() {
    let mut stranger = A.principal();
    stranger.tags = BTreeMap::new();
    stranger.policies = vec![policy::cast_eks(&A.scope()), policy::documented(&A.scope())];
    let spared = |request: &Request| {
        // Belongs to no cluster.
        ["image/", "volume/", "aws-service-role/", "role/CastLambdaRoleForSpot"]
            .iter()
            .any(|of| request.resource.contains(of))
            || ["lambda:Get", "lambda:List"].iter().any(|reads| request.action.starts_with(reads))
    };
    let nameless = Cluster { name: "", region: "", node_role: "", ..A };
    let all = [calls(&A), documented(&A), calls(&nameless), documented(&nameless)].concat();
    for call in all {
        let allowed: Vec<_> = call.requests.iter().filter(|it| stranger.may(it) && !spared(it)).collect();
        assert!(allowed.is_empty(), "{}: {allowed:#?}", call.what);
    }
}
