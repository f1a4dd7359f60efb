//! The choices that an agent was connected with, and its token, read from its objects.
//!
//! Two annotations keep the choices. That of the Secret decides: who may write it may read the token as well, and has
//! nothing to gain by sending the token elsewhere. That of the namespace serves agents without a Secret of ours.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AGENT, Token};
use crate::{
    fault::Fault,
    names::{LABEL_MANAGED_BY, MANAGED},
    plan::Observed,
    resource::{Manifest, Resource, Tags, manifest_id},
};

/// Annotation of the namespace and of the Secret with the choices. None of them is secret.
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

/// Where the choices were found, and what else an agent has.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// Kind of the object with the annotation.
    pub(super) source: &'static str,
    /// The annotation cannot be read.
    pub(super) fault: Option<Fault>,
    /// URL that the stored token is for.
    pub(super) token_for: Option<String>,
}

/// None if no object that cast-spot manages has the annotation, or it cannot be read.
pub(super) fn choices(observed: &Observed) -> (Option<Choices>, Kept) {
    let sealed = annotation(observed, "Secret", Some(AGENT));
    let is_sealed = sealed.is_some();
    let (text, source) = match sealed.or_else(|| annotation(observed, "Namespace", None)) {
        Some(text) if is_sealed => (text, "secret"),
        Some(text) => (text, "namespace"),
        None => return (None, Kept { token_for: reported_to(observed), ..Kept::default() }),
    };
    let Ok(choices) = serde_json::from_str::<Choices>(text) else {
        let hint = format!(
            "`kubectl annotate -n {AGENT} {source} {AGENT} {CHOICES}-` removes it; then give the choices again"
        );
        let fault = Fault::new(format!("annotation {CHOICES}"), text, "cannot be read", hint);
        return (None, Kept { source, fault: Some(fault), token_for: None });
    };
    // An earlier release has written no annotation of the Secret.
    let token_for = if is_sealed { Some(choices.api_url.clone()) } else { reported_to(observed) };
    (Some(choices), Kept { source, token_for, fault: None })
}

fn annotation<'o>(observed: &'o Observed, kind: &str, namespace: Option<&str>) -> Option<&'o str> {
    managed(observed, kind, namespace)?.value()["metadata"]["annotations"][CHOICES].as_str()
}

/// URL that the agent's Deployment sends the token to.
fn reported_to(observed: &Observed) -> Option<String> {
    let deployment = managed(observed, "Deployment", Some(AGENT))?;
    let env = deployment.value().pointer("/spec/template/spec/containers/0/env")?.as_array()?;
    let url = env.iter().find(|variable| variable["name"] == "API_URL")?["value"].as_str()?;
    Some(url.to_owned())
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
