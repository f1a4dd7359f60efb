//! Pods that the others depend on: DNS, controllers, autoscalers.

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use super::{Owned, Reason};
use crate::objects::labels;

/// Priority classes of pods without which a cluster does not work. Kubernetes documentation, "Guaranteed Scheduling
/// For Critical Add-On Pods".
const CRITICAL: [&str; 2] = ["system-cluster-critical", "system-node-critical"];
/// The lowest priority of those classes.
const CRITICAL_PRIORITY: i32 = 2_000_000_000;
/// What launches the nodes that replace interrupted ones.
const AUTOSCALERS: [&str; 5] = [
    "karpenter",
    "cluster-autoscaler",
    "aws-cluster-autoscaler",
    "castai-agent",
    "castai-cluster-controller",
];

/// Why a workload is of the platform.
pub(super) fn reason(owned: &Owned, pods: &[&Pod]) -> Option<Reason> {
    let pod = pods.first()?;
    let spec = pod.spec.as_ref()?;
    let class = spec.priority_class_name.as_deref().filter(|class| CRITICAL.contains(class));
    let text = if let Some(class) = class {
        format!("has the priority class {class}")
    } else if spec.priority.is_some_and(|priority| priority >= CRITICAL_PRIORITY) {
        "has the priority of system-critical pods".to_owned()
    } else if is_autoscaler(owned, pod) {
        "launches the nodes that replace interrupted ones".to_owned()
    } else if owned.namespace == "kube-system" && !is_headroom(spec) {
        "is of kube-system".to_owned()
    } else {
        return None;
    };
    Some(Reason::new("platform", format!("{text}: other pods depend on it")))
}

/// Whether the pods only hold room that any other pod takes from them: their priority is below the default of 0.
pub(crate) fn is_headroom(spec: &PodSpec) -> bool {
    spec.priority.is_some_and(|priority| priority < 0)
}

fn is_autoscaler(owned: &Owned, pod: &Pod) -> bool {
    let label = |name: &str| labels(&pod.metadata).get(name).map(String::as_str);
    let names = [Some(owned.name.as_str()), label("app.kubernetes.io/name"), label("app")];
    names.into_iter().flatten().any(|name| AUTOSCALERS.contains(&name))
}
