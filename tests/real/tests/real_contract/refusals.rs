//! Refusals of valid requests: RBAC, webhooks, policies. Each has a few probes of its own.

use anyhow::Result;
use cast_spot_real::lab::Lab;
use cast_spot_rehearsal::FaultKind;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::{Api, api::DeleteParams};
use serde_json::json;

use crate::{
    policy,
    probes::{Caller, Probe, about_everything, cordon, evict_kept},
    webhook::Webhook,
};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Refuser {
    /// RBAC grants the caller nothing.
    Rights,
    /// A validating webhook over evictions, and its status code.
    Webhook(u16),
    /// A ValidatingAdmissionPolicy over nodes.
    Policy,
}

/// All refusals, with their probes.
pub(crate) fn all() -> [(Refuser, Vec<Probe>); 4] {
    let denied =
        |code| vec![evict_kept("an eviction that a webhook denies").by(Caller::Handler).expect(code)];
    let patch = cordon("a patch that a policy refuses").by(Caller::Handler).expect(422);
    [
        (Refuser::Rights, about_everything()),
        (Refuser::Webhook(403), denied(403)),
        (Refuser::Webhook(500), denied(500)),
        (Refuser::Policy, vec![patch]),
    ]
}

impl Refuser {
    /// The refusal in the world.
    pub(crate) fn fault(self) -> FaultKind {
        match self {
            Self::Rights => FaultKind::Forbidden,
            Self::Webhook(code) => FaultKind::Denied(code),
            Self::Policy => FaultKind::Denied(422),
        }
    }

    /// Installs the refusal for the lab on the real API server; returns when it is in force.
    pub(crate) async fn stands_in(self, lab: &Lab<'_>) -> Result<Option<Webhook>> {
        match self {
            Self::Rights => Ok(None),
            Self::Webhook(code) => {
                let others: Api<ValidatingWebhookConfiguration> = Api::all(lab.stack.kube.clone());
                if others.get_opt(&lab.name).await?.is_some() {
                    others.delete(&lab.name, &DeleteParams::default()).await?;
                }
                Webhook::deny_evictions(lab, code).await.map(Some)
            }
            Self::Policy => {
                let refused = json!({ "spec": { "unschedulable": true } });
                let words = "no patch of nodes at this hour";
                policy::allow_only(lab, "false", "Invalid", words, &refused).await?;
                Ok(None)
            }
        }
    }
}
