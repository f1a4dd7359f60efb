//! From a cluster without an agent to one that runs, and back.

use anyhow::{Result, ensure};
use cast_spot_real::{clock::eventually, emulators::ACCOUNT, lab::PATIENCE, stack::Stack};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    attempts,
    situation::{AGENT, SIZING, Situation},
};

pub(crate) async fn a_cluster_is_connected_and_disconnected_without_a_trace(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let none = situation.run(&["status", "--agent"]).await?.expect(1)?;
    ensure!(none.err.contains("cast-spot connect"), "{none:?}");
    let planned = situation.plan().await?.expect(10)?;
    ensure!(planned.out.contains("Plan: 19 to create"), "{}", planned.out);

    situation.connect(&["--label", "team=platform"]).await?.expect(0)?;
    let waiting = situation.status(1).await?;
    ensure!(waiting.out.contains("0 of 1 pods available"), "{}", waiting.out);
    let waiting = eventually("the scheduler has reported a reason", PATIENCE, async || {
        let status = situation.run(&["status", "--agent"]).await?;
        Ok(status.out.contains("Unschedulable").then_some(status))
    })
    .await?;
    ensure!(waiting.out.contains("the agent does not run"), "{}", waiting.out);
    situation.node().await?;
    let good = situation.status(0).await?;
    ensure!(good.out.contains("all 19 objects are as they should be"), "{}", good.out);

    let again = situation.connect(&["--json"]).await?.expect(0)?.json()?;
    ensure!(again["complete"] == true && again["written"] == 0, "{again}");
    // Neither the token nor the account is needed again.
    let bare = situation.with("CAST_SPOT_AGENT_TOKEN", "").run(&["connect", "--yes"]).await?.expect(0)?;
    ensure!(bare.out.contains("Nothing to do"), "{}", bare.out);
    situation.end().await?;
    let nothing = situation.run(&["disconnect", "--dry-run"]).await?.expect(0)?;
    ensure!(nothing.out.contains("nothing of cast-spot's agent is here"), "{}", nothing.out);
    Ok(())
}

pub(crate) async fn drift_is_shown_and_repaired_and_autosizing_is_not_drift(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&["--annotation", "example.com/a=1"]).await?.expect(0)?;
    let deployments = situation.deployments();

    // As the cluster-proportional-vertical-autoscaler does, with its identity.
    let sizing = situation.client_of(SIZING).await?;
    let size = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "agent", "resources": { "requests": { "memory": "512Mi" }, "limits": { "memory": "512Mi" } } },
    ] } } } });
    let own = Api::<k8s_openapi::api::apps::v1::Deployment>::namespaced(sizing, AGENT);
    own.patch(AGENT, &PatchParams::default(), &Patch::Strategic(&size)).await?;
    let same = situation.plan().await?.expect(0)?;
    ensure!(same.out.contains("Nothing to do"), "{}", same.out);

    let drift = json!({
        "metadata": { "annotations": { "theirs": "stays" } },
        "spec": { "replicas": 0, "template": { "spec": { "containers": [
            { "name": "agent", "image": "evil", "env": [{ "name": "EXTRA", "value": "1" }] },
            { "name": "second", "image": "evil" },
        ] } } },
    });
    deployments.patch(AGENT, &PatchParams::default(), &Patch::Strategic(&drift)).await?;
    let planned = situation.plan().await?.expect(10)?;
    for words in [
        "spec.replicas: 0 -> 1",
        "containers[agent].image: evil",
        "env[EXTRA]",
        "containers[second]",
        "Plan: 1 to change",
    ] {
        ensure!(planned.out.contains(words), "{words}\n{}", planned.out);
    }
    // A changed choice, and a reverted one.
    situation.connect(&["--annotation", "example.com/b=2"]).await?.expect(0)?;
    situation.plan().await?.expect(0)?;
    let mended: Value = serde_json::to_value(deployments.get(AGENT).await?)?;
    let container = &mended["spec"]["template"]["spec"]["containers"][0];
    ensure!(
        container["resources"]["limits"]["memory"] == "512Mi",
        "the memory set by the autosizing is lost: {container}"
    );
    let annotations = &mended["metadata"]["annotations"];
    ensure!(annotations["theirs"] == "stays" && annotations["example.com/b"] == "2", "{annotations}");
    ensure!(annotations["example.com/a"].is_null(), "{annotations}");
    situation.end().await
}

pub(crate) async fn two_at_once_end_as_one(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let (one, two) = tokio::try_join!(situation.connect(&[]), situation.connect(&[]))?;
    one.expect(0)?;
    two.expect(0)?;
    situation.plan().await?.expect(0)?;
    let (one, two) =
        tokio::try_join!(situation.run(&["disconnect", "--yes"]), situation.run(&["disconnect", "--yes"]))?;
    one.expect(0)?;
    two.expect(0)?;
    situation.end().await
}

pub(crate) async fn a_partial_connect_is_completed_or_removed(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    let secrets: Api<Secret> = Api::namespaced(stack.kube.clone(), AGENT);
    secrets.delete(AGENT, &DeleteParams::default()).await?;
    let planned = situation.plan().await?.expect(10)?;
    ensure!(planned.out.contains("Plan: 1 to create, 18 to keep"), "{}", planned.out);
    situation.connect(&[]).await?.expect(0)?;

    let namespaces: Api<Namespace> = Api::all(stack.kube.clone());
    namespaces.delete(AGENT, &DeleteParams::default()).await?;
    eventually("the namespace is deleted", PATIENCE, async || {
        Ok(namespaces.get_opt(AGENT).await?.is_none().then_some(()))
    })
    .await?;
    let left = situation.run(&["disconnect", "--dry-run"]).await?.expect(10)?;
    ensure!(left.out.contains("Plan: 4 to remove"), "{}", left.out);
    situation.end().await
}

pub(crate) async fn foreign_objects_keep_the_namespace(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    let maps: Api<ConfigMap> = Api::namespaced(stack.kube.clone(), AGENT);
    let theirs: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "theirs" } }))?;
    maps.create(&PostParams::default(), &theirs).await?;
    attempts::lease(&situation).await?;

    let kept = situation.run(&["disconnect", "--yes"]).await?.expect(1)?;
    ensure!(kept.err.contains("did not make: ConfigMap/theirs\n"), "{kept:?}");
    ensure!(maps.get_opt("theirs").await?.is_some(), "{kept:?}");
    let left = situation.deployments().list(&kube::api::ListParams::default()).await?;
    ensure!(left.items.is_empty(), "{left:?}");
    maps.delete("theirs", &DeleteParams::default()).await?;
    situation.end().await
}

pub(crate) async fn a_missing_right_is_reported_by_name(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    let agent = situation.as_agent().await?;
    let words = ["connect", "--account", ACCOUNT, "--dry-run"];
    let refused = agent.run(&words).await?.expect(4)?;
    ensure!(refused.err.contains("error: not allowed: get secrets: "), "{refused:?}");
    ensure!(refused.err.contains("hint: "), "{refused:?}");
    situation.end().await
}
