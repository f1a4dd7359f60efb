//! A ValidatingAdmissionPolicy that refuses updates of one scenario's nodes to the handler.

use anyhow::Result;
use cast_spot_real::{
    clock::eventually,
    cloud::LAB,
    lab::{Lab, PATIENCE},
    stack::{HANDLER_GROUP, HANDLER_USER},
};
use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    core::v1::Node,
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

/// Refuses what `allowed`, a CEL expression, does not allow. Returns when the policy is in force, tested with
/// `refused`, a merge patch of a node that the policies of cast-spot allow: of two refusals the API server names either.
pub(crate) async fn allow_only(
    lab: &Lab<'_>,
    allowed: &str,
    reason: &str,
    words: &str,
    refused: &Value,
) -> Result<()> {
    let policy: ValidatingAdmissionPolicy = serde_json::from_value(json!({
        "metadata": { "name": lab.name },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "objectSelector": { "matchLabels": { (LAB): lab.name } },
                "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "resources": ["nodes"], "operations": ["UPDATE"],
                }],
            },
            "matchConditions": [{
                "name": "handler", "expression": format!("'{HANDLER_GROUP}' in request.userInfo.groups"),
            }],
            "validations": [{ "expression": allowed, "message": words, "reason": reason }],
        },
    }))?;
    let binding: ValidatingAdmissionPolicyBinding = serde_json::from_value(json!({
        "metadata": { "name": lab.name },
        "spec": { "policyName": lab.name, "validationActions": ["Deny"] },
    }))?;
    Api::all(lab.stack.kube.clone()).create(&PostParams::default(), &policy).await?;
    Api::all(lab.stack.kube.clone()).create(&PostParams::default(), &binding).await?;

    let handler = lab.stack.control_plane.client_as(HANDLER_USER, &[HANDLER_GROUP])?;
    let nodes: Api<Node> = Api::all(handler);
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    eventually("the policy is in force", PATIENCE, async || {
        let answer = nodes.patch(&lab.victim().node, &dry, &Patch::Merge(refused)).await;
        Ok(answer.is_err_and(|error| error.to_string().contains(words)).then_some(()))
    })
    .await
}
