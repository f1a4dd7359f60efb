//! Whether a Deployment has its pods, and if not, what they wait for.

use serde_json::Value;

use super::{Error, Kubernetes};
use crate::check::{Check, Verdict};

impl Kubernetes {
    /// Tries the check that a cluster answers.
    pub(in crate::provider) async fn check(&self, check: &Check) -> Result<Verdict, Error> {
        match check {
            Check::Available { namespace, deployment } => self.available(namespace, deployment).await,
            other => Err(Error::other("check", format!("{other:?} is not of the cluster"))),
        }
    }

    async fn available(&self, namespace: &str, name: &str) -> Result<Verdict, Error> {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
        let Some(deployment) = self.get("get deployments", &path).await? else {
            return Ok(Verdict { passed: false, detail: "it is not there".to_owned() });
        };
        let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
        let has = |field: &str| deployment["status"][field].as_u64().unwrap_or_default();
        let is_seen = deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"];
        let counts = format!("{} of {wanted} pods available", has("availableReplicas"));
        if is_seen && has("updatedReplicas") >= wanted && has("availableReplicas") >= wanted && wanted > 0 {
            return Ok(Verdict { passed: true, detail: counts });
        }
        let mut reasons = vec![counts];
        reasons.extend(refusals(&deployment));
        reasons.extend(self.waiting(namespace, &deployment).await?);
        Ok(Verdict { passed: false, detail: reasons.join("\n") })
    }

    /// What each of its pods says that it waits for.
    async fn waiting(&self, namespace: &str, deployment: &Value) -> Result<Vec<String>, Error> {
        let labels = deployment["spec"]["selector"]["matchLabels"].as_object();
        let pairs = labels.into_iter().flatten();
        let selector: Vec<String> =
            pairs.filter_map(|(key, value)| Some(format!("{key}%3D{}", value.as_str()?))).collect();
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", selector.join(","));
        let pods = self.get("list pods", &path).await?.unwrap_or_default();
        Ok(pods["items"].as_array().into_iter().flatten().filter_map(why).collect())
    }
}

/// Conditions in which the controller says that it cannot make pods.
fn refusals(deployment: &Value) -> Vec<String> {
    let conditions = deployment["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .filter(|condition| {
            let (kind, is_true) = (condition["type"].as_str(), condition["status"] == "True");
            kind == Some("ReplicaFailure") && is_true || kind == Some("Progressing") && !is_true
        })
        .filter_map(|condition| condition["message"].as_str().map(str::to_owned))
        .collect()
}

/// Why a pod is not ready, in its own words ("Pod Lifecycle" in the Kubernetes documentation).
fn why(pod: &Value) -> Option<String> {
    let name = pod["metadata"]["name"].as_str()?;
    let status = &pod["status"];
    let said = |state: &Value| {
        let words = [&state["reason"], &state["message"]].map(|word| word.as_str().unwrap_or_default());
        words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(": ")
    };
    let containers = ["initContainerStatuses", "containerStatuses"];
    let containers = containers.iter().flat_map(|list| status[list].as_array().into_iter().flatten());
    for container in containers.filter(|container| container["ready"] != true) {
        for state in ["waiting", "terminated"] {
            let state = &container["state"][state];
            if state["reason"].is_string() {
                let last = said(&container["lastState"]["terminated"]);
                let last = if last.is_empty() { last } else { format!(" (before: {last})") };
                return Some(format!("pod {name}: {}{last}", said(state)));
            }
        }
    }
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut open = conditions.filter(|condition| condition["status"] == "False");
    open.find(|condition| condition["reason"].is_string() || condition["message"].is_string())
        .map(|condition| format!("pod {name}: {}", said(condition)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_says_what_it_waits_for() {
        let pod = |status: Value| json!({ "metadata": { "name": "p" }, "status": status });
        for (status, words) in [
            (
                json!({ "containerStatuses": [{
                    "ready": false,
                    "state": { "waiting": { "reason": "ImagePullBackOff", "message": "not found" } },
                }] }),
                Some("pod p: ImagePullBackOff: not found"),
            ),
            (
                json!({ "containerStatuses": [{
                    "ready": false,
                    "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                    "lastState": { "terminated": { "reason": "OOMKilled" } },
                }] }),
                Some("pod p: CrashLoopBackOff (before: OOMKilled)"),
            ),
            (
                json!({ "conditions": [{
                    "type": "PodScheduled", "status": "False",
                    "reason": "Unschedulable", "message": "0/3 nodes are available",
                }] }),
                Some("pod p: Unschedulable: 0/3 nodes are available"),
            ),
            (json!({ "conditions": [{ "type": "Ready", "status": "True" }] }), None),
        ] {
            assert_eq!(why(&pod(status)).as_deref(), words);
        }
    }

    #[test]
    fn a_controller_that_is_not_let_make_pods_says_why() {
        let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "message": kind });
        let conditions = [
            condition("ReplicaFailure", "True"),
            condition("Progressing", "True"),
            condition("Available", "False"),
        ];
        assert_eq!(refusals(&json!({ "status": { "conditions": conditions } })), ["ReplicaFailure"]);
    }
}
