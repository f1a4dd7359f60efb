//! The diagnostic log lines. Each line of a notice carries the fields of the notice's span: event, instance, cluster
//! and node.

use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogFormat;

/// Writes the lines of `level` and above.
pub fn subscriber<W>(format: LogFormat, level: Level, out: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines =
        tracing_subscriber::fmt().with_max_level(level).without_time().with_ansi(false).with_writer(out);
    match format {
        // From level DEBUG on, the AWS SDK has spans of its own inside of the notice's.
        LogFormat::Json => {
            Box::new(lines.json().with_current_span(true).with_span_list(level >= Level::DEBUG).finish())
        }
        LogFormat::Text => Box::new(lines.finish()),
    }
}
