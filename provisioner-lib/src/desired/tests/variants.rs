//! Partitions, long names, endpoints, limits, and the other choices.

use std::collections::BTreeMap;

use super::*;

#[test]
fn every_arn_has_the_partition_and_region_of_the_cluster() {
    for (partition, region) in
        [("aws", "eu-west-1"), ("aws-us-gov", "us-gov-west-1"), ("aws-cn", "cn-north-1")]
    {
        let mut facts = facts("prod");
        partition.clone_into(&mut facts.identity.partition);
        region.clone_into(&mut facts.region);
        facts.cluster.arn = format!("arn:{partition}:eks:{region}:123456789012:cluster/prod");
        let text = serde_json::to_string(&present(&spec("prod", user()), &facts)).expect("JSON");
        let others = ["aws", "aws-us-gov", "aws-cn"].into_iter().filter(|other| *other != partition);
        for other in others {
            assert!(!text.contains(&format!("arn:{other}:")), "{partition}: an ARN of {other}");
        }
        assert!(
            text.contains(&format!("arn:{partition}:sqs:{region}:123456789012:cast-spot-dlq")),
            "{partition}"
        );
    }
}

#[test]
fn nodes_are_held_to_their_vpc_within_any_boundary() {
    for boundary in [None, Some("arn:aws:iam::123456789012:policy/org".to_owned())] {
        let spec = Spec { permissions_boundary: boundary, ..spec("prod", role()) };
        let resources = present(&spec, &facts("prod"));
        let held = resources.iter().filter_map(|resource| match resource {
            Resource::InlinePolicy(InlinePolicy { role, document, .. }) if role != LAMBDA_ROLE => {
                Some(document)
            }
            _ => None,
        });
        let [document] = held.collect::<Vec<_>>()[..] else { panic!("an inline policy of the node role") };
        let statements = document["Statement"].as_array().expect("statements");
        assert!(statements.iter().all(|statement| statement["Effect"] == "Deny"), "{document}");
        assert!(document.to_string().contains(":vpc/vpc-1"), "{document}");
    }
}

#[test]
fn long_names_with_one_beginning_share_no_resource() {
    let of = |end: char| {
        let name = format!("{}{end}", "c".repeat(99));
        ids(&present(&spec(&name, user()), &facts(&name)))
    };
    let (one, two) = (of('1'), of('2'));
    let shared: Vec<_> = one.intersection(&two).collect();
    let own = |id: &Id| id.name.contains("ccc");
    assert!(!shared.iter().any(|id| own(id)), "{shared:?}");
    assert!(one.iter().filter(|id| own(id)).count() > 10);
    assert!(one.iter().all(|id| id.kind != Kind::Role || id.name.len() <= 64));
}

#[test]
fn only_resources_of_one_cluster_carry_its_tag() {
    let mut facts = facts("prod");
    facts.register = [("us-east-1".to_owned(), "far".to_owned())].into();
    for resource in present(&spec("prod", user()), &facts) {
        let id = resource.id();
        let Some(tags) = resource.tags() else { continue };
        assert_eq!(tags.get(TAG_MANAGED).map(String::as_str), Some(MANAGED), "{id}");
        let own = id.name.contains("prod");
        assert_eq!(tags.get(TAG_CLUSTER).is_some(), own, "{id}");
        assert_eq!(tags.get(TAG_REGION).is_some(), own, "{id}");
        assert_eq!(tags.contains_key(TAG_NODE_ROLE), id.name == "cast-eks-prod", "{id}");
    }
}

#[test]
fn a_cidr_restricted_endpoint_needs_the_vpc() {
    for (public, cidrs, private, places) in [
        (true, vec![], false, false),
        (true, vec!["0.0.0.0/0"], true, false),
        (true, vec!["192.0.2.0/24", "0.0.0.0/0"], false, false),
        (true, vec!["192.0.2.0/24"], true, true),
        (false, vec!["0.0.0.0/0"], true, true),
    ] {
        let mut facts = facts("prod");
        facts.cluster.public_access = public;
        facts.cluster.public_access_cidrs = cidrs.iter().map(ToString::to_string).collect();
        facts.cluster.private_access = private;
        let resources = present(&spec("prod", role()), &facts);
        assert_eq!(
            has(&resources, Kind::SecurityGroup, "vpc-1/cast-spot-handler"),
            places,
            "{public} {cidrs:?}"
        );
        let placed = resources
            .iter()
            .any(|resource| matches!(resource, Resource::Function(Function { network: Some(network), .. }) if network.vpc_id == "vpc-1"));
        assert_eq!(placed, places, "{public} {cidrs:?}");
    }
}

#[test]
fn all_faults_are_said_at_once_and_each_says_what_to_do() {
    let mut closed = facts("prod");
    "CREATING".clone_into(&mut closed.cluster.status);
    closed.cluster.public_access = false;
    let faults = desired(&Spec { package: None, ..spec("prod", role()) }, &closed).expect_err("faults").0;
    let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["cluster", "zip", "cluster"]);
    assert!(faults.iter().all(|fault| !fault.hint.is_empty() && !fault.problem.is_empty()), "{faults:?}");
    "UPDATING".clone_into(&mut closed.cluster.status);
    closed.cluster.public_access = true;
    assert!(desired(&spec("prod", role()), &closed).is_ok(), "a cluster that is updated works");
}

#[test]
fn an_external_id_too_long_for_the_trust_is_a_fault() {
    let long = |length| {
        let access = Access::Role {
            principal: "arn:aws:iam::210987654321:root".to_owned(),
            external_id: "e".repeat(length),
        };
        desired(&spec("prod", access), &facts("prod"))
    };
    assert!(long(1_224).is_ok(), "the longest that STS takes");
    let faults = long(2_048).expect_err("faults").0;
    assert_eq!((faults[0].field.as_str(), faults[0].value.as_str()), ("policy", "cast-eks-prod"));
}

#[test]
fn settings_longer_than_a_tag_are_a_fault() {
    let with = |length| {
        let settings = [("HTTPS_PROXY".to_owned(), "p".repeat(length))].into();
        desired(&Spec { settings, ..spec("prod", role()) }, &facts("prod"))
    };
    assert!(with(244).is_ok(), "256 with name and =");
    let faults = with(245).expect_err("faults").0;
    let places: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.value.as_str())).collect();
    assert_eq!(places, [("tag", "cast-spot:settings.eu-west-1")]);
}

#[test]
fn clusters_are_registered_until_iam_has_no_room() {
    for (name, private, room) in [("prod", false, 17), ("prod", true, 17), (&*"c".repeat(100), true, 13)] {
        let mut facts = facts(name);
        facts.cluster.public_access = !private;
        facts.cluster.private_access = true;
        let others = (1..100).take_while(|_| {
            let (region, number) = ("us-east-1".to_owned(), facts.register.len());
            facts.register.insert((region, format!("{}{number:03}", &name[..name.len() - 3])));
            desired(&spec(name, role()), &facts).is_ok()
        });
        assert_eq!(others.count() + 1, room, "{name} {private}");
        let faults = desired(&spec(name, role()), &facts).expect_err("faults").0;
        let enough = format!("enough for {room} clusters with names like this one's");
        assert!(faults[0].problem.ends_with(&enough), "{faults:?}");
    }
}

#[test]
fn more_clusters_than_a_role_has_tags_for_are_a_fault() {
    let records =
        (0..50).map(|number| (format!("cast-spot:documented.{number:07x}"), format!("eu-west-1/c{number}")));
    let mut facts = facts("prod");
    facts.earlier.role_tags = records.collect();
    facts.register = facts
        .earlier
        .role_tags
        .values()
        .map(|value| {
            let (region, name) = value.split_once('/').expect("a cluster");
            (region.to_owned(), name.to_owned())
        })
        .collect();
    let faults = desired(&spec("prod", role()), &facts).expect_err("faults").0;
    assert!(faults.iter().any(|fault| fault.problem.ends_with("tags; IAM allows 50")), "{faults:?}");
}

#[test]
fn alternatives_hold_the_other_choices_of_the_cluster_only() {
    for (access, privilege) in [
        (role(), Privilege::Documented),
        (role(), Privilege::Least),
        (user(), Privilege::Documented),
        (user(), Privilege::Least),
    ] {
        let is_role = matches!(access, Access::Role { .. });
        let desired = desired(&Spec { privilege: Some(privilege), ..spec("prod", access) }, &facts("prod"))
            .expect("desired");
        let (present, absent) = (ids(&desired.present), ids(&desired.absent));
        assert!(present.is_disjoint(&absent), "{:?}", present.intersection(&absent));
        let goes = |kind, name: &str| absent.contains(&Id::new(kind, name));
        assert_eq!(goes(Kind::User, "cast-eks-prod"), is_role);
        assert_eq!(goes(Kind::Role, "cast-eks-prod"), !is_role);
        let documented = goes(Kind::Attachment, "CastLambdaRoleForSpot/CloudWatchLogsFullAccess");
        assert_eq!(documented, privilege == Privilege::Least);
    }
}

#[test]
fn objects_are_written_in_fields_that_kubernetes_knows() {
    use k8s_openapi::api::{
        admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
        flowcontrol::v1::{FlowSchema, PriorityLevelConfiguration},
        rbac::v1::{ClusterRole, ClusterRoleBinding},
    };
    fn read_back<T: serde::de::DeserializeOwned + serde::Serialize>(value: &Value) -> Option<Value> {
        let read: T = serde_json::from_value(value.clone()).ok()?;
        serde_json::to_value(read).ok()
    }
    let mut kinds = BTreeMap::<String, usize>::new();
    for resource in present(&spec("prod", role()), &facts("prod")) {
        let Resource::Manifest(manifest) = resource else { continue };
        let value = manifest.value();
        let read = match manifest.kind() {
            "ClusterRole" => read_back::<ClusterRole>(value),
            "ClusterRoleBinding" => read_back::<ClusterRoleBinding>(value),
            "FlowSchema" => read_back::<FlowSchema>(value),
            "ValidatingAdmissionPolicy" => read_back::<ValidatingAdmissionPolicy>(value),
            "ValidatingAdmissionPolicyBinding" => read_back::<ValidatingAdmissionPolicyBinding>(value),
            _ => read_back::<PriorityLevelConfiguration>(value),
        };
        assert_eq!(read.as_ref(), Some(value));
        *kinds.entry(manifest.kind().to_owned()).or_default() += 1;
    }
    let expected = [
        ("ClusterRole", 1),
        ("ClusterRoleBinding", 1),
        ("FlowSchema", 2),
        ("PriorityLevelConfiguration", 2),
        ("ValidatingAdmissionPolicy", 4),
        ("ValidatingAdmissionPolicyBinding", 4),
    ];
    assert_eq!(kinds, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
}
