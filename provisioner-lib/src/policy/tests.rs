use serde_json::json;

use super::*;

const SCOPE: Scope = Scope {
    partition: "aws",
    region: "eu-west-1",
    account: "123456789012",
    cluster: "prod",
    vpc_id: "vpc-0a",
    node_role: "cast-prod-eks-0123abc",
    image_owners: &[],
};

fn all(scope: &Scope) -> Vec<(&'static str, Value)> {
    vec![
        ("cast_eks", cast_eks(scope)),
        ("restricted", restricted(scope)),
        ("documented", documented(scope)),
        ("node_boundary", node_boundary(scope)),
        ("node_vpc", node_vpc(scope)),
        ("handler_vpc", handler_vpc(scope)),
        ("handler", handler(scope)),
        ("handler_reads", handler_reads(scope)),
        ("handler_cluster", handler_cluster(scope)),
        ("handler_dead_letter", handler_dead_letter(scope)),
        ("lambda_trust", lambda_trust()),
        ("node_trust", node_trust(scope.partition)),
        ("principal_trust", principal_trust("arn:aws:iam::210987654321:user/console", "id")),
        ("dead_letter_queue", dead_letter_queue(scope)),
        ("admin role", admin(AdminMode::Role, scope)),
        ("admin user", admin(AdminMode::User, scope)),
    ]
}

#[test]
fn every_placeholder_is_filled_in() {
    for (name, policy) in all(&SCOPE) {
        assert!(policy["Statement"].as_array().is_some_and(|statements| !statements.is_empty()), "{name}");
        assert!(!policy.to_string().contains(['<', '>']), "{name}: {policy}");
    }
}

#[test]
fn what_is_shared_by_all_clusters_is_the_same_for_each() {
    let other =
        Scope { region: "us-east-1", cluster: "b", vpc_id: "vpc-0b", node_role: "cast-b-eks-1", ..SCOPE };
    assert_eq!(cast_eks(&SCOPE), cast_eks(&other));
    assert_eq!(handler_reads(&SCOPE), handler_reads(&other));
    assert_eq!(handler_dead_letter(&SCOPE), handler_dead_letter(&other));
    assert_ne!(restricted(&SCOPE), restricted(&other));
    assert_ne!(handler_cluster(&SCOPE), handler_cluster(&other));
}

#[test]
fn a_bounded_administrator_gives_rights_within_its_boundary() {
    let boundary = "arn:aws:iam::123456789012:policy/boundary";
    for mode in [AdminMode::Role, AdminMode::User] {
        let whole = admin(mode, &SCOPE);
        let bounded = bounded(whole.clone(), boundary);
        let actions = |policy: &Value, giving: bool| {
            let statements = policy["Statement"].as_array().unwrap().clone();
            let all = statements.into_iter().flat_map(|statement| {
                let condition = statement["Condition"]["ArnEquals"]["iam:PermissionsBoundary"].clone();
                let actions: Vec<String> = texts(&statement["Action"]).map(str::to_owned).collect();
                actions.into_iter().map(move |action| (action, condition == boundary))
            });
            let all = all.filter(|(action, _)| GIVING.contains(&action.as_str()) == giving);
            all.collect::<Vec<_>>()
        };
        assert!(actions(&bounded, true).iter().all(|(_, is_bounded)| *is_bounded));
        assert_eq!(actions(&bounded, false), actions(&whole, false));
        assert_eq!(actions(&bounded, true).len(), actions(&whole, true).len());
    }
}

#[test]
fn a_value_cannot_leave_its_string() {
    let trust = principal_trust("arn:aws:iam::1:root", r#"x"},"Bool":{"#);
    assert_eq!(trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"], r#"x"},"Bool":{"#);
}

#[test]
fn instances_have_another_principal_in_some_partitions() {
    let service = |partition| node_trust(partition)["Statement"][0]["Principal"]["Service"].clone();
    assert_eq!(service("aws"), "ec2.amazonaws.com");
    assert_eq!(service("aws-us-gov"), "ec2.amazonaws.com");
    assert_eq!(service("aws-cn"), "ec2.amazonaws.com.cn");
    assert_eq!(service("aws-eusc"), "ec2.amazonaws.com");
    assert_eq!(service("aws-iso"), "ec2.c2s.ic.gov");
    assert_eq!(service("aws-iso-b"), "ec2.sc2s.sgov.gov");
}

#[test]
fn size_counts_characters_without_white_space() {
    let policy = json!({ "Statement": ["a", "b"] });
    assert_eq!(minified(&policy), r#"{"Statement":["a","b"]}"#);
    assert_eq!(size(&policy), 23);
    assert_eq!(size(&json!({ "Sid": "a b\u{e4}" })), 13);
}

#[test]
fn a_split_policy_is_the_same_policy() {
    let whole = admin(AdminMode::User, &SCOPE);
    let parts = split(&whole, MANAGED_LIMIT);
    assert!(parts.iter().all(|part| size(part) <= MANAGED_LIMIT));
    let joined = parts.into_iter().reduce(merge).unwrap();
    assert_eq!(joined, whole);
    assert_eq!(split(&cast_eks(&SCOPE), MANAGED_LIMIT), [cast_eks(&SCOPE)]);
}

fn statement(action: &Value, resource: &Value, condition: &Value) -> Value {
    let statement =
        json!({ "Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

#[test]
fn notation_and_order_make_no_difference() {
    let a = statement(&json!(["s3:Get", "s3:Put"]), &json!("*"), &json!({ "Null": { "k": "true" } }));
    let b =
        statement(&json!(["s3:put", "s3:Get", "s3:get"]), &json!(["*"]), &json!({ "Null": { "k": [true] } }));
    assert!(same(&a, &b));
    let mut turned = b.clone();
    turned["Statement"][0] = json!({ "Resource": "*", "Condition": { "Null": { "k": true } }, "Action": ["s3:Put", "s3:Get"], "Effect": "Allow" });
    assert!(same(&a, &turned));
    let mut named = b.clone();
    named["Statement"][0]["Sid"] = "Named".into();
    named["Statement"] = named["Statement"][0].clone();
    assert!(same(&a, &named));
    assert!(same(&merge(cast_eks(&SCOPE), restricted(&SCOPE)), &merge(restricted(&SCOPE), cast_eks(&SCOPE))));
}

#[test]
fn a_bare_account_is_its_root() {
    assert!(same(
        &principal_trust("123456789012", "x"),
        &principal_trust("arn:aws:iam::123456789012:root", "x")
    ));
    assert!(!same(
        &principal_trust("arn:aws:iam::1:user/a", "x"),
        &principal_trust("arn:aws:iam::1:root", "x")
    ));
}

#[test]
fn a_difference_in_effect_is_seen() {
    let base = || statement(&json!("s3:Get"), &json!("arn:a"), &json!({ "StringEquals": { "k": "v" } }));
    let other = |change: fn(&mut Value)| {
        let mut policy = base();
        change(&mut policy);
        !same(&base(), &policy)
    };
    assert!(other(|policy| policy["Version"] = "2008-10-17".into()));
    assert!(other(|policy| policy["Statement"][0]["Effect"] = "Deny".into()));
    assert!(other(|policy| policy["Statement"][0]["Action"] = json!(["s3:Get", "s3:Put"])));
    assert!(other(|policy| policy["Statement"][0]["Resource"] = "arn:A".into()));
    assert!(other(|policy| policy["Statement"][0]["Condition"] = json!({ "StringLike": { "k": "v" } })));
    assert!(other(|policy| policy["Statement"][0]["Condition"]["StringEquals"]["k"] = "V".into()));
    assert!(other(|policy| policy["Statement"] = json!([])));
    for (name, policy) in all(&SCOPE) {
        for (other, against) in all(&SCOPE) {
            assert_eq!(same(&policy, &against), name == other, "{name}, {other}");
        }
    }
}
