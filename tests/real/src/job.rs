//! A finished Job, whose pod is not to be drained.

use anyhow::Result;
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;

use crate::{
    clock::eventually,
    cloud,
    lab::{Lab, PATIENCE, phase},
};

/// Runs the Job on a node of the scenario; returns when its pod has finished.
pub async fn run_to_its_end(lab: &Lab<'_>, name: &str) -> Result<()> {
    let template = json!({
        "metadata": { "labels": { "app": name } },
        "spec": {
            "restartPolicy": "Never",
            "nodeSelector": { cloud::LAB: lab.name },
            "containers": [{ "name": "main", "image": "registry.k8s.io/pause:3.10" }],
        },
    });
    lab.create::<Job>(json!({ "metadata": { "name": name }, "spec": { "template": template } })).await?;
    eventually(&format!("{name} has finished"), PATIENCE, async || {
        Ok(lab.pods_of(name).await?.iter().any(|pod| phase(pod) == "Succeeded").then_some(()))
    })
    .await
}
