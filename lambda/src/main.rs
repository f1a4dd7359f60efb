//! The Lambda function: wires the production adapters to the handler and runs it.

use std::{
    io::{ErrorKind, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use aws_config::BehaviorVersion;
use cast_spot_handler::{
    Answer, Config, Entry, Handler, Unhandled,
    adapters::{Adapters, Http2, aws},
    event::EventError,
    logging,
    report::{
        checks::{Failure, failures},
        metrics,
    },
};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "main is the one place that reads environment and clock")]
async fn main() -> Result<(), Error> {
    let config = Config::read(|name| std::env::var(name).ok(), read_file)?;
    let lines = logging::subscriber(config.log_format, config.log_level, std::io::stdout);
    tracing::subscriber::set_global_default(lines)?;
    config.log_ignored();
    rustls::crypto::aws_lc_rs::default_provider().install_default().map_err(|_| "a second TLS provider")?;
    let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(aws::http_client()?).load().await;
    let adapters = Adapters::new(&sdk, Arc::new(Http2), &config);
    adapters.warm_up().await;
    let handler = &Handler::new(adapters, config);
    let is_new = &AtomicBool::new(true);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        let cold = is_new.swap(false, Ordering::Relaxed);
        let entry = Entry { cold, ..Entry::at(SystemTime::now(), event.context.deadline()) };
        let answer = handler.handle(event.payload, entry).await;
        let answer = answer.map_err(|error| diagnostic(&Unhandled::Malformed(error)))?;
        log(&answer, entry);
        match answer.unhandled(entry.now) {
            None => Ok::<_, Diagnostic>(answer),
            Some(unhandled) => Err(diagnostic(&unhandled)),
        }
    }))
    .await
}

/// The canonical line and the metrics of each report.
fn log(answer: &Answer, entry: Entry) {
    for (message_id, error) in answer.malformed() {
        tracing::error!(message_id, error_type = EventError::TYPE, field = error.field, "{}", error.problem);
    }
    let mut out = std::io::stdout().lock();
    for report in answer.reports() {
        for Failure { cluster, checks, reason } in failures(&report.checks) {
            tracing::error!(cluster, checks, reason, "self-test failed");
        }
        let took = jiff::SignedDuration::from_millis(i64::try_from(report.duration_ms).unwrap_or_default());
        let line = serde_json::to_string(report).unwrap_or_default();
        let _ = writeln!(out, "{line}\n{}", metrics::line(report, entry.now + took));
    }
}

fn diagnostic(unhandled: &Unhandled) -> Diagnostic {
    Diagnostic { error_type: unhandled.error_type().to_owned(), error_message: unhandled.to_string() }
}

/// A file of a Lambda layer; `None` if it does not exist.
fn read_file(path: &str) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
