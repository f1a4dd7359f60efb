//! The embedded world behind real sockets, in real time, for the function's own binary: AWS and the Lambda
//! runtime API over HTTP/1.1, the API server over TLS and HTTP/2.
//!
//! `serve [PODS]` has three nodes with so many pods each, and EC2 interrupts the first one now. It prints
//! three lines of JSON: the environment for the function; the function's answer, once it is there; and,
//! after its own stdin was closed, the world's account of what happened.

#![expect(clippy::disallowed_methods, reason = "this world runs on the real clock")]

use std::{
    error::Error,
    future::pending,
    io::{Read, Write, stdin, stdout},
    sync::Arc,
    thread,
};

use bytes::Bytes;
use cast_spot_rehearsal::{
    Action, ExitTime, Outcome, WorldSpec,
    live::{Live, ReplyBody},
};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};
use tokio_rustls::TlsAcceptor;

type Fault = Box<dyn Error + Send + Sync>;

/// As many calls at a time as an API server takes on one connection.
const STREAMS: u32 = 100;

fn main() -> Result<(), Fault> {
    let pods = std::env::args().nth(1).map_or(Ok(20), |pods| pods.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(world(pods)))
}

/// Pods end within a second, and the function does not stay: this runs in real time.
fn world(pods: usize) -> WorldSpec {
    let mut spec = WorldSpec::baseline(7, 3, pods);
    spec.start = Timestamp::now();
    spec.full_pods = true;
    spec.env("CAST_SPOT_STAY", "0");
    for workload in &mut spec.cluster().workloads {
        workload.exit = ExitTime::Between(200, 1_000);
    }
    spec.interrupt(0, Action::Terminate, 0);
    spec
}

async fn serve(spec: WorldSpec) -> Result<(), Fault> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
    let acceptor = acceptor(cert.der(), &signing_key.serialize_der())?;
    let (aws, kubernetes) =
        (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let server = format!("https://localhost:{}", kubernetes.local_addr()?.port());
    let live = Live::begin(spec, &server, &cert.pem());

    let address = aws.local_addr()?.to_string();
    let mut environment = live.environment();
    environment.insert("AWS_ENDPOINT_URL".to_owned(), format!("http://{address}"));
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), address);
    for (name, value) in [("NAME", "cast-spot"), ("MEMORY_SIZE", "512"), ("VERSION", "$LATEST")] {
        environment.insert(format!("AWS_LAMBDA_FUNCTION_{name}"), value.to_owned());
    }
    tokio::spawn(listen_aws(aws, live.clone()));
    tokio::spawn(listen_kubernetes(kubernetes, acceptor, live.clone()));
    say(&json!(environment))?;
    closed().await?;
    say(&account(&live.outcome()))
}

fn say(line: &Value) -> Result<(), Fault> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Ends when the parent closes stdin or exits.
async fn closed() -> Result<(), Fault> {
    let (stop, stopped) = oneshot::channel();
    thread::spawn(move || stop.send(stdin().read_to_end(&mut Vec::new())));
    stopped.await??;
    Ok(())
}

/// What the world saw. Times are milliseconds since the notice.
fn account(outcome: &Outcome) -> Value {
    let node = &outcome.timelines[0];
    let delivery = outcome.deliveries.first();
    json!({
        "world": outcome.world,
        "invoked_ms": delivery.map(|delivery| delivery.at_ms),
        "cordoned_ms": node.cordoned_ms,
        "last_asked_ms": node.pods.iter().filter_map(|pod| pod.asked_ms).max(),
        "last_ended_ms": node.pods.iter().filter_map(|pod| pod.ended_ms).max(),
        "answered_ms": delivery.and_then(|delivery| delivery.answered_ms),
    })
}

fn acceptor(cert: &CertificateDer<'static>, key: &[u8]) -> Result<TlsAcceptor, Fault> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.clone()], PrivateKeyDer::try_from(key.to_vec())?)?;
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

async fn listen_kubernetes(listener: TcpListener, acceptor: TlsAcceptor, live: Live) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, live) = (acceptor.clone(), live.clone());
        tokio::spawn(async move {
            let stream = acceptor.accept(socket).await?;
            let service = service_fn(move |request| kubernetes(live.clone(), request));
            let mut server = http2::Builder::new(TokioExecutor::new());
            server.max_concurrent_streams(STREAMS);
            Ok::<_, Fault>(server.serve_connection(TokioIo::new(stream), service).await?)
        });
    }
}

async fn listen_aws(listener: TcpListener, live: Live) {
    while let Ok((socket, _)) = listener.accept().await {
        let live = live.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| aws(live.clone(), request));
            http1::Builder::new().serve_connection(TokioIo::new(socket), service).await
        });
    }
}

async fn kubernetes(live: Live, request: Request<Incoming>) -> Result<Response<ReplyBody>, Fault> {
    live.kubernetes(whole(request).await?).await
}

async fn aws(live: Live, request: Request<Incoming>) -> Result<Response<ReplyBody>, Fault> {
    let request = whole(request).await?;
    if request.uri().path().starts_with("/2018-06-01/runtime/") {
        runtime(&live, &request).await
    } else {
        live.aws(request).await
    }
}

async fn whole(request: Request<Incoming>) -> Result<Request<Bytes>, Fault> {
    let (head, body) = request.into_parts();
    Ok(Request::from_parts(head, body.collect().await?.to_bytes()))
}

/// The Lambda runtime API: one event, then none for good.
async fn runtime(live: &Live, request: &Request<Bytes>) -> Result<Response<ReplyBody>, Fault> {
    let mut head = Response::builder().status(202);
    let mut body = Bytes::new();
    if *request.method() == Method::GET {
        let Some((event, left_ms)) = live.invoke() else { return pending().await };
        let deadline_ms = Timestamp::now().as_millisecond().saturating_add_unsigned(left_ms);
        head = Response::builder()
            .header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
            .header("Lambda-Runtime-Deadline-Ms", deadline_ms)
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-west-1:111122223333:function:cast-spot",
            );
        body = event.to_string().into();
    } else {
        let answer: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        say(&answer)?;
        let failed = request.uri().path().ends_with("/error");
        live.answered(if failed { Err(answer.to_string()) } else { Ok(answer) });
    }
    Ok(head.body(Full::new(body).map_err(|never| match never {}).boxed_unsync())?)
}
