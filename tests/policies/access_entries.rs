//! Who the administrator may let into the cluster: our principals, in our groups.

use cast_spot_provisioner::{names, policy};
use policy::AdminMode;

use crate::{
    administrator::{MODES, administrator, all, cluster_arn, iam},
    calls::{A, ACCOUNT, Cluster, LAMBDA_ROLE},
    evaluation::Request,
};

fn let_in(c: &Cluster, principal: &str, groups: &[&str]) -> Request {
    let request = Request::new("eks:CreateAccessEntry", &cluster_arn(c)).with("eks:principalArn", principal);
    request.with("eks:kubernetesGroups", groups.to_vec())
}

fn entry(c: &Cluster, kind: &str, name: &str) -> String {
    c.arn("eks", &format!("access-entry/{}/{kind}/{ACCOUNT}/{name}/0c5a", c.name))
}

/// A call about an entry, whose principal is a key of it.
fn about(action: &str, c: &Cluster, kind: &str, name: &str) -> Request {
    Request::new(action, &entry(c, kind, name)).with("eks:principalArn", iam(kind, name))
}

const ADMIN_POLICY: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

/// Calls about access entries: of the nodes, of the function, and of a user, whom either mode may find there.
pub(crate) fn calls(mode: AdminMode, c: &Cluster) -> Vec<Request> {
    let arn = cluster_arn(c);
    let users = [names::principal(c.name, &arn), names::principal_by_hash(c.name, &arn)];
    let mut calls = vec![
        let_in(c, &iam("role", c.node_role), &[]),
        let_in(c, &iam("role", LAMBDA_ROLE), &["cast-spot:handler"]),
    ];
    let roles = [("role", c.node_role), ("role", LAMBDA_ROLE)];
    for (kind, name) in roles.into_iter().chain(users.iter().map(|name| ("user", &name[..]))) {
        let actions = [
            "eks:TagResource",
            "eks:UntagResource",
            "eks:DescribeAccessEntry",
            "eks:UpdateAccessEntry",
            "eks:DeleteAccessEntry",
            "eks:ListAssociatedAccessPolicies",
        ];
        calls.extend(actions.map(|action| about(action, c, kind, name)));
    }
    calls.extend(users.iter().map(|name| let_in(c, &iam("user", name), &["cast-spot:manager"])));
    if mode == AdminMode::User {
        for name in &users {
            let policies =
                all(&entry(c, "user", name), &["eks:AssociateAccessPolicy", "eks:DisassociateAccessPolicy"]);
            calls.extend(policies.into_iter().map(|request| request.with("eks:policyArn", ADMIN_POLICY)));
        }
    }
    calls
}

#[test]
fn the_administrator_lets_in_our_principals_alone() {
    let users = [names::principal(A.name, &cluster_arn(&A)), "cast-eks-b".to_owned(), "someone".to_owned()];
    for mode in MODES {
        let administrator = administrator(mode, &A);
        for (own, name) in users.iter().enumerate().map(|(index, name)| (index == 0, name)) {
            let manages = let_in(&A, &iam("user", name), &["cast-spot:manager"]);
            assert_eq!(administrator.may(&manages), own, "{mode:?}: {name}");
            let admin = Request::new("eks:AssociateAccessPolicy", &entry(&A, "user", name));
            let may = administrator.may(&admin.clone().with("eks:policyArn", ADMIN_POLICY));
            // By the beginning of the name: only ours can be let in.
            assert_eq!(may, *name != "someone" && mode == AdminMode::User, "{mode:?}: {name}");
            let another = ADMIN_POLICY.replace("ClusterAdmin", "Edit");
            assert!(!administrator.may(&admin.with("eks:policyArn", another)), "{mode:?}: {name}");
        }
        for (principal, groups) in [
            (iam("role", "someone"), &["cast-spot:handler"][..]),
            (iam("role", LAMBDA_ROLE), &["platform-team"]),
            (iam("role", LAMBDA_ROLE), &["cast-spot:handler", "platform-team"]),
            (iam("user", &users[0]), &["platform-team"]),
            (iam("role", &users[0]), &["cast-spot:manager"]),
        ] {
            let request = let_in(&A, &principal, groups);
            assert!(!administrator.may(&request), "{mode:?}: {request:#?}");
        }
    }
}

#[test]
fn the_administrator_changes_entries_of_our_principals_alone() {
    for mode in MODES {
        let administrator = administrator(mode, &A);
        for (name, own) in [(LAMBDA_ROLE, true), (A.node_role, true), ("platform", false)] {
            for action in ["eks:UpdateAccessEntry", "eks:DeleteAccessEntry"] {
                assert_eq!(
                    administrator.may(&about(action, &A, "role", name)),
                    own,
                    "{mode:?}: {action} {name}"
                );
            }
        }
        let update = about("eks:UpdateAccessEntry", &A, "role", LAMBDA_ROLE);
        let into = |group: &str| administrator.may(&update.clone().with("eks:kubernetesGroups", vec![group]));
        assert!(into("cast-spot:handler") && !into("platform-team"), "{mode:?}");
    }
}
