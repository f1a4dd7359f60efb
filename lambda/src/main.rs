//! The Lambda function: wires the production adapters to the handler and runs it.

use std::{io::Write, sync::Arc, time::SystemTime};

use aws_config::BehaviorVersion;
use cast_spot_handler::{
    Answer, Config, Entry, Handler,
    adapters::{Adapters, Http2, aws},
    config::LogFormat,
    event::EventError,
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
    let config = Config::from_lookup(|name| std::env::var(name).ok())?;
    let lines = tracing_subscriber::fmt().with_max_level(config.log_level).without_time().with_ansi(false);
    match config.log_format {
        LogFormat::Json => lines.json().init(),
        LogFormat::Text => lines.init(),
    }
    rustls::crypto::aws_lc_rs::default_provider().install_default().map_err(|_| "a second TLS provider")?;
    let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(aws::http_client()?).load().await;
    let adapters = Adapters::new(&sdk, Arc::new(Http2), &config);
    adapters.warm_up().await;
    let handler = &Handler::new(adapters, config);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        let entry = Entry::at(SystemTime::now(), event.context.deadline());
        let answer = handler.handle(event.payload, entry).await.map_err(invalid)?;
        log(&answer, entry);
        Ok::<_, Diagnostic>(answer)
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

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn invalid(error: EventError) -> Diagnostic {
    Diagnostic { error_type: EventError::TYPE.to_owned(), error_message: error.to_string() }
}
