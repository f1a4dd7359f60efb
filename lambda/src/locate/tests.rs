use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures_util::{Stream, stream::Empty};
use k8s_openapi::api::{core::v1::Event, policy::v1::PodDisruptionBudget};
use serde_json::Value;

use super::{
    search::{COLD_HEAD_START, DESCRIBE, HEAD_START, SEARCH, SECOND_LOOK},
    *,
};
use crate::{
    Apis,
    budget::Budget,
    event::Subject,
    plan::timetable::Timetable,
    ports::{
        Access, Activities, AutoScaling, CallError, Cluster, Clusters, Ec2, End, Evicted, Freshness, Group,
        Hook, Instance, ListedNode, Membership, Node, Patched, PodChange, Pods, Right,
    },
};

const ID: &str = "i-0abc1234";
const S: Duration = Duration::from_secs(1);

pub(super) fn subject() -> Subject {
    Subject { instance_id: ID.into(), account: Some("111122223333".into()), region: Some("eu-west-1".into()) }
}

/// EC2 that gives the same answer at each call, or none.
struct Answering(Option<Result<Option<Instance>, CallError>>);

impl Ec2 for &Answering {
    async fn describe_instance(&self, _: &str) -> Result<Option<Instance>, CallError> {
        match &self.0 {
            Some(answer) => answer.clone(),
            None => std::future::pending().await,
        }
    }
}

fn throttled() -> Answering {
    Answering(Some(Err(CallError::Throttled { retry_after: None })))
}

/// A cluster that lists its nodes, fails, or never answers. Nothing else is asked of it here.
struct Listing {
    answer: Option<Result<Arc<Vec<ListedNode>>, CallError>>,
    calls: AtomicU32,
}

impl Listing {
    fn new(answer: Option<Result<Vec<ListedNode>, CallError>>) -> Self {
        Self { answer: answer.map(|answer| answer.map(Arc::new)), calls: AtomicU32::new(0) }
    }

    fn with(name: &str) -> Self {
        let provider_id = format!("aws:///eu-west-1a/{ID}");
        Self::new(Some(Ok(vec![ListedNode { name: name.into(), provider_id, ..ListedNode::default() }])))
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Cluster for Listing {
    async fn list_nodes(&self) -> Result<Arc<Vec<ListedNode>>, CallError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match &self.answer {
            Some(answer) => answer.clone(),
            None => std::future::pending().await,
        }
    }

    async fn get_node(&self, _: &str) -> Result<Node, CallError> {
        unasked()
    }

    async fn patch_node(&self, _: &str, _: &Value) -> Result<Patched, CallError> {
        unasked()
    }

    async fn list_pods(&self, _: &str, _: Freshness) -> Result<Pods, CallError> {
        unasked()
    }

    async fn watch_pods(
        &self,
        _: &str,
        _: &str,
    ) -> Result<impl Stream<Item = Result<PodChange, CallError>> + Send, CallError> {
        unasked::<Empty<_>>()
    }

    async fn list_pdbs(&self, _: &str) -> Result<Vec<PodDisruptionBudget>, CallError> {
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

/// An instance in a group of cluster `prod`, or in none.
struct Grouped(Option<&'static str>);

impl AutoScaling for Grouped {
    async fn membership(&self, _: &str) -> Result<Option<Membership>, CallError> {
        Ok(self.0.map(|group| Membership { group: group.into(), lifecycle_state: "InService".into() }))
    }

    async fn group(&self, name: &str) -> Result<Option<Group>, CallError> {
        let tags = [("kubernetes.io/cluster/prod".to_owned(), "owned".to_owned())].into();
        Ok(Some(Group { name: name.to_owned(), tags, ..Group::default() }))
    }

    async fn termination_hooks(&self, _: &str) -> Result<Vec<Hook>, CallError> {
        unasked()
    }

    async fn activities(&self, _: &str) -> Result<Activities, CallError> {
        unasked()
    }

    async fn detach(&self, _: &str, _: &str) -> Result<(), CallError> {
        unasked()
    }
}

struct Registered(Vec<(&'static str, Listing)>);

impl Clusters for &Registered {
    type Cluster = Listing;

    fn get(&self, name: &str) -> Option<&Listing> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, cluster)| cluster)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

/// What comes of it, and when.
async fn located(
    ec2: &Answering,
    group: Option<&'static str>,
    clusters: &Registered,
    cold: bool,
) -> (Result<Located, String>, Budget) {
    let budget = Budget::new(Timetable::new(120 * S, 5 * S, 150 * S));
    let apis = Apis { ec2, auto_scaling: Grouped(group), clusters };
    let located = Search::new(&apis, &subject(), &budget).locate(cold).await;
    (located, budget)
}

fn cluster_of(located: Result<Located, String>) -> Option<String> {
    match located {
        Ok(Located::Here(target)) => Some(target.cluster),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_cluster_does_not_hold_up_the_notices_of_another() {
    for (cold, head_start) in [(false, HEAD_START), (true, COLD_HEAD_START)] {
        let clusters = Registered(vec![("hung", Listing::new(None)), ("prod", Listing::with("n"))]);
        let (found, budget) = located(&Answering(None), None, &clusters, cold).await;
        assert_eq!(cluster_of(found).as_deref(), Some("prod"));
        assert_eq!(budget.now(), head_start);
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_ec2_is_not_waited_for() {
    let clusters = Registered(vec![("prod", Listing::with("n"))]);
    let (found, budget) = located(&throttled(), None, &clusters, false).await;
    let Ok(Located::Here(target)) = found else { panic!() };
    assert_eq!(target.ec2_failure.as_deref(), Some("located by the node list alone (EC2: throttled)"));
    assert_eq!(budget.now(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_instance_in_no_list_is_given_up_after_a_second_look() {
    let clusters = Registered(vec![("prod", Listing::new(Some(Ok(vec![]))))]);
    let (found, budget) = located(&throttled(), None, &clusters, false).await;
    assert!(matches!(found, Ok(Located::Elsewhere(_))), "{found:?}");
    assert_eq!((clusters.0[0].1.calls(), budget.now()), (2, SECOND_LOOK));
    assert!(budget.calls()[DESCRIBE] <= 4, "{:?}", budget.calls());
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_of_ec2_leads_to_one_look_at_the_lists() {
    let clusters = Registered(vec![("prod", Listing::new(Some(Ok(vec![]))))]);
    let (found, budget) = located(&Answering(Some(Ok(None))), None, &clusters, false).await;
    assert!(matches!(found, Ok(Located::Elsewhere(_))), "{found:?}");
    assert_eq!((clusters.0[0].1.calls(), budget.now()), (1, Duration::ZERO));
    let clusters = Registered(vec![("prod", Listing::with("n"))]);
    let (found, _) = located(&Answering(Some(Ok(None))), None, &clusters, false).await;
    assert_eq!(cluster_of(found).as_deref(), Some("prod"));
}

#[tokio::test(start_paused = true)]
async fn the_group_locates_where_neither_ec2_nor_the_lists_do() {
    let down = || Listing::new(Some(Err(CallError::Transient("connection refused".into(), None))));
    let clusters = Registered(vec![("prod", down())]);
    let (found, budget) = located(&throttled(), Some("g"), &clusters, false).await;
    let Ok(Located::Here(target)) = found else { panic!() };
    assert_eq!((target.cluster.as_str(), target.group.as_deref(), target.node), ("prod", Some("g"), None));
    assert!(budget.now() < S, "{:?}", budget.now());
}

#[tokio::test(start_paused = true)]
async fn the_search_ends_where_nothing_tells() {
    let down = || Listing::new(Some(Err(CallError::Transient("connection refused".into(), None))));
    let clusters = Registered(vec![("prod", down())]);
    let (found, budget) = located(&throttled(), None, &clusters, false).await;
    let reason = found.unwrap_err();
    assert!(reason.contains("EC2: throttled; cluster prod: connection refused"), "{reason}");
    assert!(budget.now() <= SEARCH, "{:?}", budget.now());
}

/// Nothing says that the instance is of the cluster that refuses.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_refused_is_asked_for_twice_at_most() {
    let refusing = || Listing::new(Some(Err(CallError::Forbidden("nodes".into()))));
    let clusters = Registered(vec![("stage", refusing()), ("prod", Listing::new(Some(Ok(vec![]))))]);
    let (found, budget) = located(&throttled(), None, &clusters, false).await;
    let reason = found.unwrap_err();
    assert!(reason.contains("cluster stage: forbidden: nodes"), "{reason}");
    assert_eq!((clusters.0[0].1.calls(), clusters.0[1].1.calls()), (2, 2));
    assert!(budget.now() <= SEARCH, "{:?}", budget.now());
    let clusters = Registered(vec![("stage", refusing()), ("prod", Listing::with("n"))]);
    let (found, budget) = located(&throttled(), None, &clusters, false).await;
    assert_eq!((cluster_of(found).as_deref(), budget.now()), (Some("prod"), Duration::ZERO));
}
