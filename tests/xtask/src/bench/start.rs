//! One start of a function binary, as Lambda starts it.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::runtime_api::RuntimeApi;
use crate::process::{Failure, Outcome};

/// Longer than any start that is worth measuring.
const PATIENCE: Duration = Duration::from_secs(20);

/// The figures of one start.
pub(crate) struct Start {
    /// From before exec to the first `GET /invocation/next`.
    pub(crate) to_first_poll: Duration,
    /// VmHWM at that moment, in bytes. Linux only.
    pub(crate) peak_at_first_poll: Option<f64>,
}

impl Start {
    /// Starts `binary` once, and ends it.
    pub(crate) fn of(binary: &Path) -> Outcome<Self> {
        let api = RuntimeApi::listen()?;
        let mut command = Command::new(binary);
        command.env_clear().envs(environment(&api)).stdin(Stdio::null()).stdout(Stdio::null());
        let before = Instant::now();
        let child = command.spawn().map_err(|error| Failure::of(binary.display(), &error))?;
        // Ends the process on every way out of here.
        let child = Running(child);
        let at = api.polled(PATIENCE).ok_or_else(|| {
            let binary = binary.display();
            Failure::Other(format!("{binary} did not poll the runtime API within {PATIENCE:?}"))
        })?;
        Ok(Self { to_first_poll: at - before, peak_at_first_poll: child.peak_memory() })
    }
}

/// The variables of Lambda that the function reads, and one cluster.
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
        ("CAST_SPOT_STAY", "0"),
    ];
    let mut all: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).into();
    all.push(("AWS_LAMBDA_RUNTIME_API", api.address()));
    // AWS is the same listener, which answers 404 at once.
    all.push(("AWS_ENDPOINT_URL", format!("http://{}", api.address())));
    all
}

/// A process that ends with its owner.
pub(super) struct Running(pub(super) Child);

impl Running {
    /// VmHWM in bytes. Linux only.
    pub(super) fn peak_memory(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kib * 1024.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
