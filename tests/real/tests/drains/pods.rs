//! Each kind of pod, with the real API server, controllers and KWOK's kubelets.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cast_spot_real::{
    audit::Entry,
    clock::eventually,
    job,
    lab::{Lab, PATIENCE, phase},
    notice::Notice,
    stack::Stack,
    workload::{Owner, Workload},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{Api, api::DeleteParams};
use serde_json::{Value, json};

pub(crate) async fn pods_that_belong_to_the_node_stay_and_all_others_leave(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "kinds-of-pods").await?;
    lab.run(&Workload::deployment("scratch", 1).empty_dir()).await?;
    lab.run(&Workload::of(Owner::DaemonSet, "agent", 1)).await?;
    lab.run(&Workload::of(Owner::Kubelet, "static", 1)).await?;
    lab.run(&Workload::of(Owner::Bare, "bare", 1)).await?;
    job::run_to_its_end(&lab, "report").await?;
    let before = lab.pods_on(lab.victim()).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(60)).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    let after = lab.pods_on(lab.victim()).await?;
    for (workload, outcome, reason) in [
        ("scratch", "evicted", None),
        ("bare", "evicted", None),
        ("agent", "left", Some("DaemonSet pod")),
        ("static", "left", Some("static pod")),
        ("report", "left", Some("finished")),
    ] {
        let (name, was) = before.iter().find(|(name, _)| name.starts_with(workload)).context(workload)?;
        let pod = pod_report(&report, name);
        assert_eq!((pod["outcome"].as_str(), pod["reason"].as_str()), (Some(outcome), reason), "{pod}");
        let left = after.get(name).filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let expected = was.metadata.uid.as_ref().filter(|_| outcome == "left");
        assert_eq!(left.and_then(|pod| pod.metadata.uid.as_ref()), expected, "{name}");
    }
    assert_eq!(before.len(), 5, "{before:?}");
    assert_eq!(lab.calls()?.iter().filter(|call| call.is_eviction()).count(), 2);
    Ok(())
}

pub(crate) async fn a_stateful_set_comes_back_under_its_names_and_is_left_alone(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "stateful-set").await?;
    lab.run(&Workload::of(Owner::StatefulSet, "db", 3).ready_after("1s")).await?;
    lab.budget("db", "db", &json!({ "maxUnavailable": 1 })).await?;
    lab.scale(2).await?;
    let before = lab.pods_on(lab.victim()).await?;
    let uids: BTreeSet<_> = before.values().filter_map(|pod| pod.metadata.uid.clone()).collect();

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(60)).await?;

    assert_eq!(report["summary"], json!({ "evicted": 3 }), "{report}");
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    eventually("the same names run elsewhere", PATIENCE, async || {
        let pods = lab.pods_on(&lab.machines[1]).await?;
        Ok((pods.keys().eq(before.keys()) && pods.values().all(|pod| phase(pod) == "Running")).then_some(()))
    })
    .await?;
    for pod in lab.pods_of("db").await? {
        assert!(pod.metadata.deletion_timestamp.is_none(), "{pod:?}");
        assert!(pod.metadata.uid.as_ref().is_some_and(|uid| !uids.contains(uid)), "{pod:?}");
    }
    let calls = lab.calls()?;
    let asked: BTreeSet<_> = calls
        .iter()
        .filter(|call| call.is_eviction())
        .filter_map(|call| call.delete_options()?["preconditions"]["uid"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(asked, uids);
    assert_eq!(calls.iter().filter(|call| call.is_eviction() && call.code == 201).count(), 3, "{calls:?}");
    Ok(())
}

pub(crate) async fn a_long_grace_is_cut_to_the_time_that_is_left(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "long-grace").await?;
    lab.run(&Workload::of(Owner::Bare, "long", 1).grace(600).exits_after("3s")).await?;
    lab.run(&Workload::of(Owner::Bare, "short", 1).grace(10)).await?;

    let notice = Notice::of(lab.victim()).seconds_ago(80);
    let given = async {
        eventually("the pod terminates", PATIENCE, async || {
            let pod = lab.api::<Pod>().get("long-0").await?;
            Ok(pod.metadata.deletion_grace_period_seconds)
        })
        .await
    };
    let (report, given) = tokio::try_join!(lab.notify(&notice), given)?;

    assert_eq!(report["summary"], json!({ "evicted": 2 }), "{report}");
    let settled = deadline(&report)? - SignedDuration::from_secs(5);
    let calls = lab.calls()?;
    let of = |name: &str| calls.iter().find(|call| call.is_eviction() && call.name.as_deref() == Some(name));
    let long = of("long-0").context("an eviction of long-0")?;
    let grace = long.delete_options().and_then(|options| options["gracePeriodSeconds"].as_i64());
    let left = settled.duration_since(long.received).as_secs();
    assert!(grace.is_some_and(|grace| (left..=left + 1).contains(&grace)), "{left} s were left: {long:?}");
    assert_eq!(grace, Some(given), "the API server took another grace");
    let short = of("short-0").context("an eviction of short-0")?;
    assert_eq!(short.delete_options().map(|options| &options["gracePeriodSeconds"]), Some(&Value::Null));
    Ok(())
}

pub(crate) async fn a_pod_held_by_a_finalizer_is_left_and_delays_no_other(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "finalizer").await?;
    lab.run(&Workload::of(Owner::Bare, "held", 1).finalizer("cast-spot.test/held")).await?;
    lab.run(&Workload::deployment("web", 2)).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(105)).await?;

    assert_eq!(report["outcome"], "incomplete", "{report}");
    assert_eq!(report["summary"], json!({ "evicted": 2, "left": 1 }), "{report}");
    let held = pod_report(&report, "held-0");
    assert_eq!(
        (&held["outcome"], &held["reason"]),
        (&json!("left"), &json!("still terminating")),
        "{report}"
    );
    let standing = lab.pods_on(lab.victim()).await?;
    assert_eq!(standing.keys().collect::<Vec<_>>(), ["held-0"]);
    assert!(standing["held-0"].metadata.deletion_timestamp.is_some());
    let calls = lab.calls()?;
    assert_eq!(
        calls.iter().filter(|call| call.is_eviction()).count(),
        3,
        "each pod is asked once: {calls:?}"
    );
    assert!(!calls.iter().any(Entry::is_pod_deletion), "{calls:?}");
    Ok(())
}

pub(crate) async fn system_critical_pods_are_evicted_after_ordinary_ones(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "priorities").await?;
    lab.run(&Workload::deployment("dns", 2).priority("system-cluster-critical")).await?;
    lab.run(&Workload::deployment("web", 3).exits_after("2s")).await?;
    lab.scale(2).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(60)).await?;

    assert_eq!(report["summary"], json!({ "evicted": 5 }), "{report}");
    let calls = lab.calls()?;
    let of = |workload: &str| {
        let accepted = calls.iter().filter(|call| call.is_eviction() && call.code == 201);
        let times =
            accepted.filter(|call| call.name.as_deref().is_some_and(|name| name.starts_with(workload)));
        times.map(|call| call.received).collect::<Vec<_>>()
    };
    let (ordinary, critical) = (of("web"), of("dns"));
    assert_eq!((ordinary.len(), critical.len()), (3, 2), "{calls:?}");
    // An ordinary pod runs for two seconds after its eviction.
    let ordinary_gone = *ordinary.iter().max().context("an eviction")? + SignedDuration::from_millis(1_900);
    assert!(critical.iter().all(|time| *time >= ordinary_gone), "{ordinary:?} {critical:?}");
    Ok(())
}

pub(crate) async fn pods_of_a_terminating_namespace_end_without_an_override(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "namespace-deleted").await?;
    // The last moment, 5 s of margin and 12 s of grace before the deadline, comes while they terminate.
    lab.run(&Workload::deployment("web", 2).grace(12).exits_after("15s")).await?;
    lab.budget("web", "web", &json!({ "maxUnavailable": 0 })).await?;

    let notice = Notice::of(lab.victim()).seconds_ago(90);
    let deleted = async {
        eventually("an eviction is refused", PATIENCE, async || {
            Ok(lab.calls()?.iter().any(|call| call.is_eviction() && call.code == 429).then_some(()))
        })
        .await?;
        Api::<Namespace>::all(stack.kube.clone()).delete(&lab.name, &DeleteParams::default()).await?;
        Ok(())
    };
    let (report, ()) = tokio::try_join!(lab.notify(&notice), deleted)?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["summary"], json!({ "gone": 2 }), "{report}");
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    let calls = lab.calls()?;
    assert!(!calls.iter().any(Entry::is_pod_deletion), "{calls:?}");
    // Whether an eviction is still sent depends on which comes first, the eviction or the watch event that the pod
    // terminates.
    let refused = calls.iter().filter(|call| call.is_eviction()).all(|call| [429, 403].contains(&call.code));
    assert!(refused, "{calls:?}");
    Ok(())
}

fn pod_report<'r>(report: &'r Value, name: &str) -> &'r Value {
    let mut pods = report["pods"].as_array().into_iter().flatten();
    pods.find(|pod| pod["name"] == name).unwrap_or(&Value::Null)
}

fn deadline(report: &Value) -> Result<Timestamp> {
    Ok(report["event"]["deadline"].as_str().context("the event's deadline")?.parse()?)
}
