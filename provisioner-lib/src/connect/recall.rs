//! What was chosen when an agent was connected, and the token that it has, read off what is there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AGENT, Token};
use crate::{
    names::{LABEL_MANAGED_BY, MANAGED},
    plan::Observed,
    resource::{Manifest, Resource, Tags, manifest_id},
};

/// Annotation of the namespace that holds the choices. None of them is secret.
pub(super) const CHOICES: &str = "cast-spot/connect";
/// The key of the Secret that holds the token; the agent takes it as a variable of this name.
pub(super) const TOKEN_KEY: &str = "API_KEY";

/// Everything that can be chosen about an agent, but its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// The account of the cluster.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its name.
    pub cluster: String,
    /// The agent's image.
    pub image: String,
    /// The image of the autoscaler that sizes the agent.
    pub autoscaler_image: String,
    /// Where the agent reports to.
    pub api_url: String,
    /// What the agent calls the cloud.
    pub provider: String,
    /// Labels of every object and pod.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub labels: Tags,
    /// Annotations of every object and pod.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub annotations: Tags,
}

/// None where the namespace is not ours, or does not tell.
pub(super) fn choices(observed: &Observed) -> Option<Choices> {
    let namespace = ours(observed, "Namespace", None)?;
    let text = namespace.value()["metadata"]["annotations"][CHOICES].as_str()?;
    serde_json::from_str(text).ok()
}

/// None where the Secret is not ours, or holds none.
pub(super) fn token(observed: &Observed) -> Option<Token> {
    let secret = ours(observed, "Secret", Some(AGENT))?;
    secret.value()["data"][TOKEN_KEY].as_str().and_then(Token::decode)
}

/// As the annotation has it.
pub(super) fn text(choices: &Choices) -> Value {
    Value::String(serde_json::to_string(choices).unwrap_or_default())
}

fn ours<'o>(observed: &'o Observed, kind: &str, namespace: Option<&str>) -> Option<&'o Manifest> {
    match &observed.get(&manifest_id(kind, namespace, AGENT))?.resource {
        Resource::Manifest(manifest) if manifest.label(LABEL_MANAGED_BY) == Some(MANAGED) => Some(manifest),
        _ => None,
    }
}
