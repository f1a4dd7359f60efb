//! Existing agents, in the form of 2022: foreign ones, or installed by an older release of ours.

use anyhow::{Context, Result, ensure};
use cast_spot_real::{clock::eventually, lab::PATIENCE, stack::Stack};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{LimitRange, ResourceQuota, Secret, ServiceAccount},
    networking::v1::NetworkPolicy,
    rbac::v1::{ClusterRoleBinding, Role, RoleBinding},
};
use kube::{
    Api, Resource as _,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

use crate::situation::{AGENT, SIZING, Situation};

/// The objects of 2022.
const OLDER: &str = include_str!("older.yaml");

/// Differences from the file.
struct Older<'a> {
    manager: &'a str,
    managed_by: &'a str,
    selector: Value,
}

impl Older<'_> {
    async fn install(&self, stack: &Stack) -> Result<()> {
        let objects: Vec<Value> = serde_saphyr::from_multiple(OLDER)?;
        for mut object in objects {
            object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!(self.managed_by);
            if object["kind"] == "Deployment" {
                object["spec"]["selector"]["matchLabels"] = self.selector.clone();
                object["spec"]["template"]["metadata"]["labels"] = self.selector.clone();
            }
            let object: DynamicObject = serde_json::from_value(object)?;
            let kind = object.types.as_ref().context("a kind")?;
            let kind = ApiResource::from_gvk(&GroupVersionKind::try_from(kind)?);
            let kube = stack.kube.clone();
            let api: Api<DynamicObject> = match object.meta().namespace.as_deref() {
                Some(namespace) => Api::namespaced_with(kube, namespace, &kind),
                None => Api::all_with(kube, &kind),
            };
            let name = object.meta().name.clone().context("a name")?;
            api.patch(&name, &PatchParams::apply(self.manager), &Patch::Apply(&object)).await?;
        }
        Ok(())
    }
}

fn with_instance() -> Value {
    json!({ "app.kubernetes.io/name": AGENT, "app.kubernetes.io/instance": "castai-agent" })
}

async fn agent(situation: &Situation<'_>) -> Result<Value> {
    Ok(serde_json::to_value(situation.deployments().get(AGENT).await?)?)
}

/// Asserts that the agent equals a new one, and returns it.
async fn is_new(situation: &Situation<'_>) -> Result<Value> {
    situation.plan().await?.expect(0)?;
    let agent = agent(situation).await?;
    let containers = agent["spec"]["template"]["spec"]["containers"].as_array().context("containers")?;
    ensure!(containers.len() == 1 && containers[0]["name"] == "agent", "{containers:?}");
    ensure!(
        agent["spec"]["selector"]["matchLabels"] == json!({ "app.kubernetes.io/name": AGENT }),
        "{agent}"
    );
    let volumes = &agent["spec"]["template"]["spec"]["volumes"];
    ensure!(volumes.as_array().is_none_or(Vec::is_empty), "{volumes}");
    situation.node().await?;
    situation.status(0).await?;
    Ok(agent)
}

pub(crate) async fn a_foreign_agent_of_2022_is_a_conflict_until_adopted(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    Older { manager: "kubectl", managed_by: "castai", selector: with_instance() }.install(stack).await?;
    let before = agent(&situation).await?;
    let refused = situation.connect(&[]).await?.expect(3)?;
    ensure!(
        refused.out.contains("CONFLICT Deployment         castai-agent/castai-agent\n"),
        "{}",
        refused.out
    );
    ensure!(refused.out.contains("--adopt"), "{}", refused.out);
    ensure!(agent(&situation).await?["metadata"]["uid"] == before["metadata"]["uid"], "it was written");
    let none = situation.run(&["disconnect", "--dry-run"]).await?.expect(0)?;
    ensure!(none.out.contains("nothing of cast-spot's agent is here"), "{}", none.out);

    let adopted = situation.connect(&["--adopt"]).await?.expect(0)?;
    ensure!(
        adopted.out.contains("-/+ replace  Deployment         castai-agent/castai-agent\n"),
        "{}",
        adopted.out
    );
    is_new(&situation).await?;
    situation.end().await
}

pub(crate) async fn an_adopted_agent_is_recreated_even_with_our_selector(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let selector = json!({ "app.kubernetes.io/name": AGENT });
    Older { manager: "helm", managed_by: "Helm", selector }.install(stack).await?;
    let before = agent(&situation).await?;
    let adopted = situation.connect(&["--adopt"]).await?.expect(0)?;
    ensure!(adopted.out.contains("fields that it set would stay"), "{}", adopted.out);
    let after = is_new(&situation).await?;
    ensure!(after["metadata"]["uid"] != before["metadata"]["uid"], "it is the same");
    situation.end().await
}

pub(crate) async fn our_older_agent_with_another_selector_is_recreated(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    Older { manager: "cast-spot", managed_by: "cast-spot", selector: with_instance() }.install(stack).await?;
    let before = agent(&situation).await?;
    let renewed = situation.connect(&[]).await?.expect(0)?;
    ensure!(renewed.out.contains("spec.selector cannot be changed"), "{}", renewed.out);
    let after = is_new(&situation).await?;
    ensure!(after["metadata"]["uid"] != before["metadata"]["uid"], "it is the same");
    situation.end().await
}

/// Makes of the agent one of the release in which the sizing had no account, and the Secret kept no choices.
async fn as_before_the_sizing_had_an_account(situation: &Situation<'_>) -> Result<()> {
    let kube = || situation.stack.kube.clone();
    for name in ["castai-agent", "castai-agent-critical-pods"] {
        Api::<ResourceQuota>::namespaced(kube(), AGENT).delete(name, &DeleteParams::default()).await?;
    }
    Api::<LimitRange>::namespaced(kube(), AGENT).delete(AGENT, &DeleteParams::default()).await?;
    Api::<NetworkPolicy>::namespaced(kube(), AGENT).delete(AGENT, &DeleteParams::default()).await?;
    Api::<ClusterRoleBinding>::all(kube()).delete(SIZING, &DeleteParams::default()).await?;
    Api::<RoleBinding>::namespaced(kube(), AGENT).delete(SIZING, &DeleteParams::default()).await?;
    Api::<ServiceAccount>::namespaced(kube(), AGENT).delete(SIZING, &DeleteParams::default()).await?;
    let params = PatchParams::default();
    let none = json!({ "metadata": { "annotations": { "cast-spot/connect": null } } });
    Api::<Secret>::namespaced(kube(), AGENT).patch(AGENT, &params, &Patch::Merge(none)).await?;
    let roles = Api::<Role>::namespaced(kube(), AGENT);
    let mut wider = serde_json::to_value(roles.get(AGENT).await?.rules)?;
    let own = json!({ "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": [AGENT], "verbs": ["patch"] });
    wider.as_array_mut().context("rules")?.push(own);
    roles.patch(AGENT, &params, &Patch::Merge(json!({ "rules": wider }))).await?;
    let profiled = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "agent", "env": [{ "name": "PPROF_PORT", "value": "6060" }] },
    ] } } } });
    situation.deployments().patch(AGENT, &params, &Patch::Strategic(profiled)).await?;
    let shared = json!({ "spec": { "template": { "spec": { "serviceAccountName": AGENT } } } });
    situation.deployments().patch(SIZING, &params, &Patch::Strategic(shared)).await?;
    Ok(())
}

pub(crate) async fn our_agent_whose_sizing_had_no_account_is_moved(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    as_before_the_sizing_had_an_account(&situation).await?;
    let tokenless = situation.with("CAST_SPOT_AGENT_TOKEN", "");
    let planned = tokenless.run(&["connect", "--dry-run"]).await?.expect(10)?;
    for words in [
        "create   ResourceQuota      castai-agent/castai-agent",
        "create   ServiceAccount     castai-agent/castai-agent-cpvpa",
        "change   Role               castai-agent/castai-agent",
        "env[PPROF_PORT]",
        "serviceAccountName: castai-agent -> castai-agent-cpvpa",
    ] {
        ensure!(planned.out.contains(words), "{words}\n{}", planned.out);
    }
    tokenless.run(&["connect", "--yes"]).await?.expect(0)?;
    is_new(&situation).await?;
    let agent = Api::<Deployment>::namespaced(situation.client_of(AGENT).await?, AGENT);
    eventually("the agent may not patch its Deployment", PATIENCE, async || {
        let scale = json!({ "spec": { "replicas": 1 } });
        let patched = agent.patch(AGENT, &PatchParams::default(), &Patch::Merge(scale)).await;
        Ok(matches!(patched, Err(kube::Error::Api(status)) if status.code == 403).then_some(()))
    })
    .await?;
    situation.end().await
}
