//! An admission webhook: a TLS server that denies every review, and its configuration for the evictions of one
//! namespace.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use cast_spot_real::{
    clock::eventually,
    lab::{Lab, PATIENCE},
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::{
    Api,
    api::{EvictParams, PostParams},
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The message of the refusal.
pub(crate) const WORDS: &str = "the pod will be moved by its operator";

/// A webhook; it lives as long as the stack.
pub(crate) struct Webhook {
    denied: Arc<AtomicUsize>,
}

impl Webhook {
    /// Denies the evictions of the lab's namespace with this status code; returns when it is in force.
    pub(crate) async fn deny_evictions(lab: &Lab<'_>, code: u16) -> Result<Self> {
        let certificate = generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        let authority = BASE64_STANDARD.encode(certificate.cert.pem());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://{}/", listener.local_addr()?);
        let denied = Arc::default();
        tokio::spawn(serve(listener, acceptor(&certificate)?, code, Arc::clone(&denied)));
        let configuration: ValidatingWebhookConfiguration = serde_json::from_value(json!({
            "metadata": { "name": lab.name },
            "webhooks": [{
                "name": format!("{}.cast-spot.test", lab.name),
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": 5,
                "clientConfig": { "url": url, "caBundle": authority },
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": lab.name } },
                "rules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"],
                    "operations": ["CREATE"],
                }],
            }],
        }))?;
        Api::all(lab.stack.kube.clone()).create(&PostParams::default(), &configuration).await?;
        let this = Self { denied };
        this.is_asked(lab).await?;
        Ok(this)
    }

    /// Number of denied evictions.
    pub(crate) fn denied(&self) -> usize {
        self.denied.load(Ordering::SeqCst)
    }

    async fn is_asked(&self, lab: &Lab<'_>) -> Result<()> {
        let pod = lab.pods_on(lab.victim()).await?.into_keys().next().unwrap_or_default();
        let dry = EvictParams {
            post_options: PostParams { dry_run: true, ..PostParams::default() },
            ..EvictParams::default()
        };
        eventually("the webhook is asked", PATIENCE, async || {
            let refused = lab.api::<k8s_openapi::api::core::v1::Pod>().evict(&pod, &dry).await.is_err();
            Ok((refused && self.denied() > 0).then_some(()))
        })
        .await?;
        self.denied.store(0, Ordering::SeqCst);
        Ok(())
    }
}

fn acceptor(CertifiedKey { cert, signing_key }: &CertifiedKey<rcgen::KeyPair>) -> Result<TlsAcceptor> {
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, code: u16, denied: Arc<AtomicUsize>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, denied) = (acceptor.clone(), Arc::clone(&denied));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let service = service_fn(move |request: Request<Incoming>| {
                let denied = Arc::clone(&denied);
                async move {
                    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
                    let review: Value =
                        body.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
                    denied.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Infallible>(denial(&review, code))
                }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn denial(review: &Value, code: u16) -> Response<Full<Bytes>> {
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": {
            "uid": review["request"]["uid"], "allowed": false,
            "status": { "code": code, "message": WORDS },
        },
    });
    Response::new(Full::new(Bytes::from(answer.to_string())))
}
