//! Credentials of the API server: a token for each component and one for the tests, and its certificate.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

/// The tests.
pub(super) const ADMIN: &str = "admin";
/// Used on a loopback address only, like the other tokens.
pub(super) const ADMIN_TOKEN: &str = "admin-of-the-tests";
pub(super) const CONTROLLER_MANAGER: &str = "system:kube-controller-manager";
pub(super) const SCHEDULER: &str = "system:kube-scheduler";
pub(super) const KWOK: &str = "kwok";

/// User, token, group. The API server's default roles grant the rights of components without a group.
const USERS: [(&str, &str, &str); 4] = [
    (ADMIN, ADMIN_TOKEN, "system:masters"),
    (CONTROLLER_MANAGER, "kube-controller-manager-of-the-tests", ""),
    (SCHEDULER, "kube-scheduler-of-the-tests", ""),
    (KWOK, "kwok-of-the-tests", "system:masters"),
];

#[derive(Debug)]
pub(super) struct Credentials {
    folder: PathBuf,
    pub(super) port: u16,
}

impl Credentials {
    pub(super) fn write(folder: &Path, port: u16) -> Result<Self> {
        let this = Self { folder: folder.to_owned(), port };
        fs::create_dir_all(this.certificates())?;
        let mut lines = String::new();
        for (user, token, group) in USERS {
            writeln!(lines, "{token},{user},{user},\"{group}\"")?;
        }
        fs::write(this.tokens(), lines)?;
        Ok(this)
    }

    /// A kubeconfig for each user, once the API server has written its certificate.
    pub(super) fn write_kubeconfigs(&self) -> Result<()> {
        let authority = STANDARD.encode(self.ca_pem()?);
        for (user, token, _) in USERS {
            let config = json!({
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "tests", "cluster": {
                    "server": self.address(), "certificate-authority-data": authority,
                }}],
                "users": [{"name": user, "user": {"token": token}}],
                "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
                "current-context": "tests",
            });
            fs::write(self.kubeconfig(user), config.to_string())?;
        }
        Ok(())
    }

    /// `--token-auth-file`.
    pub(super) fn tokens(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    /// `--cert-dir`: the API server writes its certificate here, and finds it at the next start.
    pub(super) fn certificates(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    /// The certificate, followed by the authority that has signed it.
    pub(super) fn certificate(&self) -> PathBuf {
        self.certificates().join("apiserver.crt")
    }

    /// The certificate's key, which signs the tokens of service accounts, too.
    pub(super) fn key(&self) -> PathBuf {
        self.certificates().join("apiserver.key")
    }

    pub(super) fn kubeconfig(&self, user: &str) -> PathBuf {
        let name = user.trim_start_matches("system:");
        self.folder.join(format!("{name}.kubeconfig"))
    }

    pub(super) fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(super) fn ca_pem(&self) -> Result<String> {
        let path = self.certificate();
        let chain = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let start = chain.rfind("-----BEGIN CERTIFICATE-----");
        Ok(chain[start.with_context(|| format!("no certificate in {}", path.display()))?..].to_owned())
    }

    /// Configuration of a client with this bearer token.
    pub(super) fn config(&self, token: &str) -> Result<kube::Config> {
        let authority: String = self.ca_pem()?.lines().filter(|line| !line.starts_with("-----")).collect();
        let mut config = kube::Config::new(self.address().parse()?);
        config.root_cert = Some(vec![STANDARD.decode(authority)?]);
        config.auth_info.token = Some(token.to_owned().into());
        // Tests observe the 429 of a budget instead of retrying it.
        config.default_retry = false;
        Ok(config)
    }
}
