//! `aws lambda` about layers.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::Layer;
use crate::{
    names::LAYER,
    resource::{Commands, Context, Shell, quoted},
};

impl Commands for Layer {
    /// The zip comes with the script.
    fn create(&self, _: &Context) -> Vec<Shell> {
        let (name, zip) = (&self.name, BASE64_STANDARD.encode(&self.code.zip));
        let publish = Shell::aws("lambda", "publish-layer-version").with("--layer-name", name);
        vec![
            Shell::Verbatim(format!("base64 -d >{name}.zip <<'ZIP'\n{zip}\nZIP")),
            Shell::Verbatim(format!(
                "layer=$({})",
                publish
                    .with("--description", "Endpoints of cast-spot")
                    .with("--zip-file", format!("fileb://{name}.zip"))
                    .raw("--query LayerVersionArn --output text")
            )),
            Shell::Verbatim(format!("rm {name}.zip")),
        ]
    }

    /// All versions with this content.
    fn delete(&self) -> Vec<Shell> {
        let (name, sha256) = (&self.name, &self.code.sha256);
        vec![Shell::Verbatim(format!(
            "for version in $(aws lambda list-layer-versions --layer-name {name} --query 'LayerVersions[].Version' \
             --output text); do\n  \
             sha256=$(aws lambda get-layer-version --layer-name {name} --version-number \"$version\" \
             --query Content.CodeSha256 --output text)\n  \
             test \"$sha256\" != '{sha256}' || \
             aws lambda delete-layer-version --layer-name {name} --version-number \"$version\"\ndone"
        ))]
    }
}

/// The ARN of the version that the script has published; where it had none to publish, of the latest.
pub(in crate::resource) fn latest() -> String {
    format!(
        "\"${{layer:-$(aws lambda list-layer-versions --layer-name {LAYER} --max-items 1 \
         --query 'LayerVersions[0].LayerVersionArn' --output text | head -n 1)}}\""
    )
}

/// The option with the layers of others, and ours behind them.
pub(in crate::resource) fn beside_others(function: &str, with_ours: bool) -> String {
    let others = format!(
        "aws lambda get-function-configuration --function-name {} --query {}",
        quoted(function),
        quoted(&format!("(Layers||`[]`)[?!contains(Arn,':layer:{LAYER}:')].Arn")),
    );
    if with_ours {
        format!("--layers $({others} --output text) {}", latest())
    } else {
        format!("--layers \"$({others} --output json)\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_version_comes_before_the_latest() {
        assert!(latest().starts_with("\"${layer:-$(aws lambda list-layer-versions "));
    }
}
