//! The agent's objects as YAML for GitOps.

use std::{fmt::Write, io};

use cast_spot_provisioner::connect::{Spec, manifests};
use serde_json::Value;

use crate::error::CliError;

const NO_TOKEN: &str = "\
# The token is not in this file. Create this Secret from your secret store (External Secrets, Sealed Secrets, SOPS, or
# kubectl), with this name, this key, these labels and this annotation; its value is the token in base64. Until then the
# agent's pod waits for it. `cast-spot connect --output yaml --include-token` includes it.
";

/// All objects, each as a document. Without the token, the Secret is a comment.
pub(super) fn render(spec: &Spec, include_token: bool) -> Result<String, CliError> {
    let choices = &spec.choices;
    let mut text = format!(
        "# The agent of cluster {} in {}, account {}, as `cast-spot connect` makes it.\n\
         # By hand: kubectl apply --server-side --field-manager=cast-spot -f FILE\n",
        choices.cluster, choices.region, choices.account
    );
    let spec = if include_token { spec } else { &Spec { token: None, ..spec.clone() } };
    for object in manifests(spec) {
        let document = document(&object)?;
        text.push_str("---\n");
        if object["kind"] == "Secret" && !include_token {
            text.push_str(NO_TOKEN);
            for line in document.lines() {
                let _ = writeln!(text, "# {line}");
            }
        } else {
            text.push_str(&document);
        }
    }
    Ok(text)
}

fn document(object: &Value) -> Result<String, io::Error> {
    let mut text = serde_saphyr::to_string(object).map_err(io::Error::other)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use cast_spot_provisioner::connect::{Request, Token};
    use insta::assert_snapshot;

    use super::*;

    const TOKEN: &str = "t0ken-of-the-agent";
    const ENCODED: &str = "dDBrZW4tb2YtdGhlLWFnZW50";

    fn spec() -> Spec {
        let request = Request {
            cluster: Some("on".to_owned()),
            region: Some("eu-west-1".to_owned()),
            account: Some("000000000012".to_owned()),
            annotations: vec!["a=yes".to_owned(), "b=1e3".to_owned(), "c=# no: comment".to_owned()],
            token: Token::read(TOKEN).ok(),
            ..Request::default()
        };
        request.complete(None).unwrap()
    }

    fn documents(text: &str) -> Vec<Value> {
        serde_saphyr::from_multiple(text).unwrap()
    }

    #[test]
    fn the_file_contains_exactly_the_objects() {
        let text = render(&spec(), true).unwrap();
        assert_eq!(documents(&text), manifests(&spec()), "{text}");
        assert!(text.contains(ENCODED));
    }

    #[test]
    fn without_the_option_the_secret_is_a_comment() {
        let text = render(&spec(), false).unwrap();
        assert!(!text.contains(TOKEN) && !text.contains(ENCODED), "{text}");
        assert!(documents(&text).iter().all(|object| object["kind"] != "Secret"));
        assert_snapshot!("without_the_token", text);
    }
}
