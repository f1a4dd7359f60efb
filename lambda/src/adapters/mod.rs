//! The ports, answered by AWS and Kubernetes. Wire formats live here and only here; decisions do not.
//!
//! ```text
//! Adapters ─┬─ ec2.rs, autoscaling.rs      AWS SDK operations
//!           └─ kubernetes/                 one kube client per cluster
//!                ├─ eks.rs                 address and CA by DescribeCluster, where the configuration has none
//!                ├─ token.rs               bearer token, signed locally
//!                ├─ transport.rs           HTTP/2, one TLS handshake per cluster
//!                ├─ cluster.rs             the Kubernetes calls
//!                └─ answers.rs             what an answer means
//! ```

use std::sync::Arc;

use aws_config::SdkConfig;

use crate::{Apis, Config};

mod autoscaling;
pub mod aws;
mod ec2;
pub mod kubernetes;

pub use autoscaling::AutoScalingApi;
pub use ec2::Ec2Api;
pub use kubernetes::{EksCluster, Endpoint, Http2, HttpService, Registry, ResponseBody, Transport};

/// The production APIs.
pub type Adapters = Apis<Ec2Api, AutoScalingApi, Registry>;

impl Adapters {
    /// Builds all clients; makes no call. `transport` opens the connection below each Kubernetes client.
    #[expect(clippy::needless_pass_by_value, reason = "it is given away: each cluster keeps a share")]
    pub fn new(sdk: &SdkConfig, transport: Arc<dyn Transport>, config: &Config) -> Self {
        Self {
            ec2: Ec2Api::new(sdk),
            auto_scaling: AutoScalingApi::new(sdk),
            clusters: Registry::new(sdk, &transport, config),
        }
    }

    /// Fetches what the first notice would have to wait for: address and CA of every cluster for which the
    /// configuration has none. A cluster that cannot be reached now is tried again when it is needed.
    pub async fn warm_up(&self) {
        self.clusters.warm_up().await;
    }
}

/// An error with its causes, each once.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}
