//! Evictions and budgets.

use k8s_openapi::{api::policy::v1::PodDisruptionBudget, apimachinery::pkg::apis::meta::v1::DeleteOptions};
use kube::{Api, api::ListParams};

use super::{Bench, small, uid_of};
use crate::{
    Api as WorldApi, Budget, Fault, FaultKind, PdbSpec, PodState, Seats, TerminatingNamespace, WorkloadKind,
    WorkloadSpec, WorldSpec,
};

/// `web` with `here` pods on node 0 and `there` on node 1.
fn web(here: usize, there: usize) -> WorldSpec {
    let mut spec = small();
    let names: Vec<String> = spec.clusters[0].nodes.iter().map(|node| node.name.clone()).collect();
    let nodes = [vec![names[0].clone(); here], vec![names[1].clone(); there]].concat();
    spec.cluster().workloads.push(WorkloadSpec::deployment("web", nodes));
    spec
}

/// expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed
async fn status(bench: &Bench) -> (i32, i32, i32, i32) {
    let list =
        Api::<PodDisruptionBudget>::all(bench.kube.clone()).list(&ListParams::default()).await.unwrap();
    let status = list.items[0].status.clone().unwrap();
    (status.expected_pods, status.current_healthy, status.desired_healthy, status.disruptions_allowed)
}

#[tokio::test(start_paused = true)]
async fn a_budget_frees_the_next_pod_when_a_successor_is_ready() {
    let mut spec = web(2, 1);
    spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(1))];
    let bench = Bench::new(&spec).await;
    let pods = bench.shop().await;
    assert_eq!(status(&bench).await, (3, 3, 2, 1));
    let evicted = bench.evict(&pods[0]).await.unwrap();
    assert_eq!(evicted.code, 201);
    let refused = bench.evict(&pods[1]).await.unwrap_err();
    assert_eq!((refused.code, refused.reason.as_str()), (429, "TooManyRequests"));
    assert_eq!(refused.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    let details = refused.details.unwrap();
    assert_eq!(details.retry_after_seconds, 0);
    assert_eq!(details.causes[0].reason, "DisruptionBudget");
    assert_eq!(
        details.causes[0].message,
        "The disruption budget web-pdb needs 2 healthy pods and has 2 currently"
    );
    bench.at(4_000).await;
    assert_eq!(status(&bench).await, (3, 3, 2, 1), "the successor is ready 3 s after its binding");
    bench.evict(&pods[1]).await.unwrap();
    assert_eq!(bench.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn budgets_count_as_the_disruption_controller_counts() {
    for (case, budget, kind, expected) in [
        ("minAvailable counts pods", Budget::MinAvailable(2), WorkloadKind::Deployment, (3, 3, 2, 1)),
        ("of bare pods too", Budget::MinAvailable(2), WorkloadKind::Bare, (3, 3, 2, 1)),
        ("percent rounds up", Budget::MinAvailablePercent(50), WorkloadKind::Deployment, (3, 3, 2, 1)),
        ("and up", Budget::MaxUnavailablePercent(10), WorkloadKind::StatefulSet, (3, 3, 2, 1)),
        ("nothing may go", Budget::MaxUnavailable(0), WorkloadKind::Deployment, (3, 3, 3, 0)),
        ("more than there is", Budget::MinAvailable(9), WorkloadKind::Deployment, (3, 3, 9, 0)),
        ("no scale: sync failed", Budget::MaxUnavailable(1), WorkloadKind::Bare, (0, 3, 0, 0)),
        ("no scale: sync failed", Budget::MaxUnavailable(1), WorkloadKind::DaemonSet, (0, 3, 0, 0)),
    ] {
        let mut spec = web(2, 1);
        spec.cluster().workload("web").kind = kind;
        spec.cluster().pdbs = vec![PdbSpec::over("web", budget)];
        assert_eq!(status(&Bench::new(&spec).await).await, expected, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unready_pod_goes_where_policy_or_healthy_pods_let_it() {
    for (healthy_elsewhere, always, expected) in [(0, false, 429), (0, true, 201), (1, false, 201)] {
        let mut spec = web(1, 0);
        spec.cluster().workload("web").state = PodState::UnreadyUntil(u64::MAX);
        if healthy_elsewhere > 0 {
            let node = spec.clusters[0].nodes[1].name.clone();
            spec.cluster().workloads.push(WorkloadSpec::deployment("web", vec![node]));
        }
        let pdb = PdbSpec::over("web", Budget::MinAvailable(1));
        spec.cluster().pdbs = vec![PdbSpec { always_allow_unhealthy: always, ..pdb }];
        let bench = Bench::new(&spec).await;
        let answer = bench.evict(&bench.shop().await[0]).await;
        let code = answer.map_or_else(|status| status.code, |status| status.code);
        assert_eq!(code, expected, "{healthy_elsewhere} healthy, always {always}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_come_in_the_api_servers_words() {
    let mut spec = web(1, 0);
    let second = PdbSpec { name: "second".to_owned(), ..PdbSpec::over("web", Budget::MinAvailable(0)) };
    spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(1)), second];
    let bench = Bench::new(&spec).await;
    let pod = bench.shop().await.remove(0);
    let refused = bench.evict(&pod).await.unwrap_err();
    assert_eq!(refused.code, 500);
    assert!(refused.message.starts_with("This pod has more than one PodDisruptionBudget"));

    let mut spec = web(1, 0);
    spec.cluster().terminating =
        vec![TerminatingNamespace { name: "shop".to_owned(), pods_deleted_ms: Some(500) }];
    let bench = Bench::new(&spec).await;
    let mut pod = bench.shop().await.remove(0);
    let refused = bench.evict(&pod).await.unwrap_err();
    assert_eq!((refused.code, refused.reason.as_str()), (403, "Forbidden"));
    assert_eq!(refused.details.unwrap().causes[0].reason, "NamespaceTerminating");
    bench.at(600).await;
    assert!(bench.shop().await[0].metadata.deletion_timestamp.is_some(), "its controller deletes it");

    let bench = Bench::new(&web(1, 0)).await;
    let mut other = pod.clone();
    other.metadata.uid = Some("another".to_owned());
    let refused = bench
        .evict_with(&pod, DeleteOptions { preconditions: Some(uid_of(&other)), ..DeleteOptions::default() });
    let refused = refused.await.unwrap_err();
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    assert!(
        refused.message.contains("the UID in the precondition (another) does not match the UID in record (")
    );
    pod.metadata.name = Some("absent".to_owned());
    assert_eq!(bench.evict(&pod).await.unwrap_err().code, 404);
}

#[tokio::test(start_paused = true)]
async fn throttling_is_plain_text_with_a_header_and_no_cause() {
    let mut spec = web(1, 0);
    spec.faults =
        vec![Fault::always(WorldApi::Kubernetes, FaultKind::Throttled).on("create pods/eviction").times(1)];
    let bench = Bench::new(&spec).await;
    let pod = bench.shop().await.remove(0);
    let refused = bench.evict(&pod).await.unwrap_err();
    assert_eq!(refused.code, 429);
    assert_eq!(refused.message, "Too many requests, please try again later.");
    assert!(refused.details.is_none(), "kube drops the header; the handler's own layer keeps it");
    bench.evict(&pod).await.unwrap();
    assert_eq!(bench.laws(), [crate::Law::RetryAfter], "it came back too early");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_denies_in_its_own_words_and_with_its_code() {
    for code in [400, 403, 500] {
        let mut spec = web(1, 0);
        let denied = Fault::always(WorldApi::Kubernetes, FaultKind::Denied(code));
        spec.faults = vec![denied.on("create pods/eviction").times(1)];
        let bench = Bench::new(&spec).await;
        let pod = bench.shop().await.remove(0);
        let refused = bench.evict(&pod).await.unwrap_err();
        assert_eq!(refused.code, code);
        assert!(
            refused.message.starts_with("admission webhook \"deny.example.com\" denied the request: no ")
        );
        bench.evict(&pod).await.unwrap();
        assert_eq!(bench.violations(), [], "a webhook may change its mind");
    }
}

/// `web` with two pods on node 0 and one on node 1, one of which may be disrupted, while others write to the
/// budget's status for `ms`.
async fn contended(ms: u64) -> Bench {
    let mut spec = web(2, 1);
    spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(1))];
    spec.faults = vec![
        Fault::always(WorldApi::Kubernetes, FaultKind::ConflictFor(ms)).on("create pods/eviction").times(1),
    ];
    Bench::new(&spec).await
}

#[tokio::test(start_paused = true)]
async fn a_conflict_on_a_budget_holds_the_eviction_then_it_happens() {
    let bench = contended(8_000).await;
    let pods = bench.shop().await;
    let sent_ms = bench.now_ms();
    bench.evict(&pods[0]).await.unwrap();
    assert_eq!(bench.now_ms(), sent_ms + 8_020);
    let terminating = bench.shop().await.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_some());
    assert_eq!(terminating.count(), 1);
    assert_eq!(bench.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_of_ten_seconds_is_a_504_with_a_time_to_come_back() {
    let bench = contended(10_000).await;
    let pods = bench.shop().await;
    let refused = bench.evict(&pods[0]).await.unwrap_err();
    assert_eq!((refused.code, refused.reason.as_str()), (504, "Timeout"));
    assert_eq!(refused.details.unwrap().retry_after_seconds, 10);
    bench.evict(&pods[0]).await.unwrap();
    assert_eq!(bench.laws(), [crate::Law::RetryAfter], "it came back too early");
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_in_a_conflict_spends_a_disruption_for_nothing() {
    let bench = contended(8_000).await;
    let pods = bench.shop().await;
    assert_eq!(status(&bench).await, (3, 3, 2, 1));
    let hung_up = tokio::time::timeout(std::time::Duration::from_secs(5), bench.evict(&pods[0])).await;
    assert!(hung_up.is_err());
    bench.at(9_000).await;
    assert!(bench.shop().await.iter().all(|pod| pod.metadata.deletion_timestamp.is_none()));
    assert_eq!(status(&bench).await, (3, 2, 2, 0), "counted as disrupted");
    assert_eq!(bench.evict(&pods[1]).await.unwrap_err().code, 429);
    bench.at(119_000).await;
    assert_eq!(status(&bench).await, (3, 2, 2, 0), "for two minutes");
}

#[tokio::test(start_paused = true)]
async fn an_eviction_that_no_budget_rules_meets_no_conflict() {
    let mut spec = web(1, 0);
    let conflict = Fault::always(WorldApi::Kubernetes, FaultKind::ConflictFor(8_000));
    spec.faults = vec![conflict.on("create pods/eviction")];
    let bench = Bench::new(&spec).await;
    let pods = bench.shop().await;
    let sent_ms = bench.now_ms();
    bench.evict(&pods[0]).await.unwrap();
    assert_eq!(bench.now_ms(), sent_ms + 20);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_seats_and_queue_are_turned_away() {
    let mut spec = web(6, 0);
    spec.cluster().seats = Some(Seats { concurrent: 2, queue: 2, service_ms: 50 });
    let bench = Bench::new(&spec).await;
    let pods = bench.shop().await;
    let sent_ms = bench.now_ms();
    let answers = futures_util::future::join_all(pods.iter().map(|pod| async {
        let answer = bench.evict(pod).await;
        (answer.map_or_else(|refused| refused.code, |done| done.code), bench.now_ms() - sent_ms)
    }));
    let mut answers = answers.await;
    answers.sort_unstable();
    assert_eq!(answers, [(201, 70), (201, 70), (201, 120), (201, 120), (429, 20), (429, 20)]);
}
