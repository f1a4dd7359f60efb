//! The provisioner: what a cluster and an AWS account must hold so that the handler can do its work.
//!
//! So far it is the keeper of the contract between the two: the words of `infra/`, embedded. The
//! handler never reads them; it is held to them by the tests.

/// EventBridge pattern that matches every Spot interruption notice of the account and region.
pub const EVENT_PATTERN_SPOT: &str = include_str!("../../infra/events/spot-interruption.json");

/// Kubernetes `ClusterRole` and `ClusterRoleBinding` (YAML) of the handler, for the group
/// `cast-spot:handler` that its access entry names.
pub const RBAC: &str = include_str!("../../infra/kubernetes/rbac.yaml");

/// IAM policy of the function's role for one cluster: exactly the calls that the handler makes.
///
/// `<partition>`, `<region>`, `<account>` and `<cluster>` are to be filled in. Groups count as the
/// cluster's when they carry the tag `kubernetes.io/cluster/<cluster>`. Writing logs is not in it:
/// attach `AWSLambdaBasicExecutionRole` (or `AWSLambdaVPCAccessExecutionRole`) beside it.
pub const HANDLER_POLICY: &str = include_str!("../../infra/iam/handler.json");
