//! `aws lambda` about layers.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::Layer;
use crate::{
    names::LAYER,
    resource::{Change, TemplateValues},
};

impl TemplateValues for Layer {
    /// The zip comes with the script.
    fn extra_values(&self, _: &[Change]) -> Value {
        json!({ "content": BASE64_STANDARD.encode(&self.code.zip), "sha256": self.code.sha256 })
    }
}

/// The ARN of the version that the script has published; where it had none to publish, of the latest.
pub(in crate::resource) fn latest() -> String {
    format!(
        "\"${{layer:-$(aws lambda list-layer-versions --layer-name {LAYER} --max-items 1 \
         --query 'LayerVersions[0].LayerVersionArn' --output text | head -n 1)}}\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_version_comes_before_the_latest() {
        assert!(latest().starts_with("\"${layer:-$(aws lambda list-layer-versions "));
    }
}
