//! `--console-url`: the console that the role's ARN is sent to.

use std::fs;

use cast_spot_provisioner::call::is_safe;

use super::Args;
use crate::{choices::Mode, environment::Environment, terminal::Diagnostic};

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
        let before = diagnostics.len();
        let mut fault = |error: String, hint: &str| diagnostics.push(Diagnostic::new(error, hint));
        if args.console_url.is_none()
            && args.console_cluster_id.is_none()
            && args.console_token_file.is_none()
        {
            return None;
        }
        let url = args.console_url.clone().unwrap_or_default();
        if url.is_empty() {
            fault("--console-url: missing".to_owned(), "such as https://api.example.com");
        } else if !is_safe(&url) {
            fault(
                format!("--console-url {url}: not an https:// address"),
                "the token goes with the call, so it has to be encrypted",
            );
        }
        let cluster_id = args.console_cluster_id.clone().unwrap_or_default();
        if cluster_id.is_empty() || !cluster_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            let given = if cluster_id.is_empty() { "missing" } else { "not letters, digits and -" };
            fault(format!("--console-cluster-id {cluster_id}: {given}"), "the console shows it");
        }
        if args.choices.mode == Some(Mode::User) {
            fault(
                "--console-url: only a role's ARN is sent".to_owned(),
                "enter the key of a user there by hand",
            );
        }
        let token = match &args.console_token_file {
            Some(path) => fs::read_to_string(path).map_err(|error| {
                fault(
                    format!("--console-token-file {}: {error}", path.display()),
                    "name the file with the token",
                );
            }),
            None => environment.console_token.clone().ok_or(()).map_err(|()| {
                fault(
                    "the console's token: missing".to_owned(),
                    "set CAST_SPOT_CONSOLE_TOKEN, or give --console-token-file FILE",
                );
            }),
        };
        let token = token.map(|token| token.trim().to_owned()).unwrap_or_default();
        (diagnostics.len() == before).then_some(Self { url, cluster_id, token })
    }
}
