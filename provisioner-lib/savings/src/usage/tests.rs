//! Which pods count as measured, and what they request then.

use serde_json::{Value, from_value, json};

use super::*;
use crate::demand::requests_of;

/// A pod of one measured container beside the given fields of its spec.
fn pod(name: &str, start: &str, spec: &Value) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "shop" },
        "spec": spec, "status": { "phase": "Running", "startTime": start },
    })
}

fn metrics(name: &str, containers: &[(&str, &str, &str)]) -> Value {
    let containers = containers
        .iter()
        .map(|(name, cpu, memory)| json!({ "name": name, "usage": { "cpu": cpu, "memory": memory } }));
    json!({
        "metadata": { "name": name, "namespace": "shop", "labels": { "app": "web" } },
        "timestamp": "2026-11-27T06:40:00Z", "window": "15.02s", "containers": containers.collect::<Vec<_>>(),
    })
}

fn snapshot(pods: Value, metrics: Value) -> Snapshot {
    Snapshot {
        pods: from_value(pods).unwrap(),
        pod_metrics: from_value(metrics).unwrap(),
        ..Snapshot::default()
    }
}

const LONG_AGO: &str = "2026-11-26T06:40:00Z";

#[test]
fn a_pod_counts_with_all_its_containers_after_its_start() {
    let two = json!({ "containers": [{ "name": "a" }, { "name": "b" }] });
    let sidecar = json!({
        "initContainers": [{ "name": "migrate" }, { "name": "proxy", "restartPolicy": "Always" }],
        "containers": [{ "name": "a" }],
    });
    let (a, b) = (("a", "122123456n", "40000Ki"), ("b", "1m", "1Mi"));
    let proxy = ("proxy", "2m", "2Mi");
    for (case, spec, start, measured, expected) in [
        ("its containers are added", &two, LONG_AGO, &[a, b][..], Some((124, 42_008_576))),
        ("one is missing", &two, LONG_AGO, &[a][..], None),
        ("a sidecar is one of them", &sidecar, LONG_AGO, &[a, proxy][..], Some((125, 43_057_152))),
        ("a sidecar is missing", &sidecar, LONG_AGO, &[a][..], None),
        ("one that is not in the spec", &two, LONG_AGO, &[a, b, proxy][..], Some((124, 42_008_576))),
        ("five minutes old", &two, "2026-11-27T06:35:00Z", &[a, b][..], Some((124, 42_008_576))),
        ("younger", &two, "2026-11-27T06:35:01Z", &[a, b][..], None),
    ] {
        let snapshot = snapshot(json!([pod("web", start, spec)]), json!([metrics("web", measured)]));
        let found = used(&snapshot).remove(&0).map(|found| (found.cpu, found.memory));
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn a_metric_without_its_pod_counts_nowhere() {
    let one = json!({ "containers": [{ "name": "a" }] });
    let finished = json!({ "metadata": { "name": "done", "namespace": "shop" }, "spec": one, "status": { "phase": "Succeeded" } });
    let usage = [("a", "1", "1Gi")];
    let metrics = json!([metrics("gone", &usage), metrics("done", &usage)]);
    assert!(used(&snapshot(json!([finished]), metrics)).is_empty());
}

fn requested(kind: Kind, specs: &[Value], measured: &[(u64, u64)], headroom: u32) -> Vec<(u64, u64)> {
    let pods = specs.iter().map(|spec| pod("web", LONG_AGO, spec)).collect::<Vec<_>>();
    let snapshot = snapshot(pods.into(), json!([]));
    let used = measured.iter().enumerate().map(|(place, (cpu, mib))| {
        (place, Resources { cpu: *cpu, memory: mib * 1024 * 1024, ..Resources::default() })
    });
    let pods = (0..specs.len()).collect();
    let owned = Owned { namespace: "shop".to_owned(), kind, name: "web".to_owned(), replicas: 1, pods };
    let resized = resized(&snapshot, [&owned].into_iter(), &used.collect(), headroom);
    let found = resized.pods.iter().map(requests_of);
    found.map(|requests| (requests.cpu, requests.memory / (1024 * 1024))).collect()
}

#[test]
fn a_pod_requests_usage_and_headroom_within_bounds() {
    let spec = |resources: Value| json!({ "containers": [{ "name": "c", "resources": resources }] });
    let asks = || spec(json!({ "requests": { "cpu": "1", "memory": "1Gi" } }));
    let capped = || spec(json!({ "limits": { "cpu": "400m", "memory": "300Mi" } }));
    let half_capped = json!({ "containers": [
        { "name": "c", "resources": { "limits": { "memory": "100Mi" } } }, { "name": "d" },
    ]});
    let starts = json!({
        "initContainers": [{ "name": "i", "resources": { "requests": { "cpu": "2", "memory": "64Mi" } } }],
        "containers": [{ "name": "c", "resources": { "requests": { "cpu": "1", "memory": "1Gi" } } }],
    });
    let huge = json!({ "limits": { "cpu": "20P", "memory": "16Ei" } });
    let boundless =
        json!({ "containers": [{ "name": "c", "resources": huge }, { "name": "d", "resources": huge }] });
    let sandbox =
        json!({ "containers": [{ "name": "c" }], "overhead": { "cpu": "250m", "memory": "120Mi" } });
    for (case, spec, used, headroom, expected) in [
        ("less than today", asks(), (200, 256), 50, (300, 384)),
        ("more than today", asks(), (1_500, 2_048), 15, (1_725, 2_355)),
        ("rounded up", asks(), (101, 100), 50, (152, 150)),
        ("the least", asks(), (0, 1), 50, (10, 32)),
        ("the limits", capped(), (390, 290), 50, (400, 300)),
        ("one container without a limit", half_capped, (390, 290), 50, (585, 435)),
        ("its init container", starts, (200, 256), 50, (2_000, 384)),
        ("the sandbox", sandbox, (200, 256), 50, (550, 504)),
        ("no headroom", asks(), (200, 256), 0, (200, 256)),
        ("the sum of huge limits", boundless, (200, 256), 50, (300, 384)),
    ] {
        assert_eq!(requested(Kind::Deployment, &[spec], &[used], headroom), [expected], "{case}");
    }
}

#[test]
fn pods_of_a_workload_request_what_its_greatest_uses() {
    let spec = json!({ "containers": [{ "name": "c", "resources": { "requests": { "cpu": "1", "memory": "1Gi" } } }] });
    let three = [spec.clone(), spec.clone(), spec];
    // The third is not measured.
    let used = [(100, 400), (300, 200)];
    assert_eq!(requested(Kind::Deployment, &three, &used, 0), [(300, 400); 3]);
    assert_eq!(requested(Kind::Deployment, &three, &[], 0), [(1_000, 1_024); 3], "none is measured");
    assert_eq!(requested(Kind::Job, &three, &used, 0), [(1_000, 1_024); 3], "a Job");
}

#[test]
fn pods_that_only_hold_room_keep_their_requests() {
    for (priority, expected) in [(-1, (3_500, 1_024)), (0, (10, 32))] {
        let pause = json!({
            "priority": priority,
            "containers": [{ "name": "c", "resources": { "requests": { "cpu": "3500m", "memory": "1Gi" } } }],
        });
        assert_eq!(requested(Kind::Deployment, &[pause], &[(0, 1)], 50), [expected], "{priority}");
    }
}

#[test]
fn a_daemon_set_is_sized_with_its_template() {
    let asks = json!({ "containers": [{ "name": "c", "resources": { "requests": { "cpu": "1", "memory": "1Gi" } } }] });
    let owners = json!([{ "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "web", "uid": "u", "controller": true }]);
    let mut running = pod("web-1", LONG_AGO, &asks);
    running["metadata"]["ownerReferences"] = owners;
    let mut snapshot = snapshot(json!([running]), json!([metrics("web-1", &[("c", "100m", "100Mi")])]));
    let set = json!({ "metadata": { "name": "web", "namespace": "shop" }, "spec": { "selector": {}, "template": { "spec": asks } } });
    snapshot.daemon_sets.push(from_value(set).unwrap());
    let owned = crate::verdict::owned(&snapshot);
    let resized = resized(&snapshot, owned.iter(), &used(&snapshot), 50);
    let daemons = crate::demand::Demand::read(&resized).daemons;
    assert_eq!((daemons[0].requests.cpu, daemons[0].requests.memory), (150, 150 * 1024 * 1024));
}

#[test]
fn answers_of_prometheus_are_metrics_of_pods() {
    let series = |container: &str, value: &str| {
        json!({
            "metric": { "namespace": "shop", "pod": "web", "container": container }, "value": [1_795_761_600.1, value],
        })
    };
    let answer = |series: &[Value]| {
        json!({ "status": "success", "data": { "resultType": "vector", "result": series } }).to_string()
    };
    let cpu = answer(&[series("a", "0.12345"), series("b", "NaN")]);
    let memory = answer(&[series("a", "41943040"), series("b", "1.5e6")]);
    let at = "2026-11-27T06:40:00Z".parse().unwrap();
    let found = prometheus::metrics(cpu.as_bytes(), memory.as_bytes(), at).unwrap();
    let [pod] = &found[..] else { panic!("{found:?}") };
    assert_eq!((pod.metadata.name.as_deref(), pod.timestamp), (Some("web"), Some(at)));
    let amounts: Vec<Resources> =
        pod.containers.iter().map(|container| Resources::read(&container.usage)).collect();
    // The container without CPU is partial, and so is its pod.
    let amounts: Vec<_> = amounts.iter().map(|found| (found.cpu, found.memory)).collect();
    assert_eq!(amounts, [(124, 41_943_040), (0, 1_500_000)]);
    assert!(!pod.containers[1].usage.contains_key("cpu"));
}

#[test]
fn what_prometheus_refuses_is_said() {
    let refused = br#"{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}"#;
    let at = "2026-11-27T06:40:00Z".parse().unwrap();
    for (answer, words) in
        [(&refused[..], "too many samples"), (b"<html>", "not one of Prometheus"), (b"{}", "no data")]
    {
        let error = prometheus::metrics(answer, answer, at).unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn queries_name_days_and_containers() {
    let [cpu, memory] = prometheus::queries(3);
    assert!(cpu.starts_with("quantile_over_time(0.95, ") && cpu.ends_with("[3d:5m])"), "{cpu}");
    assert!(memory.starts_with("max_over_time(") && memory.contains("working_set"), "{memory}");
}
