//! A proxy between a handler and AWS that records requests and answers.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use cast_spot_rehearsal::live::Live;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;

/// A request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// `DetachInstances`, or method and path if the request names no operation.
    pub(crate) operation: String,
    /// The operation and all its parameters.
    pub(crate) asked: String,
    pub(crate) code: u16,
    /// Path of every element of an XML answer.
    pub(crate) elements: BTreeSet<String>,
}

/// A running recorder.
pub(crate) struct Recorder {
    /// The endpoint to give to a handler.
    pub(crate) url: String,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

#[derive(Clone)]
enum Upstream {
    At(String),
    World(Live),
}

impl Recorder {
    /// A recorder in front of a server.
    pub(crate) async fn before(url: String) -> Result<Self> {
        Self::start(Upstream::At(url)).await
    }

    /// A recorder in front of a world.
    pub(crate) async fn before_world(live: Live) -> Result<Self> {
        Self::start(Upstream::World(live)).await
    }

    async fn start(upstream: Upstream) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let exchanges = Arc::default();
        tokio::spawn(listen(listener, upstream, Arc::clone(&exchanges)));
        Ok(Self { url, exchanges })
    }

    /// All exchanges so far.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn listen(listener: TcpListener, upstream: Upstream, exchanges: Arc<Mutex<Vec<Exchange>>>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (upstream, exchanges) = (upstream.clone(), Arc::clone(&exchanges));
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (upstream, exchanges) = (upstream.clone(), Arc::clone(&exchanges));
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let (operation, asked) = words(&head, &body);
                    let (head, body) = upstream.pass_on(Request::from_parts(head, body)).await?.into_parts();
                    let exchange =
                        Exchange { operation, asked, code: head.status.as_u16(), elements: elements(&body) };
                    exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
                    Ok::<_, anyhow::Error>(Response::from_parts(head, Full::new(body)))
                }
            });
            http1::Builder::new().serve_connection(TokioIo::new(socket), service).await
        });
    }
}

impl Upstream {
    async fn pass_on(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>> {
        let (head, body) = match self {
            Self::World(live) => {
                let (head, body) = live.aws(request).await.map_err(|error| anyhow!(error))?.into_parts();
                (head, body.collect().await.map_err(|error| anyhow!(error))?.to_bytes())
            }
            Self::At(url) => {
                let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
                *request.uri_mut() = format!("{url}{path}").parse()?;
                let client = Client::builder(TokioExecutor::new()).build_http();
                let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
                (head, body.collect().await?.to_bytes())
            }
        };
        Ok(Response::from_parts(head, body))
    }
}

/// The operation, and the operation with its parameters in their order.
fn words(head: &http::request::Parts, body: &[u8]) -> (String, String) {
    let mut form: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
    form.retain(|(key, _)| key != "Version");
    let action = form.iter().find(|(key, _)| key == "Action").map(|(_, action)| action.clone());
    let Some(action) = action else {
        let rest = format!("{} {}", head.method, head.uri.path());
        return (head.method.to_string(), rest);
    };
    form.retain(|(key, _)| key != "Action");
    let parameters = form.iter().map(|(key, value)| format!(" {key}={value}"));
    (action.clone(), parameters.fold(action, |words, parameter| words + &parameter))
}

/// `a/b/c` of every element.
fn elements(xml: &[u8]) -> BTreeSet<String> {
    let xml = String::from_utf8_lossy(xml);
    let (mut path, mut found) = (Vec::new(), BTreeSet::new());
    for tag in xml.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        if tag.starts_with('/') {
            path.pop();
        } else if !tag.starts_with(['?', '!']) {
            path.push(tag.split([' ', '/', '\n']).next().unwrap_or_default());
            found.insert(path.join("/"));
            if tag.ends_with('/') {
                path.pop();
            }
        }
    }
    found
}
