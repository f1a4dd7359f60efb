//! `aws lambda` about layers.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::shell::{Shell, quoted};
use crate::{names::LAYER, resource::Code};

/// The zip comes with the script.
pub(super) fn publish(name: &str, code: &Code) -> Vec<Shell> {
    let zip = BASE64_STANDARD.encode(&code.zip);
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

/// The ARN of the version that this script has published; where it had none to publish, of the latest.
pub(super) fn latest() -> String {
    format!(
        "\"${{layer:-$(aws lambda list-layer-versions --layer-name {LAYER} --max-items 1 \
         --query 'LayerVersions[0].LayerVersionArn' --output text | head -n 1)}}\""
    )
}

/// The option with the layers of others, and ours behind them.
pub(super) fn beside_others(function: &str, with_ours: bool) -> String {
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

/// All versions with this content.
pub(super) fn delete(name: &str, sha256: &str) -> Shell {
    Shell::Verbatim(format!(
        "for version in $(aws lambda list-layer-versions --layer-name {name} --query 'LayerVersions[].Version' \
         --output text); do\n  \
         sha256=$(aws lambda get-layer-version --layer-name {name} --version-number \"$version\" \
         --query Content.CodeSha256 --output text)\n  \
         test \"$sha256\" != '{sha256}' || \
         aws lambda delete-layer-version --layer-name {name} --version-number \"$version\"\ndone"
    ))
}
