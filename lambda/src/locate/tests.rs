use std::time::Duration;

use futures_util::{Stream, stream::Empty};
use k8s_openapi::api::{core::v1::Event, policy::v1::PodDisruptionBudget};
use serde_json::{Value, json};

use super::*;
use crate::{
    plan::timetable::Timetable,
    ports::{Access, End, Evicted, Patched, PodChange, Pods, Right},
};

fn instance(tags: &[(&str, &str)]) -> Instance {
    Instance {
        id: "i-0abc1234".into(),
        state: "running".into(),
        private_dns_name: Some("ip-10-0-0-1.eu-west-1.compute.internal".into()),
        zone: Some("eu-west-1a".into()),
        tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    }
}

#[test]
fn any_of_the_three_cluster_tags_places_the_instance() {
    let registered = ["prod".to_owned(), "stage".to_owned()];
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
            "a registered cluster wins over an unknown one",
            vec![("kubernetes.io/cluster/a", "owned"), ("kubernetes.io/cluster/prod", "owned")],
            Some("prod"),
        ),
        ("unregistered", vec![("kubernetes.io/cluster/other", "owned")], None),
        ("none", vec![("Name", "x")], None),
    ] {
        let located = from_instance(&instance(&tags), &registered);
        let cluster = match &located {
            Located::Here(target) => Some(target.cluster.as_str()),
            Located::Elsewhere(_) => None,
        };
        assert_eq!(cluster, expected, "{case}: {located:?}");
    }
}

#[test]
fn the_provider_id_is_made_of_zone_and_instance() {
    let Located::Here(target) = from_instance(&instance(&[("eks:cluster-name", "prod")]), &["prod".into()])
    else {
        panic!()
    };
    assert_eq!(target.provider_id, "aws:///eu-west-1a/i-0abc1234");
    assert_eq!(target.node.as_deref(), Some("ip-10-0-0-1.eu-west-1.compute.internal"));
}

#[test]
fn an_instance_that_is_gone_is_left_alone() {
    let gone = Instance { state: "terminated".into(), ..instance(&[("eks:cluster-name", "prod")]) };
    assert!(matches!(from_instance(&gone, &["prod".into()]), Located::Elsewhere(_)));
}

/// EC2 that never answers.
struct SilentEc2;

impl Ec2 for SilentEc2 {
    async fn describe_instance(&self, _: &str) -> Result<Option<Instance>, CallError> {
        std::future::pending().await
    }
}

/// A cluster that lists its nodes, or never answers. Nothing else is asked of it here.
struct Listing(Option<Vec<Node>>);

impl Cluster for Listing {
    async fn list_nodes(&self) -> Result<Vec<Node>, CallError> {
        match &self.0 {
            Some(nodes) => Ok(nodes.clone()),
            None => std::future::pending().await,
        }
    }

    async fn get_node(&self, _: &str) -> Result<Node, CallError> {
        unasked()
    }

    async fn patch_node(&self, _: &str, _: &Value) -> Result<Patched, CallError> {
        unasked()
    }

    async fn list_pods(&self, _: &str, _: bool) -> Result<Pods, CallError> {
        unasked()
    }

    async fn watch_pods(
        &self,
        _: &str,
        _: &str,
    ) -> Result<impl Stream<Item = Result<PodChange, CallError>> + Send, CallError> {
        unasked::<Empty<_>>()
    }

    async fn list_budgets(&self, _: &str) -> Result<Vec<PodDisruptionBudget>, CallError> {
        unasked()
    }

    async fn evict(&self, _: End<'_>) -> Result<Evicted, CallError> {
        unasked()
    }

    async fn delete_pod(&self, _: End<'_>) -> Result<bool, CallError> {
        unasked()
    }

    async fn create_event(&self, _: &Event) -> Result<(), CallError> {
        unasked()
    }

    async fn review_access(&self, _: &Right) -> Result<Access, CallError> {
        unasked()
    }
}

fn unasked<T>() -> Result<T, CallError> {
    Err(CallError::Refused("locating asks for node lists only".to_owned()))
}

struct Two([(&'static str, Listing); 2]);

impl Clusters for Two {
    type Cluster = Listing;

    fn get(&self, name: &str) -> Option<&Listing> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, cluster)| cluster)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_cluster_does_not_hold_up_the_notices_of_another() {
    let node = json!({"metadata": {"name": "n"}, "spec": {"providerID": "aws:///eu-west-1a/i-0abc1234"}});
    let node = serde_json::from_value(node).unwrap();
    let clusters = Two([("hung", Listing(None)), ("prod", Listing(Some(vec![node])))]);
    let minutes = Duration::from_mins(2);
    let budget = Budget::new(Timetable::new(minutes, Duration::from_secs(5), minutes));
    let located = locate(&SilentEc2, &clusters, "i-0abc1234", &budget).await;
    assert!(matches!(located, Ok(Located::Here(target)) if target.cluster == "prod"));
    assert_eq!(budget.now(), EC2_HEAD_START);
}
