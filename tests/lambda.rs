//! The function as its users run it on their own machine: `cargo lambda watch`, then
//! `cargo lambda invoke` with a payload. Every AWS endpoint is a closed port.
//!
//! `cargo xtask test` sets cargo-lambda up, names it in `CAST_SPOT_CARGO_LAMBDA` and runs these tests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that fails says so; real programs run on a real clock"
)]

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use cast_spot_tests::{payload, root};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const NAME: &str = "cast-spot-handler";

/// `cargo lambda watch` on a free loopback port; ends with its child processes.
struct Watch {
    child: Child,
    port: u16,
}

impl Watch {
    fn start() -> Self {
        let port = free_port();
        let nowhere = format!("http://127.0.0.1:{}", free_port());
        let mut command = cargo_lambda("watch");
        command
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string(), "--ignore-changes"])
            .envs([
                ("AWS_ENDPOINT_URL", nowhere.as_str()),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("CAST_SPOT_CLUSTERS", "prod"),
                ("CAST_SPOT_STAY", "0"),
            ])
            // Its own process group: a signal to the group reaches cargo, too.
            .process_group(0)
            .stdin(Stdio::null());
        let watch = Self { child: command.spawn().unwrap(), port };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "cargo lambda watch does not listen on port {port}");
            sleep(Duration::from_millis(50));
        }
        watch
    }

    fn invoke(&self, data: [&str; 2]) -> Output {
        let mut command = cargo_lambda("invoke");
        command
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &self.port.to_string()])
            .args(data)
            .arg(NAME);
        command.output().unwrap()
    }

    /// Invokes the function and returns its report.
    fn report(&self, data: [&str; 2]) -> Value {
        let output = self.invoke(data);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(report["schema"], "cast-spot.report/1");
        report
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-s", signal, "--", &group]).status();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // An interrupt lets it end the function, which it keeps in a process group of its own.
        self.signal("INT");
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        self.signal("KILL");
        let _ = self.child.wait();
    }
}

fn cargo_lambda(task: &str) -> Command {
    let program = env::var_os("CAST_SPOT_CARGO_LAMBDA").expect("run this test with `cargo xtask test`");
    let mut command = Command::new(program);
    command.args(["lambda", "--global", "cargo-lambda.toml", task]).current_dir(root());
    command
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A real notice, issued so many seconds ago.
fn notice(age: i64) -> String {
    let mut notice: Value =
        serde_json::from_str(&fs::read_to_string(payload("spot-terminate.json")).unwrap()).unwrap();
    notice["time"] = (Timestamp::now() - SignedDuration::from_secs(age)).to_string().into();
    notice.to_string()
}

#[test]
#[ignore = "needs cargo-lambda: run `cargo xtask test`"]
fn cargo_lambda_invoke_answers_a_payload_with_a_report() {
    let watch = Watch::start();

    // As the README shows it.
    let file = payload("spot-terminate.json");
    let report = watch.report(["--data-file", file.to_str().unwrap()]);
    assert_eq!(report["event"]["action"], "terminate", "{report}");

    let report = watch.report(["--data-ascii", &notice(600)]);
    assert_eq!(report["outcome"], "ignored", "{report}");

    // Twenty seconds are left, and neither EC2 nor the cluster answers.
    let report = watch.report(["--data-ascii", &notice(100)]);
    assert_eq!(report["outcome"], "failed", "{report}");
    assert!(report["calls"]["ec2:DescribeInstances"].as_u64() > Some(0), "it did not even try: {report}");

    let report =
        watch.report(["--data-ascii", &notice(0).replace("Spot Instance Interruption Warning", "Other")]);
    assert_eq!(report["outcome"], "ignored", "{report}");

    let output = watch.invoke(["--data-ascii", &notice(0).replace("instance-action", "action")]);
    let error =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{error}");
    assert!(error.contains("InvalidEvent") && error.contains("instance-action"), "{error}");
}
