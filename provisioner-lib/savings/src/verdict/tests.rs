//! Each blocker alone, over objects as the API server gives them.

use serde_json::{Value, from_value, json};

use super::*;

/// A Deployment `web` of so many replicas, all of whose pods have this spec.
fn deployment(replicas: usize, spec: &Value) -> Value {
    let pods = (0..replicas).map(|index| {
        json!({
            "metadata": {
                "name": format!("web-7d9f-{index}"), "namespace": "shop",
                "labels": { "app": "web", "pod-template-hash": "7d9f" },
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9f", "uid": "1", "controller": true }],
            },
            "spec": spec,
            "status": { "phase": "Running" },
        })
    });
    json!({
        "pods": pods.collect::<Vec<_>>(),
        "deployments": [{ "metadata": { "name": "web", "namespace": "shop" }, "spec": { "replicas": replicas, "selector": {}, "template": {} } }],
        "replicaSets": [{ "metadata": {
            "name": "web-7d9f", "namespace": "shop",
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "2", "controller": true }],
        }}],
    })
}

fn plain() -> Value {
    json!({ "containers": [{ "name": "c", "resources": { "requests": { "cpu": "1", "memory": "1Gi" } } }] })
}

fn with(field: &str, value: Value) -> Value {
    let mut spec = plain();
    spec[field] = value;
    spec
}

fn judged(cluster: Value) -> Judged {
    let snapshot: Snapshot = from_value(cluster).unwrap();
    let mut all = judge(&snapshot, &BTreeMap::new(), &Choices::default());
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn budget(name: &str, demands: Value) -> Value {
    let mut spec = demands;
    spec["selector"] = json!({ "matchLabels": { "app": "web" } });
    json!({ "metadata": { "name": name, "namespace": "shop" }, "spec": spec })
}

fn with_budgets(replicas: usize, budgets: Vec<Value>) -> Value {
    let mut cluster = deployment(replicas, &plain());
    cluster["podDisruptionBudgets"] = budgets.into();
    cluster
}

#[test]
fn two_replicas_of_a_deployment_tolerate_spot() {
    let web = judged(deployment(2, &plain()));
    assert_eq!(web.market, Some(Market::Spot));
    assert_eq!((web.owned.kind, web.owned.name.as_str()), (Kind::Deployment, "web"));
    assert_eq!(web.reasons, [Reason::new("replicas", "2 replicas of a Deployment")]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_blocker_is_named() {
    let annotated = |name: &str, value: &str| {
        let mut cluster = deployment(2, &plain());
        cluster["pods"][1]["metadata"]["annotations"] = json!({ name: value });
        cluster
    };
    let owned_by = |kind: &str| {
        let mut cluster = deployment(2, &plain());
        for pod in cluster["pods"].as_array_mut().unwrap() {
            pod["metadata"]["ownerReferences"][0]["kind"] = kind.into();
        }
        cluster
    };
    let mut bare = deployment(1, &plain());
    bare["pods"][0]["metadata"]["ownerReferences"] = json!([]);
    let mut local = deployment(
        2,
        &with("volumes", json!([{ "name": "d", "persistentVolumeClaim": { "claimName": "d" } }])),
    );
    local["persistentVolumeClaims"] =
        json!([{ "metadata": { "name": "d", "namespace": "shop" }, "spec": { "volumeName": "disk-1" } }]);
    local["persistentVolumes"] =
        json!([{ "metadata": { "name": "disk-1" }, "spec": { "local": { "path": "/mnt" } } }]);
    for (case, cluster, code, words) in [
        ("one replica", deployment(1, &plain()), "replicas", "1 replica"),
        ("a StatefulSet", owned_by("StatefulSet"), "kind", "StatefulSet"),
        ("a Job", owned_by("Job"), "kind", "work is lost"),
        ("a foreign controller", owned_by("SparkApplication"), "kind", "SparkApplication"),
        ("a bare pod", bare, "kind", "no controller"),
        (
            "Cluster Autoscaler's annotation",
            annotated("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
            "annotation",
            "safe-to-evict: false",
        ),
        ("Karpenter's", annotated("karpenter.sh/do-not-disrupt", "true"), "annotation", "do-not-disrupt"),
        (
            "a disk of the node",
            deployment(2, &with("volumes", json!([{ "name": "l", "hostPath": { "path": "/var/log" } }]))),
            "local-storage",
            "/var/log",
        ),
        ("a local volume", local, "local-storage", "disk-1"),
        (
            "maxUnavailable 0",
            with_budgets(3, vec![budget("web", json!({ "maxUnavailable": 0 }))]),
            "budget",
            "web never allows",
        ),
        (
            "maxUnavailable 0 %",
            with_budgets(3, vec![budget("web", json!({ "maxUnavailable": "0%" }))]),
            "budget",
            "never",
        ),
        (
            "minAvailable of all",
            with_budgets(3, vec![budget("web", json!({ "minAvailable": 3 }))]),
            "budget",
            "never",
        ),
        (
            "minAvailable 67 % of 3",
            with_budgets(3, vec![budget("web", json!({ "minAvailable": "67%" }))]),
            "budget",
            "never",
        ),
        (
            "two budgets",
            with_budgets(
                3,
                vec![
                    budget("a", json!({ "maxUnavailable": 1 })),
                    budget("b", json!({ "maxUnavailable": 1 })),
                ],
            ),
            "budget",
            "a and b both",
        ),
        (
            "a named node",
            deployment(2, &with("nodeSelector", json!({ "kubernetes.io/hostname": "ip-1" }))),
            "affinity",
            "the node ip-1",
        ),
        (
            "On-Demand by selector",
            deployment(2, &with("nodeSelector", json!({ "eks.amazonaws.com/capacityType": "ON_DEMAND" }))),
            "affinity",
            "requires On-Demand",
        ),
        (
            "anything but Spot",
            deployment(
                2,
                &with(
                    "affinity",
                    json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "karpenter.sh/capacity-type", "operator": "NotIn", "values": ["spot"] }] }],
                    }}}),
                ),
            ),
            "affinity",
            "karpenter.sh/capacity-type",
        ),
    ] {
        let judged = judged(cluster);
        assert_eq!(judged.market, Some(Market::OnDemand), "{case}");
        assert_eq!(judged.reasons[0].code, code, "{case}: {:?}", judged.reasons);
        assert!(judged.reasons[0].text.contains(words), "{case}: {:?}", judged.reasons);
    }
}

#[test]
fn other_constraints_do_not_block_spot() {
    let mut elsewhere = with_budgets(2, vec![budget("web", json!({ "maxUnavailable": 0 }))]);
    elsewhere["podDisruptionBudgets"][0]["metadata"]["namespace"] = "other".into();
    let mut safe = deployment(2, &plain());
    safe["pods"][0]["metadata"]["annotations"] =
        json!({ "cluster-autoscaler.kubernetes.io/safe-to-evict": "true" });
    for (case, cluster) in [
        ("a budget with room", with_budgets(3, vec![budget("web", json!({ "maxUnavailable": 1 }))])),
        ("minAvailable 66 % of 3", with_budgets(3, vec![budget("web", json!({ "minAvailable": "66%" }))])),
        (
            "1 % of 2 may go, rounded up",
            with_budgets(2, vec![budget("web", json!({ "maxUnavailable": "1%" }))]),
        ),
        ("a budget of another namespace", elsewhere),
        ("safe to evict", safe),
        ("scratch space", deployment(2, &with("volumes", json!([{ "name": "t", "emptyDir": {} }])))),
        ("another selector", deployment(2, &with("nodeSelector", json!({ "pool": "general" })))),
    ] {
        let judged = judged(cluster);
        assert_eq!(judged.market, Some(Market::Spot), "{case}: {:?}", judged.reasons);
    }
}

#[test]
fn all_blockers_are_listed() {
    let mut cluster = deployment(1, &with("volumes", json!([{ "name": "l", "hostPath": { "path": "/x" } }])));
    cluster["podDisruptionBudgets"] = json!([budget("web", json!({ "minAvailable": 1 }))]);
    let codes: Vec<_> = judged(cluster).reasons.into_iter().map(|reason| reason.code).collect();
    assert_eq!(codes, ["replicas", "budget", "local-storage"]);
}

#[test]
fn required_spot_overrules_all_blockers() {
    let spot = json!({ "eks.amazonaws.com/capacityType": "SPOT" });
    let judged = judged(deployment(1, &with("nodeSelector", spot)));
    assert_eq!((judged.market, judged.is_pinned), (Some(Market::Spot), true));
}

#[test]
fn affinity_to_an_on_demand_pod_keeps_on_demand() {
    let near = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "db" } } },
    ]}});
    let mut cluster = deployment(2, &with("affinity", near));
    let mut db = cluster["pods"][0].clone();
    db["metadata"] = json!({
        "name": "db-0", "namespace": "shop", "labels": { "app": "db" },
        "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "3", "controller": true }],
    });
    db["spec"] = plain();
    cluster["pods"].as_array_mut().unwrap().push(db.clone());
    let all = judge(&from_value(cluster.clone()).unwrap(), &BTreeMap::new(), &Choices::default());
    let web = all.iter().find(|judged| judged.owned.name == "web").unwrap();
    assert_eq!(web.market, Some(Market::OnDemand));
    assert!(web.reasons[0].text.contains("same node as db"), "{:?}", web.reasons);
    // In the zone of it is far enough.
    for pod in cluster["pods"].as_array_mut().unwrap() {
        let terms =
            &mut pod["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        if terms.is_array() {
            terms[0]["topologyKey"] = "topology.kubernetes.io/zone".into();
        }
    }
    let all = judge(&from_value(cluster).unwrap(), &BTreeMap::new(), &Choices::default());
    let web = all.iter().find(|judged| judged.owned.name == "web").unwrap();
    assert_eq!(web.market, Some(Market::Spot));
}

#[test]
fn the_template_hash_names_the_deployment() {
    let mut cluster = deployment(2, &plain());
    cluster["replicaSets"] = json!([]);
    let judged = judged(cluster);
    assert_eq!((judged.owned.kind, judged.owned.name.as_str()), (Kind::Deployment, "web"));
}

#[test]
fn risks_of_a_notice_are_cautions() {
    let mut spec = with("terminationGracePeriodSeconds", 600.into());
    spec["volumes"] = json!([{ "name": "t", "emptyDir": {} }]);
    spec["containers"] = json!([{ "name": "c" }]);
    let codes: Vec<_> = judged(deployment(2, &spec)).cautions.into_iter().map(|reason| reason.code).collect();
    assert_eq!(codes, ["grace", "spread", "empty-dir", "requests"]);
    let spread = json!([{ "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway" }]);
    assert_eq!(judged(deployment(2, &with("topologySpreadConstraints", spread))).cautions, []);
}

#[test]
fn daemon_and_static_pods_have_no_market() {
    let mut cluster = deployment(1, &plain());
    cluster["pods"][0]["metadata"]["ownerReferences"][0]["kind"] = "DaemonSet".into();
    assert_eq!(judged(cluster.clone()).market, None);
    cluster["pods"][0]["metadata"]["annotations"] = json!({ "kubernetes.io/config.mirror": "x" });
    let judged = judged(cluster);
    assert_eq!((judged.market, judged.owned.kind), (None, Kind::StaticPod));
}

#[test]
fn objects_without_a_namespace_are_of_the_default_one() {
    let mut cluster = with_budgets(2, vec![budget("web", json!({ "maxUnavailable": 0 }))]);
    cluster["deployments"][0]["spec"]["replicas"] = 3.into();
    for kind in ["pods", "deployments", "replicaSets", "podDisruptionBudgets"] {
        for object in cluster[kind].as_array_mut().unwrap() {
            object["metadata"]["namespace"] = Value::Null;
        }
    }
    let web = judged(cluster);
    assert_eq!((web.owned.replicas, web.reasons[0].code), (3, "budget"), "{:?}", web.reasons);
}
