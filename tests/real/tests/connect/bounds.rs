//! What the namespace takes of the cluster at most, whatever its Deployments say.

use anyhow::{Context, Result, ensure};
use cast_spot_real::{clock::eventually, lab::PATIENCE, stack::Stack};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{PersistentVolumeClaim, Pod},
};
use kube::{
    Api, Error,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::situation::{AGENT, SIZING, Situation};

/// Pods that the namespace may have.
const PODS: usize = 4;

/// The template of a pod that the Pod Security Standard admits, anywhere in the cluster.
fn template(cpu: &str, more: &Value) -> Value {
    let size = json!({ "cpu": cpu });
    let container = json!({
        "name": "agent",
        "image": "registry.example.com/any:1",
        "resources": { "requests": size, "limits": size },
    });
    let mut pod = json!({ "tolerations": [{ "operator": "Exists" }], "containers": [container] });
    for (field, value) in more.as_object().into_iter().flatten() {
        pod[field] = value.clone();
    }
    json!({ "spec": { "template": { "spec": pod } } })
}

fn thousand() -> Value {
    json!({ "spec": { "replicas": 1000 } })
}

async fn patch(situation: &Situation<'_>, account: &str, body: &Value) -> Result<Result<Deployment, Error>> {
    let own = Api::<Deployment>::namespaced(situation.client_of(account).await?, AGENT);
    Ok(own.patch(AGENT, &PatchParams::default(), &Patch::Strategic(body)).await)
}

/// Waits until the API server has refused a pod for a reason with `word`. Meanwhile there are never too many.
async fn refused(situation: &Situation<'_>, word: &str) -> Result<()> {
    let sets: Api<ReplicaSet> = Api::namespaced(situation.stack.kube.clone(), AGENT);
    eventually(&format!("a pod is refused: {word}"), PATIENCE, async || {
        let all = pods(situation).await?;
        ensure!(all.len() <= PODS, "{} pods", all.len());
        let sets = sets.list(&ListParams::default()).await?;
        let conditions = sets.items.into_iter().filter_map(|set| set.status?.conditions).flatten();
        let messages: Vec<_> = conditions.filter_map(|condition| condition.message).collect();
        Ok(messages.iter().any(|message| message.contains(word)).then_some(()))
    })
    .await
}

async fn pods(situation: &Situation<'_>) -> Result<Vec<Value>> {
    let pods: Api<Pod> = Api::namespaced(situation.stack.kube.clone(), AGENT);
    let pods = pods.list(&ListParams::default()).await?;
    pods.items.into_iter().map(|pod| Ok(serde_json::to_value(pod)?)).collect()
}

pub(crate) async fn a_patched_agent_takes_no_more_than_the_quota(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    situation.node().await?;
    situation.status(0).await?;

    // The agent's own token may not even begin.
    match patch(&situation, AGENT, &thousand()).await? {
        Err(Error::Api(status)) if status.code == 403 => {}
        other => anyhow::bail!("the agent patches its Deployment: {other:?}"),
    }
    // Who gets into the sizing may patch, but no container is that large, ...
    patch(&situation, SIZING, &template("2", &json!({}))).await??;
    refused(&situation, "maximum cpu usage per Container").await?;
    // ... and small ones are few, of whatever priority.
    let class = "system-node-critical";
    patch(&situation, SIZING, &template("1m", &json!({ "priorityClassName": class }))).await??;
    eventually(&format!("a pod of {class} runs"), PATIENCE, async || {
        let is_small =
            |pod: &Value| pod["spec"]["priorityClassName"] == class && pod["status"]["phase"] == "Running";
        Ok(pods(&situation).await?.iter().any(is_small).then_some(()))
    })
    .await?;
    patch(&situation, SIZING, &thousand()).await??;
    refused(&situation, "exceeded quota").await?;
    // The next run takes it all back.
    situation.connect(&[]).await?.expect(0)?;
    situation.status(0).await?;
    situation.end().await
}

pub(crate) async fn pods_are_born_with_limits_and_claim_no_volume(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    situation.node().await?;
    situation.status(0).await?;
    for pod in pods(&situation).await? {
        let resources = &pod["spec"]["containers"][0]["resources"];
        for kind in ["requests", "limits"] {
            for what in ["cpu", "memory"] {
                ensure!(resources[kind][what].is_string(), "{kind}.{what} of {}", pod["metadata"]["name"]);
            }
        }
    }
    let volume = json!({ "volumes": [{ "name": "disk", "ephemeral": { "volumeClaimTemplate": { "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Ti" } },
    } } } }] });
    patch(&situation, SIZING, &template("1m", &volume)).await??;
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(stack.kube.clone(), AGENT);
    let events: Api<k8s_openapi::api::core::v1::Event> = Api::namespaced(stack.kube.clone(), AGENT);
    eventually("a claim is refused", PATIENCE, async || {
        let all = events.list(&ListParams::default()).await?;
        let is_about_claims = |event: &k8s_openapi::api::core::v1::Event| {
            event.message.as_deref().is_some_and(|text| text.contains("persistentvolumeclaims"))
        };
        Ok(all.items.iter().any(is_about_claims).then_some(()))
    })
    .await?;
    ensure!(claims.list(&ListParams::default()).await?.items.is_empty(), "a claim is there");
    situation.connect(&[]).await.context("repaired")?.expect(0)?;
    situation.end().await
}
