//! The choices that an agent was connected with, and its token, read from its objects.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AGENT, Token};
use crate::{
    names::{LABEL_MANAGED_BY, MANAGED},
    plan::Observed,
    resource::{Manifest, Resource, Tags, manifest_id},
};

/// Annotation of the namespace with the choices. None of them is secret.
pub(super) const CHOICES: &str = "cast-spot/connect";
/// Key of the Secret with the token, and name of the agent's environment variable.
pub(super) const TOKEN_KEY: &str = "API_KEY";

/// The settings of an agent, except its token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// URL that the agent reports to.
    pub api_url: String,
    /// The agent's name for the cloud.
    pub provider: String,
    /// Labels of every object and pod.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub labels: Tags,
    /// Annotations of every object and pod.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub annotations: Tags,
}

/// None if cast-spot does not manage the namespace, or the annotation cannot be read.
pub(super) fn choices(observed: &Observed) -> Option<Choices> {
    let namespace = managed(observed, "Namespace", None)?;
    let text = namespace.value()["metadata"]["annotations"][CHOICES].as_str()?;
    serde_json::from_str(text).ok()
}

/// None if cast-spot does not manage the Secret, or it has no token.
pub(super) fn token(observed: &Observed) -> Option<Token> {
    let secret = managed(observed, "Secret", Some(AGENT))?;
    secret.value()["data"][TOKEN_KEY].as_str().and_then(Token::decode)
}

/// Value of the annotation.
pub(super) fn text(choices: &Choices) -> Value {
    Value::String(serde_json::to_string(choices).unwrap_or_default())
}

fn managed<'o>(observed: &'o Observed, kind: &str, namespace: Option<&str>) -> Option<&'o Manifest> {
    match &observed.get(&manifest_id(kind, namespace, AGENT))?.resource {
        Resource::Manifest(manifest) if manifest.label(LABEL_MANAGED_BY) == Some(MANAGED) => Some(manifest),
        _ => None,
    }
}
