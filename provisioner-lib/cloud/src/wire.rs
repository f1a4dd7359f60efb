//! A fake AWS that answers HTTP requests from a closure, for tests of the requests and their order.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that fails says so")]

use std::{
    fmt,
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;

/// The requests so far: `POST / Action=..` of IAM, `PUT /2015-03-31/functions/.. {..}` of Lambda.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// Status of an answer that is lost: the service gets the request, and the connection breaks.
pub const LOST: u16 = 0;

/// Turns a request into one line.
type Describe = fn(&HttpRequest) -> String;

/// Returns status and body for a request.
type Answer = Box<dyn FnMut(&str) -> (u16, String) + Send>;

#[derive(Clone)]
struct Wire {
    describe: Describe,
    asked: Asked,
    answer: Arc<Mutex<Answer>>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = (self.describe)(&request);
        let (status, answer) = (self.answer.lock().unwrap())(&asked);
        self.asked.lock().unwrap().push(asked);
        if status == LOST {
            return HttpConnectorFuture::ready(Err(ConnectorError::io("the line was cut".into())));
        }
        let status = StatusCode::try_from(status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer))))
    }
}

/// The body of a request.
#[must_use]
pub fn body(request: &HttpRequest) -> String {
    String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned()
}

/// Settings of clients that `answer` serves, and their requests.
pub fn config(answer: impl FnMut(&str) -> (u16, String) + Send + 'static) -> (SdkConfig, Asked) {
    described(answer, |request| {
        let uri: http::Uri = request.uri().parse().unwrap();
        format!("{} {} {}", request.method(), uri.path(), body(request))
    })
}

/// The same, with requests in the form that `describe` gives them.
pub fn described(
    answer: impl FnMut(&str) -> (u16, String) + Send + 'static,
    describe: Describe,
) -> (SdkConfig, Asked) {
    let asked = Asked::default();
    let wire = Wire { describe, asked: asked.clone(), answer: Arc::new(Mutex::new(Box::new(answer))) };
    let client = http_client_fn(move |_, _| SharedHttpConnector::new(wire.clone()));
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(client);
    (config.build(), asked)
}

/// The requests so far, each cut after the part that names the call.
pub fn calls(asked: &Asked) -> Vec<String> {
    let asked = asked.lock().unwrap();
    asked.iter().map(|asked| action(asked).map_or_else(|| line(asked), str::to_owned)).collect()
}

/// The action of a call of the query protocol, such as those of IAM.
#[must_use]
pub fn action(asked: &str) -> Option<&str> {
    asked.split_once("Action=").and_then(|(_, rest)| rest.split('&').next())
}

fn line(asked: &str) -> String {
    asked.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Starts a server that serves a zip once, as S3 does. Returns its URL.
#[must_use]
pub fn s3(zip: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/zip", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", zip.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&zip).unwrap();
    });
    url
}
