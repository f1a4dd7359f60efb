//! The production transport over real sockets: one TLS handshake per cluster, the wire bodies, and a
//! rotated certificate authority.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use aws_config::{Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use cast_spot_handler::{
    Config,
    adapters::{Adapters, Http2},
    ports::{CallError, Cluster, Clusters, End, Evicted},
};
use futures_util::future::join_all;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[tokio::test]
async fn all_evictions_of_a_full_node_share_one_tls_handshake() {
    let server = ApiServer::start().await;
    let eks = Eks::answering(&server.url, &server.ca_pem);
    let adapters = adapters(&eks);
    adapters.warm_up().await;
    let cluster = adapters.clusters.get("prod").unwrap();
    let names: Vec<String> = (0..110).map(|n| format!("web-{n}")).collect();
    let evicted = join_all(names.iter().map(|name| cluster.evict(end(name)))).await;
    assert!(evicted.iter().all(|answer| *answer == Ok(Evicted::Accepted)), "{evicted:?}");
    assert_eq!(server.handshakes.load(Ordering::SeqCst), 1);
    assert_eq!(eks.asked.load(Ordering::SeqCst), 1);

    let requests = server.requests.lock().unwrap();
    assert_eq!(requests.len(), 110);
    let web7 = requests.iter().find(|r| r.path == "/api/v1/namespaces/shop/pods/web-7/eviction?").unwrap();
    assert_eq!(web7.version, Version::HTTP_2);
    assert!(web7.authorization.starts_with("Bearer k8s-aws-v1."));
    assert_eq!(
        web7.body,
        json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": "web-7", "namespace": "shop"},
            "deleteOptions": {"gracePeriodSeconds": 17, "preconditions": {"uid": "uid-of-web-7"}},
        })
    );
}

#[tokio::test]
async fn a_rotated_authority_is_fetched_after_the_tls_failure() {
    let (old, new) = (ApiServer::start().await, ApiServer::start().await);
    let eks = Eks::answering(&new.url, &old.ca_pem);
    let adapters = adapters(&eks);
    let cluster = adapters.clusters.get("prod").unwrap();
    let refused = cluster.evict(end("web-1")).await;
    assert!(matches!(refused, Err(CallError::Transient(..))), "{refused:?}");
    eks.answer(&new.url, &new.ca_pem);
    assert_eq!(cluster.evict(end("web-1")).await, Ok(Evicted::Accepted));
    assert_eq!(eks.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_configured_endpoint_needs_no_eks_whatever_its_encoding() {
    let server = ApiServer::start().await;
    let eks = Eks::answering("https://nowhere.invalid", "");
    for ca in [
        BASE64_STANDARD.encode(&server.ca_pem),
        server.ca_pem.lines().filter(|l| !l.starts_with('-')).collect(),
    ] {
        let adapters = configured(&eks, &json!({"prod": {"server": server.url, "ca": ca}}));
        adapters.warm_up().await;
        let cluster = adapters.clusters.get("prod").unwrap();
        assert_eq!(cluster.evict(end("web-1")).await, Ok(Evicted::Accepted), "{ca}");
    }
    assert_eq!(eks.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_invalid_configured_authority_is_replaced_by_eks() {
    let server = ApiServer::start().await;
    let eks = Eks::answering(&server.url, &server.ca_pem);
    // DER, but not a certificate.
    let adapters = configured(&eks, &json!({"prod": {"server": server.url, "ca": "MAMCAQE="}}));
    let cluster = adapters.clusters.get("prod").unwrap();
    assert_eq!(cluster.evict(end("web-1")).await, Ok(Evicted::Accepted));
    assert_eq!(eks.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_configured_authority_that_was_rotated_is_replaced_by_eks() {
    let (old, new) = (ApiServer::start().await, ApiServer::start().await);
    let eks = Eks::answering(&new.url, &new.ca_pem);
    let ca = BASE64_STANDARD.encode(&old.ca_pem);
    let adapters = configured(&eks, &json!({"prod": {"server": new.url, "ca": ca}}));
    adapters.warm_up().await;
    assert_eq!(eks.asked.load(Ordering::SeqCst), 0);
    let cluster = adapters.clusters.get("prod").unwrap();
    let refused = cluster.evict(end("web-1")).await;
    assert!(matches!(refused, Err(CallError::Transient(..))), "{refused:?}");
    for pod in ["web-1", "web-2"] {
        assert_eq!(cluster.evict(end(pod)).await, Ok(Evicted::Accepted));
    }
    assert_eq!(eks.asked.load(Ordering::SeqCst), 1, "its answer holds for the life of the process");
}

fn end(name: &str) -> End<'_> {
    let uid = Box::leak(format!("uid-of-{name}").into_boxed_str());
    End { namespace: "shop", name, uid, grace_seconds: Some(17) }
}

fn adapters(eks: &Eks) -> Adapters {
    configured(eks, &json!({}))
}

fn configured(eks: &Eks, endpoints: &Value) -> Adapters {
    // The first test installs it, the second finds it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .region(Region::new("eu-west-1"))
        .behavior_version(aws_config::BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(eks.clone())
        .build();
    let variables = [("CAST_SPOT_CLUSTERS", "prod"), ("CAST_SPOT_ENDPOINTS", &endpoints.to_string())];
    let lookup = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, v)| (*v).to_owned());
    let config = Config::from_lookup(lookup).unwrap();
    Adapters::new(&sdk, Arc::new(Http2), &config)
}

struct Seen {
    path: String,
    version: Version,
    authorization: String,
    body: Value,
}

/// An API server that accepts every eviction, over TLS with a certificate of its own.
struct ApiServer {
    url: String,
    ca_pem: String,
    handshakes: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Seen>>>,
}

impl ApiServer {
    async fn start() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (handshakes, requests) = (Arc::new(AtomicUsize::new(0)), Arc::default());
        let server = Self { url, ca_pem: cert.pem(), handshakes, requests };
        let (handshakes, requests) = (server.handshakes.clone(), server.requests.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, handshakes, requests) =
                    (acceptor.clone(), handshakes.clone(), requests.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(socket).await else { return };
                    handshakes.fetch_add(1, Ordering::SeqCst);
                    let service = service_fn(move |request| accept(request, requests.clone()));
                    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        server
    }
}

async fn accept(
    request: Request<Incoming>,
    requests: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    requests.lock().unwrap().push(Seen {
        path: head.uri.path_and_query().unwrap().to_string(),
        version: head.version,
        authorization: head.headers["authorization"].to_str().unwrap().to_owned(),
        body: serde_json::from_slice(&body).unwrap(),
    });
    let status =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Response::builder().status(201).body(Full::from(status.to_string())).unwrap())
}

/// EKS: answers DescribeCluster.
#[derive(Debug, Clone)]
struct Eks {
    cluster: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
}

impl Eks {
    fn answering(url: &str, ca_pem: &str) -> Self {
        let eks = Self { cluster: Arc::default(), asked: Arc::default() };
        eks.answer(url, ca_pem);
        eks
    }

    fn answer(&self, url: &str, ca_pem: &str) {
        let ca = BASE64_STANDARD.encode(ca_pem);
        *self.cluster.lock().unwrap() =
            json!({"cluster": {"name": "prod", "endpoint": url, "certificateAuthority": {"data": ca}}});
    }
}

impl HttpConnector for Eks {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let body = self.cluster.lock().unwrap().to_string();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::try_from(200).unwrap(), body.into())))
    }
}

impl HttpClient for Eks {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
