//! One start of a function binary, as Lambda starts it.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::runtime_api::{RuntimeApi, Seen};
use crate::process::{Failure, Outcome};

/// Longer than any start that is worth measuring.
const PATIENCE: Duration = Duration::from_secs(20);
/// No kind that the handler knows: it answers `ignored`, without a call to anyone.
const IGNORED_EVENT: &str = r#"{
    "version": "0", "id": "2b1c6a3e-0000-4000-8000-000000000000", "detail-type": "Scheduled Event",
    "source": "aws.events", "account": "123456789012", "time": "2026-03-01T10:00:00Z",
    "region": "eu-west-1", "resources": [], "detail": {}
}"#;

/// What one start showed.
pub(crate) struct Start {
    /// From before exec to the first `GET /invocation/next`.
    pub(crate) to_first_poll: Duration,
    /// VmHWM at that moment, in bytes. Linux only.
    pub(crate) peak_at_first_poll: Option<f64>,
    /// VmHWM after an ignored event, in bytes. Linux only.
    pub(crate) peak_after_event: Option<f64>,
}

impl Start {
    /// Starts `binary` once, gives it one event, and ends it.
    pub(crate) fn of(binary: &Path) -> Outcome<Self> {
        let api = RuntimeApi::listen()?;
        let mut command = Command::new(binary);
        command.env_clear().envs(environment(&api)).stdin(Stdio::null()).stdout(Stdio::null());
        let before = Instant::now();
        let child = command.spawn().map_err(|error| Failure::of(binary.display(), &error))?;
        // Ends the process on every way out of here.
        let child = Running(child);
        let fault = |what: &str| Failure::Other(format!("{}: {what} within {PATIENCE:?}", binary.display()));

        let Some(Seen::Polled(at)) = api.seen(PATIENCE) else {
            return Err(fault("did not poll the runtime API"));
        };
        let peak_at_first_poll = child.peak_memory();
        api.give(IGNORED_EVENT);
        let Some(Seen::Answered) = api.seen(PATIENCE) else {
            return Err(fault("did not answer an event"));
        };
        let Some(Seen::Polled(_)) = api.seen(PATIENCE) else {
            return Err(fault("did not poll again after an event"));
        };
        Ok(Self { to_first_poll: at - before, peak_at_first_poll, peak_after_event: child.peak_memory() })
    }
}

/// The variables that Lambda sets, as far as a function looks at them, and one cluster.
fn environment(api: &RuntimeApi) -> Vec<(&'static str, String)> {
    let fixed = [
        ("AWS_LAMBDA_FUNCTION_NAME", "cast-spot"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/cast-spot"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("CAST_SPOT_CLUSTERS", "bench"),
    ];
    let mut all: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).into();
    all.push(("AWS_LAMBDA_RUNTIME_API", api.address()));
    // AWS is the same listener. It knows nothing, and says so at once.
    all.push(("AWS_ENDPOINT_URL", format!("http://{}", api.address())));
    all
}

struct Running(Child);

impl Running {
    fn peak_memory(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kib * 1024.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already, and then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Median of what `value` takes out of each start.
pub(crate) fn median(starts: &[Start], value: impl Fn(&Start) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> = starts.iter().filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
