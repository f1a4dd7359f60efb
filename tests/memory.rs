//! Peak memory while nodes are listed; a target of its own, because the peak is that of the process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use cast_spot_rehearsal::{Action, Api, ClusterSpec, Fault, FaultKind, NodeSpec, WorldSpec, run};
use serde_json::{Value, json};

const NODES: usize = 5_000;
const NODE_BYTES: usize = 30_000;
const NOTICES: usize = 10;
const MIB: u64 = 1 << 20;

/// A figure of the process, in bytes (proc_pid_status(5)).
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().unwrap() * 1_024
}

/// The world runs in the same process, so its nodes and pages count too.
#[test]
fn a_batch_over_thousands_of_large_nodes_stays_below_128_mib() {
    let mut spec = WorldSpec::baseline(1, NOTICES, 0);
    spec.node_bytes = NODE_BYTES;
    let nodes = (0..NODES).map(|index| NodeSpec { group: None, ..NodeSpec::baseline(index, 0) });
    let name = std::mem::take(&mut spec.cluster().name);
    *spec.cluster() =
        ClusterSpec { name, registered: true, nodes: nodes.collect(), ..ClusterSpec::default() };
    let record = |number: usize, body: &Value| json!({ "messageId": format!("m-{number}"), "eventSource": "aws:sqs", "body": body.to_string() });
    let records: Vec<Value> =
        (0..NOTICES).map(|index| record(index, &spec.interrupt(index, Action::Terminate, 0))).collect();
    spec.deliveries.clear();
    spec.deliver(0, json!({ "Records": records }));
    spec.faults.push(Fault::always(Api::Ec2, FaultKind::Throttled));
    let before = status("VmRSS");
    let outcome = run("memory", spec);
    let peak = (status("VmHWM") - before) / MIB;
    println!("{NOTICES} notices over {NODES} nodes of {NODE_BYTES} bytes: {peak} MiB, the world's included");
    assert_eq!(outcome.world.violations, []);
    assert!(outcome.reports.iter().all(|report| report["outcome"] == "drained"), "{:?}", outcome.reports);
    assert_eq!(outcome.world.calls["kubernetes:list nodes"], (NODES / 500) as u64);
    assert!(peak < 128, "{peak} MiB");
}
