//! The AWS side: an HTTP client for the AWS SDKs whose connections end in the world.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::{Broken, Effect, Open, Reply, Wire, autoscaling, ec2, eks, xml::Form};
use crate::{facts::Operation, faults::Api, world::baseline::REGION};

/// The configuration with which one environment builds its AWS clients.
pub(crate) fn sdk_config(wire: &Wire) -> SdkConfig {
    let credentials =
        Credentials::new("AKIDWORLD", "secret-of-the-world", Some("session".to_owned()), None, "world");
    let environment = wire.clone();
    let client = http_client_fn(move |settings, _| {
        let read_timeout = settings.read_timeout();
        SharedHttpConnector::new(Connector { wire: environment.clone(), read_timeout })
    });
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(wire.world.clock())
        .build()
}

#[derive(Debug)]
struct Connector {
    wire: Wire,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (wire, read_timeout) = (self.wire.clone(), self.read_timeout);
        HttpConnectorFuture::new(async move {
            // An unread body would trip the SDK's stalled stream protection.
            let body = request.take_body().collect().await.map_err(ConnectorError::user)?.to_bytes();
            let authorization = request.headers().get("authorization").unwrap_or_default();
            let call = call(&wire, request.uri(), authorization, &body);
            let reply = match read_timeout {
                None => call.await,
                Some(limit) => {
                    timeout(limit, call).await.map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?
                }
            };
            let (reply, _open) = reply.map_err(|broken| ConnectorError::io(broken.into()))?;
            Ok(response(&reply))
        })
    }
}

/// Sends one request, whichever service it is for.
pub(crate) async fn call(
    wire: &Wire,
    uri: &str,
    authorization: &str,
    body: &Bytes,
) -> Result<(Reply, Open), Broken> {
    let form = Form::parse(body);
    let operation = operation(uri, authorization, &form);
    let effect: Effect = Box::new(move |state, call, fault| match call.operation.api {
        Api::Ec2 => ec2::answer(state, call, &form, fault),
        Api::AutoScaling => autoscaling::answer(state, call, &form, fault),
        Api::Eks | Api::Kubernetes => eks::answer(state, &call.operation.target, fault),
    });
    wire.call(operation, effect).await
}

/// What a request calls. All services may share one address: the credential scope `DATE/REGION/SERVICE/aws4_request` of
/// the signature tells them apart.
fn operation(uri: &str, authorization: &str, form: &Form) -> Operation {
    let uri: http::Uri = uri.parse().unwrap_or_default();
    let scope = authorization.split("/aws4_request").next().unwrap_or_default();
    let action = form.get("Action").unwrap_or_default().to_owned();
    let (api, name, target) = match scope.rsplit('/').next() {
        Some("ec2") => (Api::Ec2, action, ec2::target(form)),
        Some("autoscaling") => (Api::AutoScaling, action, autoscaling::target(form)),
        _ => {
            let name = uri.path().trim_start_matches("/clusters/").to_owned();
            (Api::Eks, "DescribeCluster".to_owned(), name)
        }
    };
    let cluster = (api == Api::Eks).then(|| target.clone());
    Operation { api, cluster, writes: !name.starts_with("Describe"), name, target }
}

fn response(reply: &Reply) -> HttpResponse {
    let status =
        StatusCode::try_from(reply.status).unwrap_or_else(|_| StatusCode::from(http::StatusCode::OK));
    let mut response = HttpResponse::new(status, SdkBody::from(reply.body.to_vec()));
    response.headers_mut().insert("content-type", reply.content_type);
    response
}
