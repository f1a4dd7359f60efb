//! Instance -> cluster, node, group. EC2 answers first; where it is throttled, slow or down, the registered
//! clusters' own node lists do, and where those fail too, the tags of its Auto Scaling group.
//!
//! Most notices of an account may be about instances of other systems. So each of the three ways is bounded: four
//! calls to EC2, two lists of each cluster that answers, and all of it ends within 30 s.

use std::{fmt, future::pending, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{sync::watch, time::timeout};

use crate::{
    budget::{Budget, jittered},
    event::Subject,
    plan::{node::names_instance, owner::Owner, retry::pause},
    ports::{AutoScaling, CallError, Cluster, Clusters, Ec2},
    report::reason,
};

mod place;

const DESCRIBE: &str = "ec2:DescribeInstances";
const LIST: &str = "kubernetes:list nodes";
const MEMBERSHIP: &str = "autoscaling:DescribeAutoScalingInstances";
const GROUP: &str = "autoscaling:DescribeAutoScalingGroups";

/// EC2 is given this long before the node lists are asked beside it: several round trips of a healthy
/// API, and small against two minutes.
const HEAD_START: Duration = Duration::from_millis(500);

/// The same in a new environment, which has yet to resolve names, open connections and fetch credentials.
const COLD_HEAD_START: Duration = Duration::from_secs(2);

/// Pauses between the calls to EC2. Functions that were throttled together would keep its request bucket empty.
const EC2_PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// The first pause after a call that had no answer: a broken connection is not throttling.
const EC2_RECONNECT: Duration = Duration::from_millis(200);

/// All lists are asked again this long after they had no node of the instance: it may be joining just now, and a
/// cluster that refused may answer. Nothing says yet that the instance is of a registered cluster: there is no third.
const SECOND_LOOK: Duration = Duration::from_secs(10);

/// Limit of one list with all its pages.
pub(crate) const LIST_LIMIT: Duration = Duration::from_secs(20);

/// No way is followed for longer.
const SEARCH: Duration = Duration::from_secs(30);

/// Limit of the look at the instance of a notice that came too late.
pub const LATE_LOOK: Duration = Duration::from_secs(15);

/// Where an instance stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// EC2 instance id.
    pub instance_id: String,
    /// Registered EKS cluster.
    pub cluster: String,
    /// What the node's providerID must be.
    pub provider_id: String,
    /// Most likely node name; the providerID decides.
    pub node: Option<String>,
    /// Auto Scaling group, where it is known.
    pub group: Option<String>,
    /// The group belongs to an EKS managed node group.
    pub managed: bool,
    /// Another owner of the node: it is only observed.
    pub owner: Option<Owner>,
    /// EC2 shows the instance as running.
    pub running: bool,
    /// The instance ends sooner than the notice says.
    pub ends: Option<Ending>,
    /// Why EC2 did not tell, where a node list or the group had to.
    pub ec2_failure: Option<String>,
}

impl Target {
    /// What a reader has to know about how the instance was located.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        reason([self.ends.as_ref().map(|ending| ending.reason.clone()), self.ec2_failure.clone()])
    }
}

/// An end that is sooner than the notice's deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// From now on.
    pub within: Duration,
    /// What says so.
    pub reason: String,
}

/// What locating an instance found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// It is a node of a registered cluster.
    Here(Target),
    /// It was one, and is terminated.
    Gone {
        /// Registered EKS cluster.
        cluster: String,
        /// What says so.
        reason: String,
    },
    /// It is none of ours, and why.
    Elsewhere(String),
}

/// What the ways of locating an instance know of one another.
struct Progress {
    ec2: watch::Sender<Ec2Answer>,
    /// A node list fails, more than once or for good.
    lists_fail: watch::Sender<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ec2Answer {
    Pending,
    Failed(CallError),
    Unknown,
}

impl fmt::Display for Ec2Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("no answer yet"),
            Self::Failed(error) => error.fmt(f),
            Self::Unknown => f.write_str("it does not know the instance"),
        }
    }
}

/// What the node lists say.
enum Lists {
    Decided(Located),
    /// All clusters have answered, and none has the instance.
    Nowhere,
    /// None has it, and these could not be asked.
    Failing(Vec<String>),
}

/// Locates the instance of a notice. An error says why none of the ways could tell.
pub async fn locate(
    ec2: &impl Ec2,
    auto_scaling: &impl AutoScaling,
    clusters: &impl Clusters,
    subject: &Subject,
    cold: bool,
    budget: &Budget,
) -> Result<Located, String> {
    let registered = clusters.names();
    let progress =
        Progress { ec2: watch::Sender::new(Ec2Answer::Pending), lists_fail: watch::Sender::new(false) };
    let asked = ask_ec2(ec2, &registered, subject, budget, &progress);
    let head_start = if cold { COLD_HEAD_START } else { HEAD_START };
    let listed = search(clusters, subject, head_start, budget, &progress);
    let grouped = ask_group(auto_scaling, &registered, subject, budget, &progress);
    let over = budget.wait_until(SEARCH.min(budget.timetable().report_deadline()));
    tokio::pin!(asked, listed, grouped, over);
    // Why EC2 did not locate it, where another way did.
    let by = |way: &str, located: Located| match located {
        Located::Here(target) => {
            let ec2_failure = Some(format!("located by {way} alone (EC2: {})", *progress.ec2.borrow()));
            Located::Here(Target { ec2_failure, ..target })
        }
        located => located,
    };
    let (mut ec2_gave_up, mut faults, mut group) = (false, None, None);
    while !(ec2_gave_up && faults.is_some() && group.is_some()) {
        tokio::select! {
            biased;
            answer = &mut asked, if !ec2_gave_up => match answer {
                Some(located) => return Ok(located),
                None => ec2_gave_up = true,
            },
            lists = &mut listed, if faults.is_none() => match lists {
                Lists::Decided(located) => return Ok(by("the node list", located)),
                Lists::Nowhere => return Ok(Located::Elsewhere(format!(
                    "no node of a registered cluster runs on {} (EC2: {})",
                    subject.instance_id, *progress.ec2.borrow(),
                ))),
                Lists::Failing(found) => faults = Some(found),
            },
            answer = &mut grouped, if group.is_none() => match answer {
                Ok(Some(located)) => return Ok(by("its Auto Scaling group", located)),
                Ok(None) => group = Some("it has no group with a cluster tag".to_owned()),
                Err(error) => group = Some(error.to_string()),
            },
            () = &mut over => break,
        }
    }
    let ec2 = format!("EC2: {}", *progress.ec2.borrow());
    let group = group.map(|why| format!("Auto Scaling: {why}"));
    Err([ec2].into_iter().chain(faults.unwrap_or_default()).chain(group).collect::<Vec<_>>().join("; "))
}

/// One look at the instance of a notice that came too late: EC2 once, else all node lists once. `None` where that
/// does not locate it.
pub async fn look_once(
    ec2: &impl Ec2,
    clusters: &impl Clusters,
    subject: &Subject,
    budget: &Budget,
) -> Option<Located> {
    let asked = budget.call(DESCRIBE, ec2.describe_instance(&subject.instance_id)).await;
    if let Ok(Some(instance)) = asked {
        return Some(place::of_instance(&instance, &clusters.names(), subject));
    }
    match list_all(clusters, subject, Duration::ZERO, budget, None).await {
        Lists::Decided(located) => Some(located),
        Lists::Nowhere | Lists::Failing(_) => None,
    }
}

/// Asks EC2, after a failure up to three times more. `None` where it does not tell.
async fn ask_ec2(
    ec2: &impl Ec2,
    registered: &[String],
    subject: &Subject,
    budget: &Budget,
    progress: &Progress,
) -> Option<Located> {
    for attempt in 0.. {
        let error = match budget.call(DESCRIBE, ec2.describe_instance(&subject.instance_id)).await {
            Ok(Some(instance)) => return Some(place::of_instance(&instance, registered, subject)),
            // A young instance may not be known everywhere yet: the node lists decide.
            Ok(None) => {
                progress.ec2.send_replace(Ec2Answer::Unknown);
                return None;
            }
            Err(error) => error,
        };
        progress.ec2.send_replace(Ec2Answer::Failed(error.clone()));
        let pause = *EC2_PAUSES.get(attempt).filter(|_| error.is_worth_a_retry())?;
        let pause = if attempt == 0 && error.is_unanswered() { EC2_RECONNECT } else { pause };
        budget.wait_until(budget.now() + jittered(pause)).await;
    }
    None
}

/// Asks the node lists as soon as EC2 fails or has had its head start, and once more for a node that is joining.
async fn search(
    clusters: &impl Clusters,
    subject: &Subject,
    head_start: Duration,
    budget: &Budget,
    progress: &Progress,
) -> Lists {
    let mut ec2 = progress.ec2.subscribe();
    // Both errors mean the same: it is time to ask.
    let _ = timeout(head_start, ec2.wait_for(|answer| *answer != Ec2Answer::Pending)).await;
    let second_look = budget.now() + SECOND_LOOK;
    let first = list_all(clusters, subject, SEARCH, budget, Some(progress)).await;
    let refused = matches!(first, Lists::Failing(_)) && budget.now() < second_look;
    if !(matches!(first, Lists::Nowhere) || refused) || second_look >= budget.timetable().report_deadline() {
        return first;
    }
    // Two that answer and know nothing of it are enough; a cluster that refused has not answered.
    let enough = async {
        if refused || ec2.wait_for(|answer| *answer == Ec2Answer::Unknown).await.is_err() {
            pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = enough => first,
        () = budget.wait_until(second_look) => list_all(clusters, subject, SEARCH, budget, Some(progress)).await,
    }
}

/// Asks all registered clusters for their nodes: the first that has the instance answers, whatever keeps
/// the others. A list that fails is repeated up to `until`.
async fn list_all(
    clusters: &impl Clusters,
    subject: &Subject,
    until: Duration,
    budget: &Budget,
    progress: Option<&Progress>,
) -> Lists {
    let names = clusters.names();
    let mut lists: FuturesUnordered<_> = names
        .iter()
        .filter_map(|name| {
            let cluster = clusters.get(name)?;
            Some(async move { (name, find_in(cluster, name, subject, until, budget, progress).await) })
        })
        .collect();
    let mut faults = Vec::new();
    while let Some((name, found)) = lists.next().await {
        match found {
            Ok(Some(located)) => return Lists::Decided(located),
            Ok(None) => {}
            Err(error) => faults.push(format!("cluster {name}: {error}")),
        }
    }
    if faults.is_empty() { Lists::Nowhere } else { Lists::Failing(faults) }
}

async fn find_in(
    cluster: &impl Cluster,
    name: &str,
    subject: &Subject,
    until: Duration,
    budget: &Budget,
    progress: Option<&Progress>,
) -> Result<Option<Located>, CallError> {
    for attempt in 0.. {
        let error = match budget.call_until(LIST, budget.now() + LIST_LIMIT, cluster.list_nodes()).await {
            Ok(nodes) => {
                let node = nodes.iter().find(|n| names_instance(&n.provider_id, &subject.instance_id));
                return Ok(node.map(|node| place::of_node(node, name, subject)));
            }
            Err(error) => error,
        };
        let next = budget.now() + jittered(pause(attempt, error.retry_after()));
        let is_final = !error.is_worth_a_retry() || next >= until.min(budget.timetable().report_deadline());
        if let Some(progress) = progress
            && (is_final || attempt > 0 || matches!(error, CallError::TimedOut(_)))
        {
            progress.lists_fail.send_replace(true);
        }
        if is_final {
            return Err(error);
        }
        budget.wait_until(next).await;
    }
    Ok(None)
}

/// Asks Auto Scaling as soon as a node list fails and EC2 has not answered at its first attempt: what a group shows of
/// an instance is less. `None` where the instance has no group that tells.
async fn ask_group(
    auto_scaling: &impl AutoScaling,
    registered: &[String],
    subject: &Subject,
    budget: &Budget,
    progress: &Progress,
) -> Result<Option<Located>, CallError> {
    // The sender lives as long as the search: an error does not come.
    let _ = progress.lists_fail.subscribe().wait_for(|fail| *fail).await;
    let _ = progress.ec2.subscribe().wait_for(|answer| *answer != Ec2Answer::Pending).await;
    let member = budget.operation(MEMBERSHIP, || auto_scaling.membership(&subject.instance_id)).await?;
    let Some(member) = member else { return Ok(None) };
    let group = budget.operation(GROUP, || auto_scaling.group(&member.group)).await?;
    Ok(group.and_then(|group| place::of_group(&group, &subject.instance_id, registered)))
}

#[cfg(test)]
mod tests;
