//! A connection that is dead without a reset, as after a failover or an expired NAT entry: open connections hang, new
//! ones work. Toxiproxy cannot tell the two apart.

use std::sync::Arc;

use anyhow::Result;
use cast_spot_real::{
    lab::Lab,
    notice::Notice,
    stack::{CLUSTER, Stack},
    workload::Workload,
};
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::watch,
    task::block_in_place,
};

use crate::in_time::{evictions, invoke, is_drained};

pub(crate) async fn a_dead_warm_connection_is_replaced_within_the_notice(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "stalled").await?;
    lab.scale(2).await?;
    let relay = Relay::start(stack).await?;
    lab.configure(&[]).await?;
    let first = invoke(&lab, &Notice::of(lab.victim()).seconds_ago(80)).await?;
    assert_eq!(first["outcome"], "drained", "{first}");
    assert_eq!(relay.opened(), 1);
    lab.machines.remove(0);
    lab.run(&Workload::deployment("web", 3)).await?;
    relay.stall();
    let notice = Notice::of(lab.victim()).seconds_ago(80);

    let report = invoke(&lab, &notice).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["summary"], json!({ "evicted": 3 }), "{report}");
    assert!(report["replacement"]["requested_after_ms"].as_u64().unwrap() < 3000, "{report}");
    assert_eq!(relay.opened(), 2, "one new connection, not one for each call");
    assert_eq!(evictions(&lab)?.len(), 3, "each pod once");
    assert!(is_drained(&lab).await?);
    let group = lab.group().await?;
    assert!(group.len() == 2 && !group.contains_key(&notice.instance), "{group:?}");
    // Detected by a ping and its time limit, 3 s each, or by the first call's limit.
    let cordon = lab.calls()?.into_iter().find(|call| call.verb == "patch" && call.code == 200).unwrap();
    let after = cordon.received.duration_since(notice.time).as_secs() - 80;
    assert!((2..12).contains(&after), "cordoned {after} s after the function was called");
    Ok(())
}

/// A relay to the API server instead of Toxiproxy. While it exists, EKS returns it as the cluster's endpoint.
struct Relay<'s> {
    stack: &'s Stack,
    connections: Arc<watch::Sender<Connections>>,
}

/// Number of opened connections, and how many of the oldest hang.
#[derive(Debug, Default, Clone, Copy)]
struct Connections {
    opened: usize,
    stalled: usize,
}

impl<'s> Relay<'s> {
    async fn start(stack: &'s Stack) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("https://{}", listener.local_addr()?);
        let connections = Arc::new(watch::Sender::new(Connections::default()));
        tokio::spawn(relay(listener, stack.wires.kubernetes.port(), Arc::clone(&connections)));
        let this = Self { stack, connections };
        stack.emulators.set_cluster(CLUSTER, &endpoint, &stack.control_plane.ca_pem()?).await?;
        Ok(this)
    }

    fn opened(&self) -> usize {
        self.connections.borrow().opened
    }

    /// Stalls all open connections.
    fn stall(&self) {
        self.connections.send_modify(|connections| connections.stalled = connections.opened);
    }
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        let endpoint = format!("https://127.0.0.1:{}", self.stack.wires.kubernetes.port());
        let restore = async {
            if let Ok(ca) = self.stack.control_plane.ca_pem() {
                let _ = self.stack.emulators.set_cluster(CLUSTER, &endpoint, &ca).await;
            }
        };
        block_in_place(|| Handle::current().block_on(restore));
    }
}

async fn relay(listener: TcpListener, upstream: u16, connections: Arc<watch::Sender<Connections>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let Ok(mut far) = TcpStream::connect(("127.0.0.1", upstream)).await else { continue };
        let mut seen = connections.subscribe();
        connections.send_modify(|connections| connections.opened += 1);
        let number = connections.borrow().opened;
        tokio::spawn(async move {
            let stalled = async { drop(seen.wait_for(|now| now.stalled >= number).await) };
            let hangs = tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => false,
                () = stalled => true,
            };
            if hangs {
                // Both ends stay open, and are not read.
                std::future::pending::<()>().await;
            }
        });
    }
}
