//! The policy documents: valid and small enough.

use std::{collections::BTreeSet, fs};

use cast_spot_provisioner::policy::{self, AdminMode, Scope, size};
use cast_spot_tests::root;
use serde_json::Value;

/// Largest trust policy, and all inline policies of a role together ("IAM and AWS STS quotas" in the IAM User
/// Guide).
pub(crate) const TRUST_LIMIT: usize = 2_048;
pub(crate) const INLINE_LIMIT: usize = 10_240;

/// The policies, by the names of their files.
pub(crate) fn permissions(scope: &Scope) -> Vec<(&'static str, Value)> {
    vec![
        ("cast-eks", policy::cast_eks(scope)),
        ("restricted", policy::restricted(scope)),
        ("documented", policy::documented(scope)),
        ("node-boundary", policy::node_boundary(scope)),
        ("handler", policy::handler(scope)),
        ("handler-vpc", policy::handler_vpc(scope)),
        ("handler-reads", policy::handler_reads(scope)),
        ("handler-dead-letter", policy::handler_dead_letter(scope)),
        ("handler-cluster", policy::handler_cluster(scope)),
        ("savings", policy::savings(scope)),
        ("admin, role", policy::admin(AdminMode::Role, scope)),
        ("admin, user", policy::admin(AdminMode::User, scope)),
    ]
}

/// A managed policy of AWS.
pub(crate) fn of_aws(name: &str) -> Value {
    let file = fs::read_to_string(root().join("tests/policies/aws-managed.json")).unwrap();
    let all: Value = serde_json::from_str(&file).unwrap();
    all["policies"][name]["document"].clone()
}

pub(crate) fn trusts(scope: &Scope) -> Vec<(&'static str, Value)> {
    vec![
        ("lambda-trust", policy::lambda_trust()),
        ("node-trust", policy::node_trust(scope.partition)),
        ("principal-trust", policy::principal_trust("arn:aws:iam::210987654321:user/console", "0a1b")),
    ]
}

const LONG: &str =
    "cluster-name-of-one-hundred-characters-which-is-the-longest-that-eks-takes-0123456789-0123456789-012";

/// A scope of the longest possible names.
pub(crate) fn longest(partition: &'static str) -> Scope<'static> {
    let region = match partition {
        "aws-us-gov" => "us-gov-east-1",
        "aws-cn" => "cn-northwest-1",
        _ => "ap-southeast-1",
    };
    assert_eq!(LONG.len(), 100);
    let vpc_id = "vpc-0123456789abcdef0";
    Scope {
        partition,
        region,
        account: "123456789012",
        cluster: LONG,
        vpc_id,
        node_role: &LONG[..64],
        image_owners: &[],
    }
}

pub(crate) fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn statements(policy: &Value) -> &[Value] {
    policy["Statement"].as_array().unwrap()
}

/// Keys of a statement's conditions with their operators.
pub(crate) fn conditions(statement: &Value) -> Vec<(&str, &str)> {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    operators
        .flat_map(|(operator, keys)| keys.as_object().unwrap().keys().map(|key| (&operator[..], &key[..])))
        .collect()
}

#[test]
fn every_document_is_a_valid_policy() {
    for partition in ["aws", "aws-us-gov", "aws-cn"] {
        let scope = longest(partition);
        let queue = ("dead-letter-queue", policy::dead_letter_queue(&scope));
        let resource = permissions(&scope);
        for (name, policy) in resource.iter().chain(&trusts(&scope)).chain([&queue]) {
            assert_eq!(policy["Version"], "2012-10-17", "{name}");
            let mut sids = BTreeSet::new();
            for statement in statements(policy) {
                let sid = statement["Sid"].as_str().unwrap();
                assert!(sids.insert(sid) && sid.chars().all(|c| c.is_ascii_alphanumeric()), "{name}: {sid}");
                assert!(["Allow", "Deny"].contains(&statement["Effect"].as_str().unwrap()), "{sid}");
                assert!(!strings(&statement["Action"]).is_empty(), "{sid}");
                let trust = name.ends_with("-trust");
                let resources = ["Resource", "NotResource"].map(|part| strings(&statement[part]).len());
                assert_eq!(
                    resources.iter().filter(|count| **count > 0).count(),
                    usize::from(!trust),
                    "{sid}"
                );
                let keys: Vec<_> = statement.as_object().unwrap().keys().map(String::as_str).collect();
                let known = ["Sid", "Effect", "Principal", "Action", "Resource", "NotResource", "Condition"];
                assert!(keys.iter().all(|key| known.contains(key)), "{sid}: {keys:?}");
            }
            assert!(!policy.to_string().contains(['<', '>']), "{name}");
        }
    }
}

/// `ArnEquals` takes wildcards in AWS, but not in iam-rs.
#[test]
fn exact_conditions_have_no_wildcards() {
    for (name, policy) in permissions(&longest("aws")) {
        for statement in statements(&policy) {
            let values = statement["Condition"]["ArnEquals"].as_object().into_iter().flatten();
            let mut values = values.flat_map(|(_, values)| strings(values));
            assert!(values.all(|value| !value.contains(['*', '?'])), "{name}: {statement}");
        }
    }
}

#[test]
fn the_longest_names_fit_in_every_partition() {
    for partition in ["aws", "aws-us-gov", "aws-cn"] {
        let scope = longest(partition);
        for (name, policy) in permissions(&scope) {
            let parts = if name.starts_with("admin") {
                assert!(size(&policy) <= INLINE_LIMIT, "{name}: {}", size(&policy));
                policy::split(&policy, policy::MANAGED_LIMIT)
            } else {
                vec![policy]
            };
            assert!(parts.len() <= 2, "{name}");
            for part in parts {
                assert!(size(&part) <= policy::MANAGED_LIMIT, "{name} in {partition}: {}", size(&part));
            }
        }
        for (name, policy) in trusts(&scope) {
            assert!(size(&policy) <= TRUST_LIMIT, "{name}: {}", size(&policy));
        }
        let clusters =
            (INLINE_LIMIT - size(&policy::handler_reads(&scope))) / size(&policy::handler_cluster(&scope));
        assert!(clusters >= 10, "room for {clusters} clusters of an account");
    }
}

/// A variable before the fifth colon is not a variable ("IAM policy elements: Variables and tags" in the IAM User
/// Guide), nor is one in the name of a condition key.
#[test]
fn variables_stand_where_iam_fills_them_in() {
    for (name, policy) in permissions(&longest("aws")) {
        for statement in statements(&policy) {
            for resource in strings(&statement["Resource"]) {
                let place = resource.find("${").map(|at| resource[..at].matches(':').count());
                assert!(place.is_none_or(|colons| colons >= 5), "{name}: {resource}");
            }
            assert!(conditions(statement).iter().all(|(_, key)| !key.contains("${")), "{name}: {statement}");
        }
    }
}
