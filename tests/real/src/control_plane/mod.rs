//! A Kubernetes control plane: etcd, kube-apiserver with RBAC and an audit log, kube-controller-manager,
//! kube-scheduler, and KWOK as the kubelet of every node. Several can run side by side, in a folder each.
//!
//! ```text
//! FOLDER/certificates/   written by the API server at its first start, read again at the next
//! FOLDER/*.kubeconfig    one for each part, and `admin.kubeconfig` for kubectl
//! FOLDER/audit.log       see `audit`
//! ```

mod credentials;
mod programs;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use http::Request;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use tokio::time::sleep;

use self::{
    credentials::{ADMIN, ADMIN_TOKEN, Credentials},
    programs::Programs,
};
use crate::{
    audit,
    process::{Process, free_port, listens},
    tools::Tools,
};

/// A loaded machine needs about ten seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running control plane; dropping it ends it.
#[derive(Debug)]
pub struct ControlPlane {
    programs: Programs,
    credentials: Credentials,
    /// `None` between [`Self::stop_api_server`] and [`Self::start_api_server`].
    api_server: Mutex<Option<Process>>,
    /// All but the API server.
    others: Vec<Process>,
    left_running: bool,
}

impl ControlPlane {
    /// Starts a control plane in `folder` and waits until pods can be created and run. `token_webhook` is the URL of
    /// the API server's token reviews, as in EKS.
    pub async fn start(tools: &Tools, folder: &Path, token_webhook: Option<&str>) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = fs::canonicalize(folder)?;
        let credentials = Credentials::write(&folder, free_port()?)?;
        let programs = Programs::new(tools, &folder, &credentials, token_webhook)?;
        let etcd = Process::start(&folder, "etcd", &mut programs.etcd())?;
        let mut this = Self {
            programs,
            credentials,
            api_server: Mutex::default(),
            others: vec![etcd],
            left_running: false,
        };
        this.start_api_server().await?;
        this.start_others(&folder).await?;
        Ok(this)
    }

    async fn start_others(&mut self, folder: &Path) -> Result<()> {
        self.credentials.write_kubeconfigs()?;
        let start = |name, mut command| Process::start(folder, name, &mut command);
        let scheduler = start("kube-scheduler", self.programs.scheduler())?;
        let mut kwok = start("kwok", self.programs.kwok())?;
        let mut controllers = start("kube-controller-manager", self.programs.controller_manager())?;
        // Admission refuses pods until their namespace has a service account.
        let accounts = Api::<ServiceAccount>::namespaced(self.client()?, "default");
        let port = self.programs.kwok_port;
        let ready = tokio::try_join!(
            kwok.ready(PATIENCE, async || listens(port).await),
            controllers.ready(PATIENCE, async || accounts
                .get_opt("default")
                .await
                .is_ok_and(|found| found.is_some())),
        );
        self.others.extend([scheduler, kwok, controllers]);
        ready.map(|_| ())
    }

    /// URL of the API server.
    #[must_use]
    pub fn address(&self) -> String {
        self.credentials.address()
    }

    /// The certificate authority of the API server, as PEM.
    pub fn ca_pem(&self) -> Result<String> {
        self.credentials.ca_pem()
    }

    /// Bearer token of a member of `system:masters`.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        ADMIN_TOKEN
    }

    /// The kubeconfig of that user, for kubectl.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.credentials.kubeconfig(ADMIN)
    }

    /// A client of that user.
    pub fn client(&self) -> Result<kube::Client> {
        self.client_with(ADMIN_TOKEN)
    }

    /// A client with another bearer token.
    pub fn client_with(&self, token: &str) -> Result<kube::Client> {
        Ok(self.credentials.config(token)?.try_into()?)
    }

    /// A client that acts as this user.
    pub fn client_as(&self, user: &str, groups: &[&str]) -> Result<kube::Client> {
        let mut config = self.config()?;
        config.auth_info.impersonate = Some(user.to_owned());
        config.auth_info.impersonate_groups = Some(groups.iter().map(ToString::to_string).collect());
        Ok(config.try_into()?)
    }

    /// Configuration of that user's client.
    pub fn config(&self) -> Result<kube::Config> {
        self.credentials.config(ADMIN_TOKEN)
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> audit::Log {
        audit::Log::at(&self.programs.audit_log())
    }

    /// Starts the API server after [`Self::stop_api_server`], at the same address, and waits until it is ready.
    pub async fn start_api_server(&self) -> Result<()> {
        let mut process = self.programs.start_api_server()?;
        let credentials = &self.credentials;
        let ready = process.ready(PATIENCE, async || is_ready(credentials).await).await;
        *self.api_server.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        ready
    }

    /// Ends the API server as a crash does: connections break, later ones are refused.
    pub fn stop_api_server(&self) {
        if let Some(mut process) = self.api_server.lock().unwrap_or_else(PoisonError::into_inner).take() {
            process.kill();
        }
    }

    /// Stops the API server, and starts it after a pause.
    pub async fn restart_api_server(&self, pause: Duration) -> Result<()> {
        self.stop_api_server();
        sleep(pause).await;
        self.start_api_server().await
    }

    /// Lets it run after this value is dropped.
    pub fn leave_running(&mut self) {
        self.left_running = true;
        self.processes().for_each(Process::leave_running);
    }

    /// Kills all programs; an orderly end is not needed.
    pub fn stop(&mut self) {
        self.processes().for_each(|process| {
            process.kill();
            process.stop();
        });
    }

    fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        let api_server = self.api_server.get_mut().unwrap_or_else(PoisonError::into_inner);
        api_server.iter_mut().chain(&mut self.others)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if !self.left_running {
            self.stop();
        }
    }
}

/// Whether the API server reports ready. Before its first start it has no certificate.
async fn is_ready(credentials: &Credentials) -> bool {
    let client = credentials.config(ADMIN_TOKEN).and_then(|config| Ok(kube::Client::try_from(config)?));
    let (Ok(client), Ok(request)) = (client, Request::get("/readyz").body(Vec::new())) else {
        return false;
    };
    client.request_text(request).await.is_ok()
}
