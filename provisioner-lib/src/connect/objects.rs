//! The objects of `infra/agent/` with the values of a spec.

use cast_spot_infra::agent;
use serde_json::{Value, json};

use super::{
    Choices, Spec,
    recall::{self, CHOICES},
};
use crate::{
    names::{LABEL_MANAGED_BY, MANAGED},
    resource::{Manifest, Resource},
};

/// Value of the Secret's key while there is no token.
pub const TOKEN_PLACEHOLDER: &str = "<token>";

/// The desired objects. Without a token, the Secret has [`TOKEN_PLACEHOLDER`].
#[must_use]
pub fn manifests(spec: &Spec) -> Vec<Value> {
    let documents = agent::DOCUMENTS.into_iter().flat_map(|text| {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
        documents
    });
    documents
        .map(|mut object| {
            fill(&mut object, spec);
            mark(&mut object, &spec.choices);
            object
        })
        .collect()
}

pub(super) fn resources(spec: &Spec) -> Vec<Resource> {
    manifests(spec).into_iter().map(|value| Resource::Manifest(Manifest::new(value))).collect()
}

/// Replaces texts in `<>` by values. Each is one string or number: none can change the structure of the object.
fn fill(value: &mut Value, spec: &Spec) {
    match value {
        Value::String(text) => {
            if let Some(filling) = filling(text, spec) {
                *value = filling;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, spec)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, spec)),
        _ => {}
    }
}

fn filling(text: &str, spec: &Spec) -> Option<Value> {
    let choices = &spec.choices;
    let text = match text {
        TOKEN_PLACEHOLDER => return spec.token.as_ref().map(|token| json!(token.encoded())),
        "<api-port>" => return Some(json!(port(&choices.api_url))),
        "<image>" => choices.image.clone(),
        "<autoscaler-image>" => choices.autoscaler_image.clone(),
        "<api-url>" => choices.api_url.clone(),
        "<provider>" => choices.provider.clone(),
        "<account>" => choices.account.clone(),
        "<region>" => choices.region.clone(),
        "<cluster>" => choices.cluster.clone(),
        _ => return None,
    };
    Some(Value::String(text))
}

/// The port of an `https://` URL.
fn port(url: &str) -> u16 {
    const HTTPS: u16 = 443;
    url.parse::<http::Uri>().ok().and_then(|url| url.port_u16()).unwrap_or(HTTPS)
}

/// Sets the labels of the owner, on the pods of a workload too.
fn mark(object: &mut Value, choices: &Choices) {
    let own = object["metadata"]["name"].clone();
    label(&mut object["metadata"], &own, choices);
    // By a pointer: indexing would create a missing field.
    if let Some(template) = object.pointer_mut("/spec/template/metadata") {
        label(template, &own, choices);
    }
    if object["kind"] == "Namespace" || object["kind"] == "Secret" {
        object["metadata"]["annotations"][CHOICES] = recall::text(choices);
    }
}

fn label(metadata: &mut Value, own: &Value, choices: &Choices) {
    for (part, chosen) in [("labels", &choices.labels), ("annotations", &choices.annotations)] {
        for (key, value) in chosen {
            // What infra/agent/ sets stays.
            let field = &mut metadata[part][key];
            if field.is_null() {
                *field = json!(value);
            }
        }
    }
    let labels = &mut metadata["labels"];
    // The selectors of Deployments use the name that infra/agent/ gives their pods.
    if labels["app.kubernetes.io/name"].is_null() {
        labels["app.kubernetes.io/name"] = own.clone();
    }
    labels["app.kubernetes.io/part-of"] = json!(super::AGENT);
    labels[LABEL_MANAGED_BY] = json!(MANAGED);
}
