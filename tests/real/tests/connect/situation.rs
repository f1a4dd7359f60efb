//! The start of each scenario: a command line without AWS, and a token that no output may show.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use cast_spot_real::{
    cli::{Cli, Ended},
    clock::eventually,
    emulators::ACCOUNT,
    lab::PATIENCE,
    stack::Stack,
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    authentication::v1::TokenRequest,
    core::v1::{Namespace, Node, Pod, ServiceAccount},
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::json;
use tokio::time::sleep;

pub(crate) const AGENT: &str = "castai-agent";
/// The Deployment that sizes the agent's, and its account.
pub(crate) const SIZING: &str = "castai-agent-cpvpa";
const TOKEN: &str = "agent-s3cret-token";
const NODE: &str = "of-the-agent";

/// A scenario's view of the stack.
pub(crate) struct Situation<'s> {
    pub(crate) stack: &'s Stack,
    cli: Cli,
}

impl<'s> Situation<'s> {
    /// Starts with a cluster without an agent.
    pub(crate) async fn begin(stack: &'s Stack) -> Result<Self> {
        let cli = Cli::of(stack)
            .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .with("CAST_SPOT_AGENT_TOKEN", TOKEN);
        let this = Self { stack, cli };
        this.clear().await?;
        this.is_removed().await?;
        Ok(this)
    }

    /// Deletes what a failed scenario has left, so that the next one does not fail too.
    async fn clear(&self) -> Result<()> {
        let kube = || self.stack.kube.clone();
        let now = DeleteParams::default();
        let _ = Api::<Node>::all(kube()).delete(NODE, &now).await;
        for name in [AGENT, SIZING] {
            let _ = Api::<ClusterRole>::all(kube()).delete(name, &now).await;
            let _ = Api::<ClusterRoleBinding>::all(kube()).delete(name, &now).await;
        }
        let namespaces = Api::<Namespace>::all(kube());
        let _ = namespaces.delete(AGENT, &now).await;
        eventually("the namespace is deleted", PATIENCE, async || {
            Ok(namespaces.get_opt(AGENT).await?.is_none().then_some(()))
        })
        .await
    }

    /// The same with another environment variable.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        Self { stack: self.stack, cli: self.cli.clone().with(name, value) }
    }

    /// Runs a command, and asserts that its output does not show the token.
    pub(crate) async fn run(&self, words: &[&str]) -> Result<Ended> {
        let ended = self.cli.run(words).await?;
        let output = format!("{}{}", ended.out, ended.err);
        ensure!(
            !output.contains(TOKEN) && !output.contains(&encoded()),
            "{words:?} shows the token:\n{output}"
        );
        Ok(ended)
    }

    /// Runs a command that may show the token.
    pub(crate) async fn run_openly(&self, words: &[&str]) -> Result<Ended> {
        let ended = self.cli.run(words).await?;
        ensure!(ended.out.contains(&encoded()) && !ended.err.contains(TOKEN), "{words:?}: {ended:?}");
        Ok(ended)
    }

    pub(crate) async fn connect(&self, more: &[&str]) -> Result<Ended> {
        self.run(&[&["connect", "--account", ACCOUNT, "--yes"], more].concat()).await
    }

    /// Plans a connect.
    pub(crate) async fn plan(&self) -> Result<Ended> {
        self.run(&["connect", "--account", ACCOUNT, "--dry-run"]).await
    }

    /// Disconnects, and asserts that nothing is left. The node goes last: without it the agent's pods would wait for the
    /// garbage collector.
    pub(crate) async fn end(&self) -> Result<()> {
        tokio::select! {
            ended = self.run(&["disconnect", "--yes"]) => drop(ended?.expect(0)?),
            never = self.end_terminating_pods() => never?,
        }
        let nodes: Api<Node> = Api::all(self.stack.kube.clone());
        if nodes.get_opt(NODE).await?.is_some() {
            nodes.delete(NODE, &DeleteParams::default()).await?;
        }
        self.is_removed().await
    }

    /// Ends the grace period of pods that terminate: nothing here is about it. Returns only with an error.
    async fn end_terminating_pods(&self) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.stack.kube.clone(), AGENT);
        loop {
            for pod in pods.list(&ListParams::default()).await? {
                if pod.metadata.deletion_timestamp.is_some() {
                    let name = pod.metadata.name.unwrap_or_default();
                    let _ = pods.delete(&name, &DeleteParams::default().grace_period(0)).await;
                }
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn is_removed(&self) -> Result<()> {
        let kube = || self.stack.kube.clone();
        ensure!(Api::<Namespace>::all(kube()).get_opt(AGENT).await?.is_none(), "the namespace is there");
        for name in [AGENT, SIZING] {
            let role = Api::<ClusterRole>::all(kube()).get_opt(name).await?;
            ensure!(role.is_none(), "the ClusterRole {name} is there");
            let binding = Api::<ClusterRoleBinding>::all(kube()).get_opt(name).await?;
            ensure!(binding.is_none(), "the ClusterRoleBinding {name} is there");
        }
        Ok(())
    }

    pub(crate) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.stack.kube.clone(), AGENT)
    }

    /// A token like that of the pods of the account [`AGENT`] or [`SIZING`].
    pub(crate) async fn token_of(&self, account: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.stack.kube.clone(), AGENT);
        let request: TokenRequest = serde_json::from_value(json!({ "spec": { "audiences": [] } }))?;
        let made = accounts.create_token_request(account, &PostParams::default(), &request).await?;
        Ok(made.status.context("a token")?.token)
    }

    /// A client with the token of `account`.
    pub(crate) async fn client_of(&self, account: &str) -> Result<kube::Client> {
        self.stack.control_plane.client_with(&self.token_of(account).await?)
    }

    /// This command line as the agent.
    pub(crate) async fn as_agent(&self) -> Result<Self> {
        let text = fs::read_to_string(self.stack.control_plane.kubeconfig())?;
        let mut config: serde_json::Value = serde_saphyr::from_str(&text)?;
        config["users"][0]["user"] = json!({ "token": self.token_of(AGENT).await? });
        let file = self.stack.folder.join("agent.kubeconfig");
        fs::write(&file, config.to_string())?;
        Ok(self.with("KUBECONFIG", &file.display().to_string()))
    }

    /// Creates a node for the agent's pods.
    pub(crate) async fn node(&self) -> Result<()> {
        // A label that every kubelet sets.
        let labels = json!({ "kubernetes.io/os": "linux" });
        let node = json!({
            "metadata": { "name": NODE, "labels": labels },
            "spec": { "providerID": "aws:///eu-west-1a/i-a" },
        });
        Api::all(self.stack.kube.clone())
            .create(&PostParams::default(), &serde_json::from_value::<Node>(node)?)
            .await?;
        Ok(())
    }

    /// Waits until `status --agent` ends with `code`, and returns its output.
    pub(crate) async fn status(&self, code: i32) -> Result<Ended> {
        eventually(&format!("status ends with {code}"), PATIENCE, async || {
            let ended = self.run(&["status", "--agent"]).await?;
            Ok((ended.code == Some(code)).then_some(ended))
        })
        .await
    }
}

fn encoded() -> String {
    BASE64_STANDARD.encode(TOKEN)
}
