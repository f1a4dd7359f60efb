//! `--console-url`: the console that the role's ARN is sent to.

use cast_spot_provisioner::address;

use super::Args;
use crate::{
    environment::{Environment, secret},
    terminal::Diagnostic,
};

/// A console, and the cluster in it.
pub(super) struct Console {
    pub(super) url: String,
    pub(super) cluster_id: String,
    /// Secret.
    pub(super) token: String,
}

impl Console {
    /// None without options for a console, or after a diagnostic.
    pub(super) fn read(
        args: &Args,
        environment: &Environment,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let (url, cluster_id) = (args.console_url.as_deref(), args.console_cluster_id.as_deref());
        let file = args.console_token_file.as_deref();
        if url.is_none() && cluster_id.is_none() && file.is_none() {
            return None;
        }
        let before = diagnostics.len();
        let mut fault = |error: String, hint: &str| diagnostics.push(Diagnostic::new(error, hint));
        let (url, cluster_id) =
            (url.unwrap_or_default().to_owned(), cluster_id.unwrap_or_default().to_owned());
        if url.is_empty() {
            fault("--console-url: missing".to_owned(), "such as https://api.example.com");
        } else if let Some(problem) = address::problem(&url) {
            let hint =
                "the token goes with the call, so it has to be encrypted: https://HOST, or http://localhost";
            fault(format!("--console-url {}: {problem}", address::shown(&url)), hint);
        }
        if cluster_id.is_empty() || !cluster_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            let given = if cluster_id.is_empty() { "missing" } else { "not letters, digits and -" };
            fault(format!("--console-cluster-id {cluster_id}: {given}"), "the console shows it");
        }
        if args.choices.mode.as_deref() == Some("user") {
            let hint = "enter the key of a user there by hand";
            fault("--console-url: only a role's ARN is sent".to_owned(), hint);
        }
        let variable = ("CAST_SPOT_CONSOLE_TOKEN", environment.console_token.as_deref());
        let token = match secret(("--console-token-file", file), variable) {
            Ok(Some((_, text))) => text.trim().to_owned(),
            Ok(None) => {
                let hint = "set CAST_SPOT_CONSOLE_TOKEN, or give --console-token-file FILE";
                fault("the console's token: missing".to_owned(), hint);
                String::new()
            }
            Err(unreadable) => {
                diagnostics.push(unreadable);
                String::new()
            }
        };
        (diagnostics.len() == before).then_some(Self { url, cluster_id, token })
    }
}
