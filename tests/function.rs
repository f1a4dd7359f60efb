//! The function's own binary drains a node: `main`, the AWS SDK over HTTP, the kube client over TLS and
//! HTTP/2, in real time. Behind the sockets is the embedded world (`lambda/rehearsal/examples/serve.rs`), whose
//! account of the drain counts.
//!
//! `cargo xtask test` builds both programs and runs this test.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

const PODS: u64 = 20;
/// The slowest pod takes a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of the build that this test is part of.
fn program(name: &str) -> Command {
    let test = env::current_exe().unwrap();
    let program: PathBuf = test.ancestors().nth(2).unwrap().join(name);
    assert!(program.exists(), "{} is not built: run `cargo xtask test`", program.display());
    Command::new(program)
}

struct World {
    process: Running,
    lines: Receiver<String>,
}

impl World {
    fn start() -> Self {
        let mut serve = program("examples/serve");
        serve.arg(PODS.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Running(serve.spawn().unwrap());
        let stdout = BufReader::new(process.0.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { process, lines }
    }

    fn says(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(PATIENCE).unwrap()).unwrap()
    }

    fn account(mut self) -> Value {
        drop(self.process.0.stdin.take());
        self.says()
    }
}

#[test]
#[ignore = "needs the function's binary: run `cargo xtask test`"]
fn the_binary_drains_a_node_over_real_sockets() {
    let world = World::start();
    let environment: BTreeMap<String, String> = serde_json::from_value(world.says()).unwrap();
    let mut function = program("cast-spot-handler");
    function.env_clear().envs(environment).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut function = Running(function.spawn().unwrap());
    let stdout = function.0.stdout.take().unwrap();
    let lines = thread::spawn(move || io::read_to_string(stdout).unwrap());

    let report = world.says();
    assert_eq!(report["schema"], "cast-spot.report/1", "{report}");
    assert_eq!(report["outcome"], "drained", "{report}");

    drop(function);
    let lines: Vec<Value> =
        lines.join().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.contains(&report), "the canonical line is not the answer: {lines:?}");
    let metrics = lines.iter().find(|line| line["_aws"].is_object()).unwrap();
    assert_eq!(metrics["PodsEvicted"], PODS, "{metrics}");

    let account = world.account();
    assert_eq!(account["world"]["violations"], json!([]), "{account}");
    let pods = json!({ "total": PODS, "drained": PODS, "deleted": 0, "left": 0, "killed": 0 });
    assert_eq!(account["world"]["pods"], pods);
    assert_eq!(account["world"]["replacements"], 1);
    assert_eq!(account["world"]["calls"]["kubernetes:create pods/eviction"], PODS);
    assert_eq!(account["world"]["calls"]["eks:DescribeCluster"], Value::Null, "{account}");
    assert!(account["cordoned_ms"].is_u64(), "{account}");
}
