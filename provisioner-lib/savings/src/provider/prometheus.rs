//! Asks a Prometheus for the usage of pods.

use std::time::Duration;

use cast_spot_cloud::{Error, ErrorKind, get};
use jiff::Timestamp;

use crate::{
    snapshot::Snapshot,
    usage::prometheus::{metrics, queries},
};

/// Days of usage that are read where nothing else is asked for: one of each weekday.
pub const USUAL_USAGE_DAYS: u32 = 7;
/// Prometheus gives up a query after two minutes (`--query.timeout`).
const ANSWER: Duration = Duration::from_secs(150);

/// Replaces the usage of pods in the snapshot by that of `days` until `now`, from the Prometheus at `url`.
pub async fn read_usage(url: &str, days: u32, now: Timestamp, snapshot: &mut Snapshot) -> Result<(), Error> {
    let call = format!("Prometheus {url}");
    let read = async |query: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .append_pair("time", &now.as_second().to_string())
            .finish();
        let address = format!("{}/api/v1/query?{query}", url.trim_end_matches('/'));
        // What it refuses, it says in the body.
        let answer = get(&address, ANSWER).await.map_err(|words| {
            Error::new(ErrorKind::Unreachable, &call, words).hint(
                "`kubectl port-forward -n NAMESPACE svc/PROMETHEUS 9090:80` and --prometheus http://localhost:9090",
            )
        });
        Ok::<_, Error>(answer?.1)
    };
    let [cpu, memory] = queries(days);
    let (cpu, memory) = (read(&cpu).await?, read(&memory).await?);
    snapshot.pod_metrics = metrics(&cpu, &memory, now).map_err(|words| {
        Error::other(&call, words)
            .hint("--usage-days 1 asks for less; a proxy that wants a login is not supported")
    })?;
    (snapshot.usage_days, snapshot.usage_unread) = (Some(days), None);
    Ok(())
}
