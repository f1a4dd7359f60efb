//! The self-test: whether all APIs that a notice needs answer, and what the function may do in each cluster. It writes
//! nothing.

use std::time::Duration;

use futures_util::future::join_all;

use super::guard::guarded;
use crate::{
    Apis,
    budget::Budget,
    ports::{Access, AutoScaling, Call, CallError, CallResult, Cluster, Clusters, Ec2, Right},
    report::checks::{CheckReport, Expected},
};

/// How long a self-test waits for an API that does not answer: an operator may wait for it at a terminal.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A group that does not exist: only whether an answer comes counts.
const NO_GROUP: &str = "cast-spot-self-test";

const REVIEW: &str = "kubernetes:create selfsubjectaccessreviews";

/// Asks AWS, about an instance that does not exist, and all clusters side by side.
pub(crate) async fn review<E: Ec2, A: AutoScaling, C: Clusters>(
    instance_id: &str,
    Apis { ec2, auto_scaling, clusters }: &Apis<E, A, C>,
    budget: &Budget,
) -> Vec<CheckReport> {
    let names = clusters.names();
    let of_clusters = names.iter().map(async |name| match clusters.get(name) {
        Some(cluster) => {
            let failed = |panic| vec![CheckReport::answered(Some(name), CheckReport::CONNECT, Some(panic))];
            guarded(of_cluster(name, cluster, budget), failed).await
        }
        None => Vec::new(),
    });
    let (of_aws, of_clusters) =
        tokio::join!(of_aws(instance_id, ec2, auto_scaling, budget), join_all(of_clusters));
    of_aws.into_iter().chain(of_clusters.into_iter().flatten()).collect()
}

/// The reads of both legs that need no existing object.
async fn of_aws(
    instance_id: &str,
    ec2: &impl Ec2,
    auto_scaling: &impl AutoScaling,
    budget: &Budget,
) -> [CheckReport; 3] {
    let (instances, members, groups) = tokio::join!(
        answered(budget, "ec2:DescribeInstances", || ec2.describe_instance(instance_id)),
        answered(budget, "autoscaling:DescribeAutoScalingInstances", || auto_scaling.membership(instance_id)),
        answered(budget, "autoscaling:DescribeAutoScalingGroups", || auto_scaling.group(NO_GROUP)),
    );
    [instances, members, groups]
}

/// Whether an operation of AWS is answered.
async fn answered<T, F: Call<T>>(budget: &Budget, name: &str, call: impl FnMut() -> F) -> CheckReport {
    let failure = budget.operation(name, call).await.err();
    CheckReport::answered(None, name, failure.map(|error| error.to_string()))
}

/// The first review finds out whether the API server is reachable at all: if not, the others would only repeat it.
async fn of_cluster(name: &str, cluster: &impl Cluster, budget: &Budget) -> Vec<CheckReport> {
    let ask = async |right: &Right| budget.retried(REVIEW, || cluster.review_access(right)).await;
    let [first, rest @ ..] = &Right::NEEDED;
    let access = ask(first).await;
    let reached = CheckReport::answered(
        Some(name),
        CheckReport::CONNECT,
        access.as_ref().err().map(CallError::to_string),
    );
    if access.is_err() {
        return vec![reached];
    }
    let needed = rest.iter().map(|right| (right, Expected::Allowed));
    let unwanted = Right::UNWANTED.iter().map(|right| (right, Expected::Denied));
    let asked =
        needed.chain(unwanted).map(async |(right, expected)| judge(name, right, expected, ask(right).await));
    let judged = join_all(asked).await;
    [reached, judge(name, first, Expected::Allowed, access)].into_iter().chain(judged).collect()
}

fn judge(cluster: &str, right: &Right, expected: Expected, access: CallResult<Access>) -> CheckReport {
    let why = match access {
        Err(error) => Some(error.to_string()),
        Ok(access) if access.allowed == (expected == Expected::Allowed) => None,
        Ok(access) => {
            let answer = if access.allowed { "allowed" } else { "denied" };
            let reason =
                if access.reason.is_empty() { String::new() } else { format!(": {}", access.reason) };
            Some(format!("{answer}{reason}"))
        }
    };
    CheckReport::new(Some(cluster), right.to_string(), expected, why)
}
