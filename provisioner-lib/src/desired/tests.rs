use super::*;
use crate::{
    facts::{AuthenticationMode, Cluster, CurrentFunction, Identity, PreviousRuns},
    names::FUNCTION,
    package::{Package, sample},
    resource::{AccessEntry, Function, Id, InvokeConfig, Kind},
};

mod variants;

fn facts(cluster: &str) -> Facts {
    let arn = format!("arn:aws:eks:eu-west-1:123456789012:cluster/{cluster}");
    let open = Cluster {
        status: "ACTIVE".to_owned(),
        authentication_mode: AuthenticationMode::ApiAndConfigMap,
        vpc_id: "vpc-1".to_owned(),
        subnet_ids: vec!["subnet-1".to_owned()],
        security_group_id: "sg-1".to_owned(),
        ..Cluster::gone(cluster, arn)
    };
    Facts {
        identity: Identity {
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            arn: "arn:aws:iam::123456789012:root".to_owned(),
        },
        region: "eu-west-1".to_owned(),
        cluster: open,
        function: None,
        register: BTreeSet::new(),
        earlier: PreviousRuns::default(),
    }
}

fn spec(cluster: &str, access: Access) -> Spec {
    Spec {
        privilege: Some(Privilege::Documented),
        package: Package::read(&sample("bootstrap", 0x3e), None).ok(),
        ..Spec::new(cluster, access)
    }
}

fn role() -> Access {
    let principal = "arn:aws:iam::210987654321:root".to_owned();
    Access::Role { principal, external_id: "e-1".to_owned() }
}

fn user() -> Access {
    Access::User { rotate_key: false, cluster_admin: false }
}

fn present(spec: &Spec, facts: &Facts) -> Vec<Resource> {
    desired(spec, facts).expect("desired").present
}

fn ids(resources: &[Resource]) -> BTreeSet<Id> {
    resources.iter().map(Resource::id).collect()
}

fn has(resources: &[Resource], kind: Kind, name: &str) -> bool {
    ids(resources).contains(&Id::new(kind, name))
}

#[test]
fn everything_that_the_page_names_is_made() {
    let resources = present(&spec("prod", role()), &facts("prod"));
    for (kind, name) in [
        (Kind::Role, "cast-eks-prod"),
        (Kind::Policy, CAST_EKS_POLICY),
        (Kind::Attachment, "cast-eks-prod/AmazonEC2ReadOnlyAccess"),
        (Kind::Attachment, "cast-eks-prod/IAMReadOnlyAccess"),
        (Kind::Attachment, "cast-eks-prod/CastEKSPolicy"),
        (Kind::Role, LAMBDA_ROLE),
        (Kind::Attachment, "CastLambdaRoleForSpot/CloudWatchLogsFullAccess"),
        (Kind::Attachment, "CastLambdaRoleForSpot/AWSLambdaRole"),
        (Kind::Attachment, "CastLambdaRoleForSpot/AmazonEC2ReadOnlyAccess"),
        (Kind::InlinePolicy, "CastLambdaRoleForSpot/cast-spot.eu-west-1.prod"),
        (Kind::Function, FUNCTION),
        (Kind::AccessEntry, "prod/CastLambdaRoleForSpot"),
        (Kind::Manifest, "ClusterRole/cast-spot-handler"),
    ] {
        assert!(has(&resources, kind, name), "{kind:?} {name} in {:?}", ids(&resources));
    }
    let node = names::node_role("prod", &facts("prod").cluster.arn);
    for policy in ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"]
    {
        assert!(has(&resources, Kind::Attachment, &format!("{node}/{policy}")));
    }
}

#[test]
fn ids_are_distinct_and_needs_come_first() {
    for access in [role(), user()] {
        let resources = present(&spec("prod", access), &facts("prod"));
        assert_eq!(ids(&resources).len(), resources.len());
    }
}

#[test]
fn only_the_user_is_mapped_into_the_cluster() {
    let mapped = |access| {
        let resources = present(&spec("prod", access), &facts("prod"));
        has(&resources, Kind::AccessEntry, "prod/cast-eks-prod")
    };
    assert!(!mapped(role()));
    assert!(mapped(user()));
}

#[test]
fn the_authentication_mode_selects_entries_or_aws_auth() {
    let mut facts = facts("prod");
    facts.cluster.authentication_mode = AuthenticationMode::ConfigMap;
    let resources = present(&spec("prod", user()), &facts);
    assert!(!resources.iter().any(|resource| matches!(resource, Resource::AccessEntry(_))));
    for name in ["cast-eks-prod", LAMBDA_ROLE, &names::node_role("prod", &facts.cluster.arn)] {
        assert!(has(&resources, Kind::AwsAuth, name), "{name}");
    }
}

#[test]
fn no_access_entry_names_a_group_that_eks_refuses() {
    for resource in present(&spec("prod", user()), &facts("prod")) {
        if let Resource::AccessEntry(AccessEntry { groups, entry_type, policies, principal, .. }) = resource {
            assert!(groups.iter().all(|group| !group.starts_with("system:")), "{groups:?}");
            assert_eq!(
                entry_type == "EC2_LINUX",
                principal.name().contains("-eks-") && groups.is_empty() && policies.is_empty()
            );
        }
    }
}

#[test]
fn the_function_serves_all_registered_clusters_of_its_region() {
    let mut facts = facts("prod");
    facts.register = [("eu-west-1", "stage"), ("us-east-1", "far")]
        .map(|(region, cluster)| (region.to_owned(), cluster.to_owned()))
        .into();
    facts.function =
        Some(CurrentFunction { clusters: ["dev".to_owned()].into(), ..CurrentFunction::default() });
    let resources = present(&spec("prod", role()), &facts);
    let function = resources.iter().find_map(|resource| match resource {
        Resource::Function(Function { environment, tags, .. }) => Some((environment, tags)),
        _ => None,
    });
    let (environment, tags) = function.expect("a function");
    assert_eq!(environment["CAST_SPOT_CLUSTERS"], "prod,stage", "the register counts, not the list");
    assert_eq!(tags.get(TAG_CLUSTER), None, "it serves several clusters");
}

#[test]
fn lambda_tries_a_notice_twice_within_its_two_minutes() {
    let resources = present(&spec("prod", role()), &facts("prod"));
    let tries = resources.iter().find_map(|resource| match resource {
        Resource::InvokeConfig(InvokeConfig {
            maximum_event_age_seconds, maximum_retry_attempts, ..
        }) => Some((*maximum_event_age_seconds, *maximum_retry_attempts)),
        _ => None,
    });
    assert_eq!(tries, Some((120, 1)));
}

#[test]
fn a_private_endpoint_puts_the_function_into_the_vpc() {
    let mut facts = facts("prod");
    facts.cluster.public_access = false;
    facts.cluster.private_access = true;
    let resources = present(&spec("prod", role()), &facts);
    assert!(has(&resources, Kind::SecurityGroup, "vpc-1/cast-spot-handler"));
    assert!(has(&resources, Kind::Ingress, "sg-1/cast-spot-handler:443"));
    assert!(has(&resources, Kind::Attachment, "CastLambdaRoleForSpot/AWSLambdaVPCAccessExecutionRole"));
}

#[test]
fn what_stands_in_the_way_is_said_before_anything_is_written() {
    let fields = |spec: &Spec, facts: &Facts| {
        let faults = desired(spec, facts).expect_err("faults").0;
        faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
    };
    let gone = Facts { cluster: Cluster::gone("prod", "arn".to_owned()), ..facts("prod") };
    assert_eq!(fields(&spec("prod", role()), &gone), ["cluster"]);
    let no_zip = Spec { package: None, ..spec("prod", role()) };
    assert_eq!(fields(&no_zip, &facts("prod")), ["zip"]);
    let mut closed = facts("prod");
    closed.cluster.public_access_cidrs = vec!["192.0.2.0/24".to_owned()];
    assert_eq!(fields(&spec("prod", role()), &closed), ["cluster"]);
    closed.cluster.private_access = true;
    let elsewhere = CurrentFunction { vpc_id: Some("vpc-2".to_owned()), ..CurrentFunction::default() };
    closed.function = Some(elsewhere);
    closed.register = [("eu-west-1".to_owned(), "stage".to_owned())].into();
    assert_eq!(fields(&spec("prod", role()), &closed), ["cluster"]);
    let mut full = facts("prod");
    full.register = (0..60).map(|n| ("eu-west-1".to_owned(), format!("cluster-{n}"))).collect();
    assert_eq!(fields(&spec("prod", role()), &full), ["role"]);
}

#[test]
fn policies_of_the_longest_names_fit_in_every_partition() {
    for (partition, region) in
        [("aws", "ap-southeast-1"), ("aws-us-gov", "us-gov-east-1"), ("aws-cn", "cn-northwest-1")]
    {
        let long = "c".repeat(100);
        let mut facts = facts(&long);
        facts.identity.partition = partition.to_owned();
        facts.region = region.to_owned();
        let mut role = role();
        if let Access::Role { principal, .. } = &mut role {
            *principal = principal.replacen("aws", partition, 1);
        }
        for access in [role, user()] {
            desired(&spec(&long, access), &facts).expect("desired");
        }
    }
}

#[test]
fn the_last_cluster_removes_the_shared_resources() {
    let goes = |facts: &Facts, kind, name: &str| {
        without("prod", facts).absent.iter().any(|resource| resource.id() == Id::new(kind, name))
    };
    let alone = facts("prod");
    assert!(goes(&alone, Kind::Function, FUNCTION) && goes(&alone, Kind::Role, LAMBDA_ROLE));
    let mut far = facts("prod");
    far.register = [("us-east-1".to_owned(), "prod".to_owned())].into();
    assert!(goes(&far, Kind::Function, FUNCTION) && !goes(&far, Kind::Role, LAMBDA_ROLE));
    let mut near = facts("prod");
    near.register = [("eu-west-1".to_owned(), "stage".to_owned())].into();
    assert!(!goes(&near, Kind::Function, FUNCTION) && !goes(&near, Kind::Policy, CAST_EKS_POLICY));
    assert!(goes(&near, Kind::InlinePolicy, "CastLambdaRoleForSpot/cast-spot.eu-west-1.prod"));
    assert!(goes(&near, Kind::Role, "cast-eks-prod"));
}

#[test]
fn a_principal_of_another_partition_is_a_fault() {
    let mut facts = facts("prod");
    facts.identity.partition = "aws-us-gov".to_owned();
    let faults = desired(&spec("prod", role()), &facts).expect_err("faults").0;
    assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["principal"]);
    assert!(desired(&spec("prod", user()), &facts).is_ok());
}
