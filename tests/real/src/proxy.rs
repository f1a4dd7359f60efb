//! Toxiproxy between the function and everything that it calls: each API has a [`Wire`] of its own, which can be made
//! slow, narrow, silent or broken independently.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

use crate::{
    process::{Process, free_port, listens},
    tools::Tools,
};

/// A running Toxiproxy.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
    port: u16,
}

/// The path of one API through the proxy.
#[derive(Debug, Clone)]
pub struct Wire {
    name: String,
    control: u16,
    port: u16,
}

/// A fault of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every answer is delayed by this time.
    Latency(Duration),
    /// Bytes go in, none come out, and the connection stays open.
    Hang,
    /// The connection is reset as soon as it carries data.
    Reset,
    /// Bandwidth in kilobytes per second.
    Bandwidth(u64),
    /// Connections are refused.
    Down,
}

impl Proxy {
    /// Starts Toxiproxy without wires.
    pub async fn start(tools: &Tools, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(&tools.toxiproxy);
        command.args(["-host", "127.0.0.1", "-port", &port.to_string()]);
        let mut process = Process::start(folder, "toxiproxy", &mut command)?;
        process.ready(Duration::from_secs(20), async || listens(port).await).await?;
        Ok(Self { process, port })
    }

    /// A new wire to a port on this machine.
    pub async fn wire(&self, name: &str, upstream: u16) -> Result<Wire> {
        let port = free_port()?;
        let wire = Wire { name: name.to_owned(), control: self.port, port };
        let proxy = json!({
            "name": name, "enabled": true,
            "listen": format!("127.0.0.1:{port}"), "upstream": format!("127.0.0.1:{upstream}"),
        });
        wire.call(Method::POST, "/proxies", Some(&proxy)).await?;
        Ok(wire)
    }

    /// Lets it run after this value is dropped.
    pub fn leave_running(&mut self) {
        self.process.leave_running();
    }
}

impl Wire {
    /// The port to which the function connects.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The connections to the wire on this machine, open or just closed, by the client's port.
    pub fn connections(&self) -> Result<BTreeSet<u16>> {
        // `sl local_address rem_address st ...`, each address as HEX:HEX; the proxy's end and the client's are
        // a line each, as both are here. Only one of them stays after a connection is closed.
        let table = fs::read_to_string("/proc/net/tcp").context("/proc/net/tcp")?;
        let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
        let ends = table.lines().skip(1).filter_map(|line| {
            let mut addresses = line.split_whitespace().skip(1);
            Some((port(addresses.next()?)?, port(addresses.next()?)?))
        });
        Ok(ends
            .filter_map(|ends| match ends {
                (near, far) if near == self.port && far != 0 => Some(far),
                (near, far) if far == self.port => Some(near),
                _ => None,
            })
            .collect())
    }

    /// Adds a fault to the wire.
    pub async fn fault(&self, fault: Fault) -> Result<()> {
        let (kind, attributes) = match fault {
            Fault::Latency(time) => ("latency", json!({ "latency": time.as_millis() as u64 })),
            // Toxiproxy: a timeout of zero holds the data back and never closes the connection.
            Fault::Hang => ("timeout", json!({ "timeout": 0 })),
            Fault::Reset => ("reset_peer", json!({ "timeout": 0 })),
            Fault::Bandwidth(rate) => ("bandwidth", json!({ "rate": rate })),
            Fault::Down => return self.enable(false).await,
        };
        let toxic = json!({ "name": kind, "type": kind, "stream": "downstream", "attributes": attributes });
        self.call(Method::POST, &format!("/proxies/{}/toxics", self.name), Some(&toxic)).await.map(drop)
    }

    /// Removes all faults. Hung connections stay hung, so they are closed.
    pub async fn heal(&self) -> Result<()> {
        let toxics = self.call(Method::GET, &format!("/proxies/{}/toxics", self.name), None).await?;
        for toxic in toxics.as_array().into_iter().flatten().filter_map(|toxic| toxic["name"].as_str()) {
            self.call(Method::DELETE, &format!("/proxies/{}/toxics/{toxic}", self.name), None).await?;
        }
        self.enable(false).await?;
        self.enable(true).await
    }

    async fn enable(&self, enabled: bool) -> Result<()> {
        let change = json!({ "enabled": enabled });
        self.call(Method::POST, &format!("/proxies/{}", self.name), Some(&change)).await.map(drop)
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}{path}", self.control))
            .body(Full::new(body.map_or_else(Bytes::new, |body| body.to_string().into())))?;
        let answer = client.request(request).await.with_context(|| format!("Toxiproxy {path}"))?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "Toxiproxy {path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }
}
