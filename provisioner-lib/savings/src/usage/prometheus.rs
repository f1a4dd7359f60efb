//! Usage of pods over days, in the metrics of the kubelet that Prometheus keeps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta};
use serde_json::Value;

use crate::snapshot::{ContainerMetrics, PodMetrics};

/// Queries for the 95th percentile of CPU in cores and the greatest working set in bytes, by container. A kubelet that
/// is scraped twice counts once.
#[must_use]
pub fn queries(days: u32) -> [String; 2] {
    let by = "max by (namespace, pod, container)";
    let of = r#"{container!="",container!="POD",pod!=""}"#;
    [
        format!(
            "quantile_over_time(0.95, {by} (rate(container_cpu_usage_seconds_total{of}[5m]))[{days}d:5m])"
        ),
        format!("max_over_time({by} (container_memory_working_set_bytes{of})[{days}d:5m])"),
    ]
}

/// The answers to [`queries`] ("Instant queries" in the documentation of Prometheus) as metrics of pods, read `at` that
/// time. Fails with what Prometheus says.
pub fn metrics(cpu: &[u8], memory: &[u8], at: Timestamp) -> Result<Vec<PodMetrics>, String> {
    let mut pods: BTreeMap<(String, String), BTreeMap<String, BTreeMap<String, Quantity>>> = BTreeMap::new();
    for (name, answer, times, unit) in [("cpu", cpu, 1e9, "n"), ("memory", memory, 1.0, "")] {
        let answer: Value = serde_json::from_slice(answer)
            .map_err(|error| format!("the answer is not one of Prometheus: {error}"))?;
        let result = answer.pointer("/data/result").and_then(Value::as_array);
        let result =
            result.ok_or_else(|| answer["error"].as_str().unwrap_or("there is no data").to_owned())?;
        for series in result {
            let label = |name: &str| series["metric"][name].as_str().unwrap_or_default().to_owned();
            let number = series["value"][1].as_str().and_then(|number| number.parse::<f64>().ok());
            // NaN is not an amount.
            let Some(amount) = number.filter(|number| *number >= 0.0) else { continue };
            let amount = Quantity(format!("{}{unit}", (amount * times).ceil() as u64));
            let pod = pods.entry((label("namespace"), label("pod"))).or_default();
            pod.entry(label("container")).or_default().insert(name.to_owned(), amount);
        }
    }
    let pods = pods.into_iter().map(|((namespace, name), containers)| PodMetrics {
        metadata: ObjectMeta { namespace: Some(namespace), name: Some(name), ..ObjectMeta::default() },
        timestamp: Some(at),
        containers: containers.into_iter().map(|(name, usage)| ContainerMetrics { name, usage }).collect(),
    });
    Ok(pods.collect())
}
