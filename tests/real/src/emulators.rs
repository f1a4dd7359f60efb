//! The emulators of AWS: moto for EC2 and Auto Scaling, ministack for everything else, with IAM enforced by ministack
//! for both. Corrections of them are in `tests/real/emulators/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::{
    account::REGION,
    process::{Process, free_port, listens},
    tools::Tools,
};

/// The account of everything.
pub const ACCOUNT: &str = "123456789012";
/// Makes the path of the token webhook hard to hit by chance. All of this listens on loopback.
const WEBHOOK_SECRET: &str = "token-webhook-of-the-stack";
/// The search path of a function (Lambda developer guide, "Defined runtime environment variables").
const PATH: &str = "/usr/local/bin:/usr/bin/:/bin:/opt/bin";
const PATIENCE: Duration = Duration::from_secs(30);

/// moto and ministack, running.
#[derive(Debug)]
pub struct Emulators {
    /// URL of EC2 and Auto Scaling.
    pub moto: String,
    /// URL of IAM, STS, EKS, Lambda, EventBridge, SQS and CloudWatch Logs.
    pub ministack: String,
    /// Clusters as EKS describes them, one file each.
    clusters: PathBuf,
    calls: PathBuf,
    processes: [Process; 2],
}

impl Emulators {
    /// Starts both, with their logs in `folder`.
    pub async fn start(tools: &Tools, folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        let (clusters, temporary) = (folder.join("clusters"), folder.join("ministack"));
        fs::create_dir_all(&clusters)?;
        fs::create_dir_all(&temporary)?;
        let (moto_port, ministack_port) = (free_port()?, free_port()?);
        let url = |port: u16| format!("http://127.0.0.1:{port}");

        let mut command = launcher(&tools.ministack, tools, "ministack.py");
        command.env("GATEWAY_PORT", ministack_port.to_string()).env("TMPDIR", &temporary);
        let calls = folder.join("aws-calls");
        command.env("EKS_FOLDER", &clusters).env("EKS_WEBHOOK_SECRET", WEBHOOK_SECRET);
        command.env("CALLS", &calls).envs([
            ("BIND_HOST", "127.0.0.1"),
            ("AUTH", "true"),
            ("MINISTACK_ACCOUNT_ID", ACCOUNT),
            ("MINISTACK_REGION", REGION),
            // The limit of a real account; the default depends on this machine's memory.
            ("LAMBDA_ACCOUNT_CONCURRENCY", "1000"),
            // Listeners on fixed ports that are not needed here.
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
        ]);
        let mut ministack = Process::start(&folder, "ministack", &mut command)?;

        let mut command = launcher(&tools.moto, tools, "moto.py");
        command.arg(moto_port.to_string()).env("MOTO_ACCOUNT_ID", ACCOUNT);
        command.env("AUTHORIZER", url(ministack_port));
        let mut moto = Process::start(&folder, "moto", &mut command)?;

        tokio::try_join!(
            moto.ready(PATIENCE, async || listens(moto_port).await),
            ministack.ready(PATIENCE, async || listens(ministack_port).await),
        )?;
        Ok(Self {
            moto: url(moto_port),
            ministack: url(ministack_port),
            clusters,
            calls,
            processes: [moto, ministack],
        })
    }

    /// URL of a cluster's TokenReview webhook. The cluster need not exist yet.
    #[must_use]
    pub fn token_webhook(&self, cluster: &str) -> String {
        format!("{}/_ministack/eks-auth/{ACCOUNT}/{REGION}/{cluster}/{WEBHOOK_SECRET}", self.ministack)
    }

    /// Sets the answer of DescribeCluster, for when the cluster exists.
    pub async fn set_cluster(&self, name: &str, endpoint: &str, ca_pem: &str) -> Result<()> {
        let cluster = json!({ "endpoint": endpoint, "ca": BASE64_STANDARD.encode(ca_pem) }).to_string();
        let (file, new) = (self.clusters.join(format!("{name}.json")), self.clusters.join(name));
        // In one step: ministack reads it at any time.
        let write = move || fs::write(&new, cluster).and_then(|()| fs::rename(&new, &file));
        tokio::task::spawn_blocking(write).await?.with_context(|| format!("description of cluster {name}"))
    }

    /// The actions requested with an access key so far, in order.
    pub fn calls_of(&self, access_key: &str) -> Result<Vec<String>> {
        let lines = fs::read_to_string(&self.calls).unwrap_or_default();
        let words = lines.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        Ok(words
            .filter(|words| words[0] == access_key)
            .filter_map(|words| Some((*words.get(1)?).to_owned()))
            .collect())
    }

    /// Process id of ministack, the parent of all running functions.
    #[must_use]
    pub fn lambda_process(&self) -> u32 {
        self.processes[1].id()
    }

    /// Lets both run after this value is dropped.
    pub fn leave_running(&mut self) {
        self.processes.iter_mut().for_each(Process::leave_running);
    }

    /// Ends both, and the functions with them.
    pub fn stop(&mut self) {
        self.processes.iter_mut().for_each(Process::stop);
    }
}

/// A launcher in an environment of its own: functions inherit ministack's.
fn launcher(python: &Path, tools: &Tools, name: &str) -> Command {
    let mut command = Command::new(python);
    // Isolated: the launchers have the names of the packages that they import.
    command.arg("-I").arg(tools.workspace.join("tests/real/emulators").join(name));
    command.env_clear().env("PATH", PATH);
    command
}
