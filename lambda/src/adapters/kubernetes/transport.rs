//! The connection below a Kubernetes client: HTTP/2, so that all calls to a cluster share one TLS
//! handshake. kube's own connector speaks HTTP/1.1, where 110 parallel evictions are 110 handshakes.

use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    client::{Body, ConfigExt},
    config::Config,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tower::{BoxError, ServiceExt, util::BoxCloneService};

use crate::{adapters::aws::IDLE_CONNECTION, config::ClusterEndpoint};

/// Body of an answer.
pub type ResponseBody = UnsyncBoxBody<Bytes, BoxError>;

/// An HTTP connection to one API server.
pub type HttpService = BoxCloneService<Request<Body>, Response<ResponseBody>, BoxError>;

/// Address of an API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name of the cluster.
    pub cluster: String,
    /// Base URL.
    pub server: Uri,
    /// Certificate authority, PEM.
    pub ca_pem: Vec<u8>,
}

impl Endpoint {
    /// The endpoint of `cluster` in the configuration.
    pub(super) fn known(cluster: &str, known: &ClusterEndpoint) -> Option<Self> {
        let server = known.server.parse().ok()?;
        Some(Self { cluster: cluster.to_owned(), server, ca_pem: known.ca_pem.clone() })
    }
}

/// Opens connections to API servers.
pub trait Transport: std::fmt::Debug + Send + Sync + 'static {
    /// A connection to `endpoint`; nothing is sent yet.
    fn open(&self, endpoint: &Endpoint) -> Result<HttpService, BoxError>;
}

/// HTTP/2 over TCP and TLS.
#[derive(Debug, Clone, Copy, Default)]
pub struct Http2;

impl Transport for Http2 {
    fn open(&self, endpoint: &Endpoint) -> Result<HttpService, BoxError> {
        let roots = CertificateDer::pem_slice_iter(&endpoint.ca_pem)
            .map(|certificate| Ok(certificate?.to_vec()))
            .collect::<Result<Vec<_>, BoxError>>()?;
        let mut config = Config::new(endpoint.server.clone());
        config.root_cert = Some(roots);
        let tls = config.rustls_client_config()?;

        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(Duration::from_secs(2)));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http2().wrap_connector(tcp);

        // `http2_only`: calls that begin together wait for the one connection instead of opening theirs.
        // The pings find out that a connection is dead while calls wait on it.
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .http2_keep_alive_interval(Duration::from_secs(3))
            .http2_keep_alive_timeout(Duration::from_secs(3))
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .build::<_, Body>(connector);
        let service = client
            .map_response(|answer| answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
            .map_err(BoxError::from);
        Ok(HttpService::new(service))
    }
}
