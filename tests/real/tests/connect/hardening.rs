//! Pod Security admission of the agent's pods.

use anyhow::{Context, Result, ensure};
use cast_spot_real::stack::Stack;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

use crate::situation::{AGENT, Situation};

const DEPLOYMENTS: [&str; 2] = [AGENT, "castai-agent-cpvpa"];

/// Loosened fields: pointer and value.
fn loosenings() -> Vec<(&'static str, Value)> {
    let container = "/spec/containers/0/securityContext";
    vec![
        (container, json!({})),
        (container, json!({ "privileged": true })),
        ("/spec/containers/0/securityContext/allowPrivilegeEscalation", json!(true)),
        ("/spec/containers/0/securityContext/capabilities", json!({ "add": ["NET_ADMIN"], "drop": ["ALL"] })),
        ("/spec/containers/0/securityContext/capabilities", json!({})),
        ("/spec/securityContext/runAsNonRoot", json!(false)),
        ("/spec/securityContext/runAsUser", json!(0)),
        ("/spec/securityContext/seccompProfile", json!({ "type": "Unconfined" })),
        ("/spec/hostNetwork", json!(true)),
        ("/spec/hostPID", json!(true)),
        ("/spec/volumes", json!([{ "name": "host", "hostPath": { "path": "/" } }])),
    ]
}

pub(crate) async fn the_pods_pass_the_restricted_standard_and_looser_ones_do_not(
    stack: &Stack,
) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    let pods: Api<Pod> = Api::namespaced(stack.kube.clone(), AGENT);
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    for name in DEPLOYMENTS {
        let deployment: Value = serde_json::to_value(situation.deployments().get(name).await?)?;
        let template = &deployment["spec"]["template"];
        let mut pod = json!({ "metadata": template["metadata"], "spec": template["spec"] });
        pod["metadata"]["name"] = json!("tried");
        let create = async |pod: &Value| -> Result<Result<Pod, kube::Error>> {
            Ok(pods.create(&dry_run, &serde_json::from_value(pod.clone())?).await)
        };
        create(&pod).await?.with_context(|| format!("{name} as it is"))?;
        for (place, value) in loosenings() {
            let mut looser = pod.clone();
            let (parent, field) = place.rsplit_once('/').context("a place")?;
            looser.pointer_mut(parent).with_context(|| format!("{name} has {parent}"))?[field] =
                value.clone();
            if place == "/spec/volumes" {
                // A mounted volume has to exist.
                looser["spec"]["containers"][0]["volumeMounts"] = json!([]);
            }
            match create(&looser).await? {
                Err(kube::Error::Api(status)) if status.code == 403 => ensure!(
                    status.message.contains("violates PodSecurity \"restricted:latest\""),
                    "{name} with {place} {value}: {status:?}"
                ),
                other => anyhow::bail!("{name} with {place} {value}: {other:?}"),
            }
        }
    }
    situation.end().await
}
