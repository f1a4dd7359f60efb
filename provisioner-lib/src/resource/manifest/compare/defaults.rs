//! Fields that an object may have beyond its manifest.

use serde_json::Value;

/// What the API server fills in, by the end of its path: of the kinds in `infra/`, as Kubernetes 1.35 does. What later
/// servers fill in is asked of them, see `resource/manifest/kubernetes.rs`.
const DEFAULTS: &[(&str, &str)] = &[
    // Of a namespace.
    ("spec", r#"{"finalizers":["kubernetes"]}"#),
    ("spec.matchConstraints.matchPolicy", r#""Equivalent""#),
    ("spec.matchConstraints.resourceRules[].scope", r#""*""#),
    ("spec.progressDeadlineSeconds", "600"),
    ("spec.revisionHistoryLimit", "10"),
    (
        "spec.strategy",
        r#"{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"},"type":"RollingUpdate"}"#,
    ),
    ("template.spec.dnsPolicy", r#""ClusterFirst""#),
    ("template.spec.restartPolicy", r#""Always""#),
    ("template.spec.schedulerName", r#""default-scheduler""#),
    ("template.spec.terminationGracePeriodSeconds", "30"),
    ("template.spec.volumes[].configMap.defaultMode", "420"),
    ("containers[].imagePullPolicy", r#""IfNotPresent""#),
    // Of an image without a tag, or with the tag `latest`.
    ("containers[].imagePullPolicy", r#""Always""#),
    ("containers[].ports[].protocol", r#""TCP""#),
    ("containers[].terminationMessagePath", r#""/dev/termination-log""#),
    ("containers[].terminationMessagePolicy", r#""File""#),
    ("containers[].livenessProbe.failureThreshold", "3"),
    ("containers[].livenessProbe.httpGet.scheme", r#""HTTP""#),
    ("containers[].livenessProbe.successThreshold", "1"),
    ("containers[].livenessProbe.timeoutSeconds", "1"),
    ("containers[].readinessProbe.failureThreshold", "3"),
    ("containers[].readinessProbe.httpGet.scheme", r#""HTTP""#),
    ("containers[].readinessProbe.periodSeconds", "10"),
    ("containers[].readinessProbe.successThreshold", "1"),
    ("containers[].readinessProbe.timeoutSeconds", "1"),
    // The other name of serviceAccountName, which always follows it.
    ("template.spec.serviceAccount", ""),
];

/// Whose fields are those of controllers, people and tools, too: labels and annotations, what `kubectl rollout restart`
/// writes, and the memory that the sizing gives.
const SHARED: [&str; 4] =
    ["metadata", "status", "spec.template.metadata.annotations", "spec.template.spec.containers[].resources"];

/// Whether a field that is there and not wanted is left as it is.
pub(super) fn may_stay(path: &str, found: &Value) -> bool {
    let path = &without_names(path);
    let is_empty = match found {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    };
    let is_default = |(end, text): &(&str, &str)| {
        path.ends_with(end) && (text.is_empty() || serde_json::from_str(text).ok().as_ref() == Some(found))
    };
    let is_shared =
        |part: &&str| path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    is_empty || SHARED.iter().any(is_shared) || DEFAULTS.iter().any(is_default)
}

/// `containers[].name` of `containers[main].name`.
fn without_names(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| format!("{path}[]{}", part.split_once(']').map_or("", |(_, rest)| rest)))
}
