//! AWS that answers from a closure, on the wire.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;

/// Requests: host, a space, and the body.
pub(super) type Asked = Arc<Mutex<Vec<String>>>;

/// Status and body for a request.
type Answer = dyn Fn(&str) -> (u16, String) + Send + Sync;

#[derive(Clone)]
struct Wire {
    asked: Asked,
    answer: Arc<Answer>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let uri: http::Uri = request.uri().parse().unwrap();
        let asked = format!("{} {body}", uri.host().unwrap());
        let (status, answer) = (self.answer)(&asked);
        self.asked.lock().unwrap().push(asked);
        let status = StatusCode::try_from(status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer))))
    }
}

/// Settings of clients that ask `answer`, and what they have asked.
pub(super) fn config(
    region: &'static str,
    answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
) -> (SdkConfig, Asked) {
    let asked = Asked::default();
    let wire = Wire { asked: asked.clone(), answer: Arc::new(answer) };
    let client = http_client_fn(move |_, _| SharedHttpConnector::new(wire.clone()));
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(client);
    (config.build(), asked)
}
