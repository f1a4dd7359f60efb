//! The self-test: whether everything that a notice would ask answers, and what the function may do in each cluster.
//! It reads only.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, future::join_all};

use crate::{
    budget::Budget,
    panic_message,
    plan::access::{NEEDED, UNWANTED},
    ports::{Access, AutoScaling, CallError, Cluster, Clusters, Ec2, Right},
    report::checks::{CheckReport, Expected},
};

/// A self-test has time, but who waits for it at a terminal has not: an API that does not answer is waited for this
/// long.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A group that is not there: whether the answer comes is what counts.
const NO_GROUP: &str = "cast-spot-self-test";

const REVIEW: &str = "kubernetes:create selfsubjectaccessreviews";

/// Asks AWS, about an instance that is not there, and all clusters side by side.
pub async fn review(
    instance_id: &str,
    ec2: &impl Ec2,
    auto_scaling: &impl AutoScaling,
    clusters: &impl Clusters,
    budget: &Budget,
) -> Vec<CheckReport> {
    let names = clusters.names();
    let of_clusters = names.iter().map(async |name| match clusters.get(name) {
        Some(cluster) => guarded(name, of_cluster(name, cluster, budget)).await,
        None => Vec::new(),
    });
    let (of_aws, of_clusters) =
        tokio::join!(of_aws(instance_id, ec2, auto_scaling, budget), join_all(of_clusters));
    of_aws.into_iter().chain(of_clusters.into_iter().flatten()).collect()
}

/// The reads of both legs that need nothing that is there.
async fn of_aws(
    instance_id: &str,
    ec2: &impl Ec2,
    auto_scaling: &impl AutoScaling,
    budget: &Budget,
) -> [CheckReport; 3] {
    let (instances, members, groups) = (
        "ec2:DescribeInstances",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeAutoScalingGroups",
    );
    let answers = tokio::join!(
        budget.operation(instances, || ec2.describe_instance(instance_id)),
        budget.operation(members, || auto_scaling.membership(instance_id)),
        budget.operation(groups, || auto_scaling.group(NO_GROUP)),
    );
    [
        CheckReport::answered(None, instances, failure(answers.0)),
        CheckReport::answered(None, members, failure(answers.1)),
        CheckReport::answered(None, groups, failure(answers.2)),
    ]
}

/// The first review finds out whether there is a way to the API server at all: without one, the others would only
/// say the same.
async fn of_cluster(name: &str, cluster: &impl Cluster, budget: &Budget) -> Vec<CheckReport> {
    let ask = async |right: &Right| budget.retried(REVIEW, || cluster.review_access(right)).await;
    let [first, rest @ ..] = &NEEDED;
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
    let unwanted = UNWANTED.iter().map(|right| (right, Expected::Denied));
    let asked =
        needed.chain(unwanted).map(async |(right, expected)| judge(name, right, expected, ask(right).await));
    let judged = join_all(asked).await;
    [reached, judge(name, first, Expected::Allowed, access)].into_iter().chain(judged).collect()
}

fn judge(cluster: &str, right: &Right, expected: Expected, access: Result<Access, CallError>) -> CheckReport {
    let why = match access {
        Err(error) => Some(error.to_string()),
        Ok(access) if access.allowed == (expected == Expected::Allowed) => None,
        Ok(access) => {
            let said = if access.allowed { "allowed" } else { "denied" };
            let reason =
                if access.reason.is_empty() { String::new() } else { format!(": {}", access.reason) };
            Some(format!("{said}{reason}"))
        }
    };
    CheckReport::new(Some(cluster), right.to_string(), expected, why)
}

fn failure<T>(answer: Result<T, CallError>) -> Option<String> {
    answer.err().map(|error| error.to_string())
}

/// What goes wrong with one cluster does not hide the others.
async fn guarded(cluster: &str, review: impl Future<Output = Vec<CheckReport>>) -> Vec<CheckReport> {
    let result = AssertUnwindSafe(review).catch_unwind().await;
    result.unwrap_or_else(|panic| {
        vec![CheckReport::answered(Some(cluster), CheckReport::CONNECT, Some(panic_message(panic.as_ref())))]
    })
}
