//! One drain of a full node by a function binary, over real sockets.

use std::{
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{ChildStdout, Command, Stdio},
};

use serde_json::{Map, Value};

use super::start::Running;
use crate::process::{Failure, Outcome};

/// Pods on the node: as many as fit on most instance types.
const PODS: u64 = 110;

/// The figures of one drain.
pub(crate) struct Drain {
    /// VmHWM of the function at its end, in bytes. Linux only.
    pub(crate) peak: Option<f64>,
    /// Milliseconds from the event to the last eviction's arrival.
    pub(crate) to_last_eviction: f64,
    /// Milliseconds from the event to the answer: all pods have ended.
    pub(crate) to_answer: f64,
}

impl Drain {
    /// Lets `binary` drain a node of `world`.
    pub(crate) fn by(binary: &Path, world: &Path) -> Outcome<Self> {
        let mut serve = Command::new(world);
        serve.arg(PODS.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut serve = serve.spawn().map_err(|error| Failure::of(world.display(), &error))?;
        let (stdin, stdout) = (serve.stdin.take(), serve.stdout.take());
        let _serve = Running(serve);
        let mut lines = BufReader::new(stdout.ok_or_else(silent)?).lines();

        let environment: Map<String, Value> = serde_json::from_value(line(&mut lines)?).map_err(nonsense)?;
        let mut function = Command::new(binary);
        function.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
        function.envs(environment.iter().filter_map(|(name, value)| Some((name, value.as_str()?))));
        let function = function.spawn().map_err(|error| Failure::of(binary.display(), &error))?;
        let function = Running(function);

        let report = line(&mut lines)?;
        let peak = function.peak_memory();
        drop(stdin);
        let account = line(&mut lines)?;
        if account["world"]["pods"]["drained"] != PODS
            || account["world"]["violations"] != Value::Array(vec![])
        {
            return Err(Failure::Other(format!("not drained: {account}\n{report}")));
        }
        let since_event = |name: &str| {
            let (at, event) = (account[name].as_f64(), account["invoked_ms"].as_f64());
            at.zip(event).map(|(at, event)| at - event).ok_or_else(silent)
        };
        Ok(Self {
            peak,
            to_last_eviction: since_event("last_asked_ms")?,
            to_answer: since_event("answered_ms")?,
        })
    }
}

fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> Outcome<Value> {
    let line = lines.next().ok_or_else(silent)?.map_err(|error| Failure::of("the world", &error))?;
    serde_json::from_str(&line).map_err(nonsense)
}

fn silent() -> Failure {
    Failure::Other("the world ended without a word".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err passes it")]
fn nonsense(error: serde_json::Error) -> Failure {
    Failure::Other(format!("the world does not speak JSON: {error}"))
}
