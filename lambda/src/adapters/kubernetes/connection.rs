//! What stands between the kube client and the wire: the address, the bearer token, and the Retry-After
//! header, which kube would drop. While the API server does not know the caller, one probe goes for all calls.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, RETRY_AFTER},
    uri::PathAndQuery,
};
use http_body_util::{BodyExt, Full};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Service, ServiceExt};

use super::{Endpoint, HttpService, ResponseBody, gate::Gate, token::Signer};

/// A kube client for `endpoint` over `service`.
pub(super) fn client(endpoint: &Endpoint, service: HttpService, signer: Signer) -> kube::Client {
    kube::Client::new(
        Connection { server: endpoint.server.clone(), service, signer, gate: Arc::default() },
        "default",
    )
}

#[derive(Clone)]
struct Connection {
    server: Uri,
    service: HttpService,
    signer: Signer,
    gate: Arc<Gate>,
}

impl Service<Request<Body>> for Connection {
    type Response = Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Self { server, service, signer, gate } = self.clone();
        Box::pin(async move {
            let pass = match gate.pass().await {
                Ok(pass) => pass,
                Err(shut) => return unauthorized(&shut),
            };
            *request.uri_mut() = absolute(&server, request.uri())?;
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", signer.token().await?))?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
            let answer = service.oneshot(request).await?;
            if answer.status() == StatusCode::UNAUTHORIZED {
                signer.forget_old();
                return unauthorized(&pass.unknown());
            }
            pass.known();
            keep_retry_after(answer).await
        })
    }
}

/// A 401 that says for how long there have been such.
fn unauthorized(message: &str) -> Result<Response<ResponseBody>, BoxError> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized",
       "code": 401, "message": message});
    Ok(Response::builder().status(StatusCode::UNAUTHORIZED).body(json_body(&status)?)?)
}

fn json_body(status: &Value) -> Result<ResponseBody, BoxError> {
    Ok(Full::from(serde_json::to_vec(status)?).map_err(|never| match never {}).boxed_unsync())
}

fn absolute(server: &Uri, uri: &Uri) -> Result<Uri, BoxError> {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let base = server.path().trim_end_matches('/');
    Ok(Uri::builder()
        .scheme(server.scheme_str().unwrap_or("https"))
        .authority(server.authority().ok_or("the API server's address has no host")?.clone())
        .path_and_query(format!("{base}{path}"))
        .build()?)
}

/// Writes the header into the `Status` that kube reads. API priority and fairness throttles with the
/// header and a body of plain text; a conflict on a PodDisruptionBudget that outlives the API server's own retries is a 504.
async fn keep_retry_after(answer: Response<ResponseBody>) -> Result<Response<ResponseBody>, BoxError> {
    let seconds =
        answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u32>().ok());
    let status = answer.status();
    let asks_to_wait = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    );
    let (true, Some(seconds)) = (asks_to_wait, seconds) else { return Ok(answer) };
    let code = status.as_u16();
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut status =
        serde_json::from_slice::<Value>(&body).ok().filter(Value::is_object).unwrap_or_else(|| {
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                   "message": String::from_utf8_lossy(&body)})
        });
    status["details"]["retryAfterSeconds"] = seconds.into();
    Ok(Response::from_parts(head, json_body(&status)?))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn the_api_servers_address_is_put_before_the_path() {
        let server: Uri = "https://abc.eks.amazonaws.com/".parse().unwrap();
        let uri = absolute(&server, &"/api/v1/nodes/n?x=1".parse().unwrap()).unwrap();
        assert_eq!(uri, "https://abc.eks.amazonaws.com/api/v1/nodes/n?x=1");
    }

    #[tokio::test]
    async fn a_throttled_plain_text_answer_keeps_its_retry_after() {
        let body = Full::from("Too many requests, please try again later.").map_err(|never| match never {});
        let answer =
            Response::builder().status(429).header(RETRY_AFTER, "7").body(body.boxed_unsync()).unwrap();
        let body = keep_retry_after(answer).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let status: Status = serde_json::from_slice(&body).unwrap();
        assert_eq!(status.details.unwrap().retry_after_seconds, 7);
        assert_eq!(status.code, 429);
        assert_eq!(status.message, "Too many requests, please try again later.");
    }
}
