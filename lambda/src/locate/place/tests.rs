use std::time::Duration;

use super::*;
use crate::locate::tests::subject;

fn instance(tags: &[(&str, &str)]) -> Instance {
    Instance {
        id: "i-0abc1234".into(),
        state: "running".into(),
        private_dns_name: Some("ip-10-0-0-1.eu-west-1.compute.internal".into()),
        zone: Some("eu-west-1a".into()),
        lifecycle: Some("spot".into()),
        owner_account: Some("111122223333".into()),
        tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..Instance::default()
    }
}

fn of(instance: &Instance) -> Located {
    of_instance(instance, &["prod".to_owned(), "stage".to_owned()], &subject())
}

fn prod() -> Instance {
    instance(&[("eks:cluster-name", "prod")])
}

#[test]
fn the_cluster_tags_place_the_instance_and_eks_own_decides() {
    for (case, tags, expected) in [
        ("owned", vec![("kubernetes.io/cluster/prod", "owned")], Some("prod")),
        ("shared", vec![("kubernetes.io/cluster/prod", "shared")], Some("prod")),
        ("eks", vec![("eks:cluster-name", "stage")], Some("stage")),
        ("aws:eks", vec![("aws:eks:cluster-name", "stage")], Some("stage")),
        (
            "EKS's own tag wins",
            vec![("aws:eks:cluster-name", "stage"), ("kubernetes.io/cluster/prod", "owned")],
            Some("stage"),
        ),
        (
            "also where its cluster is not registered",
            vec![("eks:cluster-name", "a"), ("kubernetes.io/cluster/prod", "owned")],
            None,
        ),
        (
            "of the others, a registered one wins over an unknown one",
            vec![("kubernetes.io/cluster/a", "owned"), ("kubernetes.io/cluster/prod", "owned")],
            Some("prod"),
        ),
        ("unregistered", vec![("kubernetes.io/cluster/other", "owned")], None),
        ("none", vec![("Name", "x")], None),
    ] {
        let located = of(&instance(&tags));
        let cluster = match &located {
            Located::Here(target) => Some(target.cluster.as_str()),
            Located::Gone { .. } | Located::Elsewhere(_) => None,
        };
        assert_eq!(cluster, expected, "{case}: {located:?}");
    }
}

#[test]
fn the_provider_id_is_made_of_zone_and_instance() {
    let Located::Here(target) = of(&prod()) else { panic!() };
    assert_eq!(target.provider_id, "aws:///eu-west-1a/i-0abc1234");
    assert_eq!(target.node.as_deref(), Some("ip-10-0-0-1.eu-west-1.compute.internal"));
}

#[test]
fn an_instance_that_shuts_down_ends_within_20_s() {
    let Located::Here(target) = of(&Instance { state: "shutting-down".into(), ..prod() }) else { panic!() };
    assert_eq!(target.ends_within(), Some(Duration::from_secs(20)));
    let gone = of(&Instance { state: "terminated".into(), ..prod() });
    assert!(matches!(gone, Located::Gone { cluster, .. } if cluster == "prod"));
}

#[test]
fn only_a_spot_instance_of_account_and_region_is_ours() {
    let spot = prod;
    let on_demand = || Instance { lifecycle: None, ..prod() };
    for (case, instance, expected) in [
        ("spot", spot(), None),
        ("reserved", Instance { reserved: true, ..on_demand() }, None),
        ("on demand", on_demand(), Some("on-demand")),
        (
            "another account",
            Instance { owner_account: Some("444455556666".into()), ..spot() },
            Some("account"),
        ),
        ("another region", Instance { zone: Some("us-east-1a".into()), ..spot() }, Some("us-east-1a")),
    ] {
        let reason = match of(&instance) {
            Located::Elsewhere(reason) => Some(reason),
            _ => None,
        };
        assert_eq!(reason.is_some(), expected.is_some(), "{case}: {reason:?}");
        assert!(reason.unwrap_or_default().contains(expected.unwrap_or_default()), "{case}");
    }
}

#[test]
fn a_listed_node_is_ours_unless_its_zone_is_of_another_region() {
    for (provider_id, expected) in [
        ("aws:///eu-west-1a/i-0abc1234", true),
        ("aws:///us-east-1a/i-0abc1234", false),
        ("aws:////i-0abc1234", true),
        ("i-0abc1234", true),
    ] {
        let node = ListedNode { provider_id: provider_id.to_owned(), ..ListedNode::default() };
        let located = of_node(&node, "prod", &subject());
        assert_eq!(matches!(located, Located::Here(_)), expected, "{provider_id}: {located:?}");
    }
}

#[test]
fn a_listed_node_is_ours_unless_its_labels_say_on_demand() {
    for (label, value, expected) in [
        ("eks.amazonaws.com/capacityType", "ON_DEMAND", false),
        ("eks.amazonaws.com/capacityType", "SPOT", true),
        ("kubernetes.io/os", "linux", true),
    ] {
        let labels = [(label.to_owned(), value.to_owned())].into();
        let node = ListedNode { labels, ..ListedNode::default() };
        let located = of_node(&node, "prod", &subject());
        assert_eq!(matches!(located, Located::Here(_)), expected, "{label}={value}: {located:?}");
    }
}
