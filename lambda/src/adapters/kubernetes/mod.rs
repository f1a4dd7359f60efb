//! The Kubernetes APIs of the registered clusters.

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::{Config, ports::Clusters};

mod answers;
mod cluster;
mod connection;
mod eks;
mod gate;
mod token;
mod transport;

pub use cluster::EksCluster;
pub use transport::{Endpoint, Http2, HttpService, ResponseBody, Transport};

/// Lambda ends an initialisation that takes ten seconds, and starts it all over again.
const WARM_UP: Duration = Duration::from_secs(3);

/// The registered clusters.
#[derive(Debug)]
pub struct Registry {
    clusters: Vec<EksCluster>,
}

impl Registry {
    pub(super) fn new(sdk: &SdkConfig, transport: &Arc<dyn Transport>, config: &Config) -> Self {
        let eks = eks::Eks::new(sdk);
        let known = |name: &String| config.endpoints.get(name).and_then(|known| Endpoint::known(name, known));
        let clusters =
            config.clusters.iter().map(|name| EksCluster::new(name, &eks, transport, known(name))).collect();
        Self { clusters }
    }

    pub(super) async fn warm_up(&self) {
        let connected =
            self.clusters.iter().map(|c| async { (&c.name, timeout(WARM_UP, c.connect()).await) });
        for (cluster, connected) in join_all(connected).await {
            let error = match connected {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(late) => late.to_string(),
            };
            tracing::warn!(cluster, error, "not reached at start, asked again when needed");
        }
    }
}

impl Clusters for Registry {
    type Cluster = EksCluster;

    fn get(&self, name: &str) -> Option<&EksCluster> {
        self.clusters.iter().find(|c| c.name == name)
    }

    fn names(&self) -> Vec<String> {
        self.clusters.iter().map(|c| c.name.clone()).collect()
    }
}
