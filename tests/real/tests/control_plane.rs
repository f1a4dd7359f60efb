//! The control plane by itself: the assumptions of all other tests.

use std::{env, fs, process, time::Duration};

use anyhow::{Context, Result, ensure};
use cast_spot_real::{
    clock::{eventually, now},
    control_plane::ControlPlane,
    tools::Tools,
};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api,
    api::{EvictParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, from_value, json};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
#[ignore = "needs the programs that `cargo xtask` sets up"]
async fn pods_run_are_evicted_and_outlive_a_restart_of_the_api_server() -> Result<()> {
    let folder = env::temp_dir().join(format!("cast-spot-control-plane-{}", process::id()));
    let begun = Instant::now();
    let mut control_plane = ControlPlane::start(&Tools::from_environment()?, &folder, None).await?;
    println!("ready after {:?}", begun.elapsed());
    let client = control_plane.client()?;
    let (nodes, pods) = (Api::<Node>::all(client.clone()), Api::<Pod>::default_namespaced(client));

    let node = json!({"metadata": {"name": "node-1"}, "spec": {"providerID": "aws:///eu-central-1a/i-1"}});
    nodes.create(&PostParams::default(), &from_value(node)?).await?;
    let delay = "pod-delete.stage.kwok.x-k8s.io/delay";
    for (name, annotations) in [
        ("plain", json!({})),
        ("quick", json!({delay: "2s"})),
        ("unready", json!({"cast-spot.test/unready": "true"})),
        ("late", json!({"pod-ready.stage.kwok.x-k8s.io/delay": "3s"})),
    ] {
        pods.create(&PostParams::default(), &pod(name, &annotations)?).await?;
    }
    until_ready(&pods, "plain").await?;
    until_ready(&pods, "quick").await?;
    ensure!(condition(&pods.get("unready").await?, "Ready") == Some("False"), "an unready pod is Ready");
    ensure!(condition(&pods.get("late").await?, "Ready") != Some("True"), "a late pod is Ready at once");
    until_ready(&pods, "late").await?;

    let evicted = now();
    evict(&pods, "plain").await?;
    evict(&pods, "quick").await?;
    let (quick, plain) = tokio::try_join!(until_ended(&pods, "quick"), until_ended(&pods, "plain"))?;
    println!("ended after {quick:?} (2 s of its own), {plain:?} (5 s of grace)");
    // Up to one second of grace is lost, because the API server counts whole ones.
    ensure!(quick < plain && plain > Duration::from_secs(3), "{quick:?}, {plain:?}");

    control_plane.restart_api_server(Duration::from_secs(1)).await?;
    let begun = Instant::now();
    let labels = json!({"metadata": {"labels": {"cast-spot.test/not-ready": "true"}}});
    nodes.patch("node-1", &PatchParams::default(), &Patch::Merge(labels)).await?;
    pods.create(&PostParams::default(), &pod("after", &json!({}))?).await?;
    eventually("NotReady by its label", PATIENCE, async || {
        let status = nodes.get("node-1").await?.status.context("status")?;
        let ready = status.conditions.unwrap_or_default().into_iter().find(|found| found.type_ == "Ready");
        Ok(ready.filter(|found| found.status == "False"))
    })
    .await?;
    let labels = json!({"metadata": {"labels": {"cast-spot.test/not-ready": null}}});
    nodes.patch("node-1", &PatchParams::default(), &Patch::Merge(labels)).await?;
    until_ready(&pods, "after").await?;
    println!("all at work {:?} after the restart", begun.elapsed());

    let entries = control_plane.audit().of_user("admin")?;
    let evictions: Vec<_> =
        entries.iter().filter(|entry| entry.subresource.as_deref() == Some("eviction")).collect();
    ensure!(evictions.len() == 2, "evictions in the audit log: {evictions:?}");
    for eviction in evictions {
        let body = eviction.body.as_ref().and_then(|body| body["kind"].as_str());
        ensure!(body == Some("Eviction") && eviction.code == 201, "{eviction:?}");
        ensure!(eviction.received >= evicted && eviction.completed >= eviction.received, "{eviction:?}");
        ensure!(eviction.groups.iter().any(|group| group == "system:masters"), "{eviction:?}");
    }
    let last = entries.iter().rfind(|entry| entry.verb == "patch").context("the patch after the restart")?;
    ensure!(last.name.as_deref() == Some("node-1") && last.resource == "nodes", "{last:?}");

    let begun = Instant::now();
    control_plane.stop();
    println!("stopped after {:?}", begun.elapsed());
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn pod(name: &str, annotations: &Value) -> Result<Pod> {
    Ok(from_value(json!({
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "terminationGracePeriodSeconds": 5,
            "containers": [{"name": "main", "image": "example"}],
            // A node that has just become Ready is still tainted for a moment.
            "tolerations": [{"operator": "Exists"}],
        },
    }))?)
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a str> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|found| found.type_ == kind).map(|found| found.status.as_str())
}

async fn until_ready(pods: &Api<Pod>, name: &str) -> Result<()> {
    eventually("Ready", PATIENCE, async || {
        let ready = condition(&pods.get(name).await?, "Ready") == Some("True");
        Ok(ready.then_some(()))
    })
    .await
    .with_context(|| name.to_owned())
}

async fn evict(pods: &Api<Pod>, name: &str) -> Result<()> {
    pods.evict(name, &EvictParams::default()).await?;
    let pod = pods.get(name).await?;
    ensure!(condition(&pod, "DisruptionTarget") == Some("True"), "{name} is not marked as evicted");
    Ok(())
}

async fn until_ended(pods: &Api<Pod>, name: &str) -> Result<Duration> {
    let begun = Instant::now();
    eventually("the pod has ended", PATIENCE, async || Ok(pods.get_opt(name).await?.is_none().then_some(())))
        .await?;
    Ok(begun.elapsed())
}
