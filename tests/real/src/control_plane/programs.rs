//! The command lines of the components.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use serde_json::json;

use super::credentials::{CONTROLLER_MANAGER, Credentials, KWOK, SCHEDULER};
use crate::{
    process::{Process, free_port},
    tools::Tools,
};

/// How long the API server caches the answers of the token webhook. Short, so that changes of access entries take
/// effect. An accepted token is cached for 10 s nevertheless; no flag changes that.
const WEBHOOK_CACHE: &str = "1s";

#[derive(Debug)]
pub(super) struct Programs {
    tools: Tools,
    folder: PathBuf,
    api_server: Vec<OsString>,
    controller_manager: Vec<OsString>,
    scheduler: Vec<OsString>,
    kwok: Vec<OsString>,
    etcd_port: u16,
    etcd_peer_port: u16,
    pub(super) kwok_port: u16,
}

impl Programs {
    pub(super) fn new(
        tools: &Tools,
        folder: &Path,
        credentials: &Credentials,
        token_webhook: Option<&str>,
    ) -> Result<Self> {
        let mut this = Self {
            tools: tools.clone(),
            folder: folder.to_owned(),
            api_server: Vec::new(),
            controller_manager: Vec::new(),
            scheduler: flags(&[
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
            ]),
            kwok: flags(&["--cidr=10.0.0.1/16", "--node-ip=127.0.0.1"]),
            etcd_port: free_port()?,
            etcd_peer_port: free_port()?,
            kwok_port: free_port()?,
        };
        this.api_server = this.api_server_flags(credentials)?;
        if let Some(url) = token_webhook {
            this.api_server.extend(webhook_flags(folder, url)?);
        }
        this.controller_manager = controller_manager_flags(folder, credentials);
        this.scheduler.push(flag("kubeconfig", credentials.kubeconfig(SCHEDULER)));
        this.kwok.extend([
            flag("kubeconfig", credentials.kubeconfig(KWOK)),
            flag("config", tools.workspace.join("tests/real/control-plane/stages.yaml")),
            flag("server-address", format!("127.0.0.1:{}", this.kwok_port)),
        ]);
        Ok(this)
    }

    pub(super) fn etcd(&self) -> Command {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let (clients, peers) = (url(self.etcd_port), url(self.etcd_peer_port));
        let mut command = self.of_control_plane("etcd");
        command.args([
            // A crash of the machine ends the test anyway.
            OsString::from("--unsafe-no-fsync"),
            flag("data-dir", self.folder.join("etcd")),
            flag("listen-client-urls", &clients),
            flag("advertise-client-urls", &clients),
            flag("listen-peer-urls", &peers),
            flag("initial-advertise-peer-urls", &peers),
            flag("initial-cluster", format!("default={peers}")),
            flag("log-level", "warn"),
        ]);
        command
    }

    pub(super) fn start_api_server(&self) -> Result<Process> {
        let mut command = self.of_control_plane("kube-apiserver");
        Process::start(&self.folder, "kube-apiserver", command.args(&self.api_server))
    }

    pub(super) fn controller_manager(&self) -> Command {
        let mut command = self.of_control_plane("kube-controller-manager");
        command.args(&self.controller_manager);
        command
    }

    pub(super) fn scheduler(&self) -> Command {
        let mut command = self.of_control_plane("kube-scheduler");
        command.args(&self.scheduler);
        command
    }

    pub(super) fn kwok(&self) -> Command {
        let mut command = Command::new(&self.tools.kwok);
        command.args(&self.kwok);
        command
    }

    pub(super) fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    fn of_control_plane(&self, name: &str) -> Command {
        Command::new(self.tools.control_plane.join(name))
    }

    fn api_server_flags(&self, credentials: &Credentials) -> Result<Vec<OsString>> {
        let policy = self.folder.join("audit-policy.json");
        fs::write(&policy, audit_policy())?;
        let mut arguments = flags(&[
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            // No Service leads to the API server: nothing runs in these pods.
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--audit-log-mode=blocking",
            "--profiling=false",
        ]);
        arguments.extend([
            flag("secure-port", credentials.port.to_string()),
            flag("cert-dir", credentials.certificates()),
            flag("etcd-servers", format!("http://127.0.0.1:{}", self.etcd_port)),
            flag("service-account-key-file", credentials.key()),
            flag("service-account-signing-key-file", credentials.key()),
            flag("token-auth-file", credentials.tokens()),
            flag("audit-policy-file", policy),
            flag("audit-log-path", self.audit_log()),
        ]);
        Ok(arguments)
    }
}

fn controller_manager_flags(folder: &Path, credentials: &Credentials) -> Vec<OsString> {
    let mut arguments = flags(&[
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials",
        "--allocate-node-cidrs=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        // A slow machine must not make nodes look dead.
        "--node-monitor-grace-period=10m",
    ]);
    arguments.extend([
        flag("kubeconfig", credentials.kubeconfig(CONTROLLER_MANAGER)),
        flag("service-account-private-key-file", credentials.key()),
        flag("root-ca-file", credentials.certificate()),
        // Otherwise it creates a folder under /usr.
        flag("flex-volume-plugin-dir", folder.join("flex-volumes")),
    ]);
    arguments
}

fn webhook_flags(folder: &Path, url: &str) -> Result<Vec<OsString>> {
    let path = folder.join("token-webhook.kubeconfig");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "webhook", "cluster": {"server": url}}],
        "users": [{"name": "api-server"}],
        "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "api-server"}}],
        "current-context": "webhook",
    });
    fs::write(&path, config.to_string())?;
    Ok(vec![
        flag("authentication-token-webhook-config-file", path),
        flag("authentication-token-webhook-version", "v1"),
        flag("authentication-token-webhook-cache-ttl", WEBHOOK_CACHE),
    ])
}

/// The audit policy: all answers to clients outside the control plane, with the bodies of writes to nodes and pods.
fn audit_policy() -> String {
    let parts = ["system:apiserver", CONTROLLER_MANAGER, SCHEDULER, KWOK];
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        // A refused token is logged when the answer starts, and so is a watch.
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "users": parts},
            {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
            {
                "level": "Request",
                "verbs": ["create", "update", "patch", "delete", "deletecollection"],
                "resources": [{"group": "", "resources": ["nodes", "pods", "pods/eviction"]}],
            },
            {"level": "Metadata", "verbs": ["watch"], "omitStages": ["ResponseStarted"]},
            {"level": "Metadata"},
        ],
    })
    .to_string()
}

fn flags(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// `--NAME=VALUE`.
fn flag(name: &str, value: impl AsRef<std::ffi::OsStr>) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value);
    flag
}
