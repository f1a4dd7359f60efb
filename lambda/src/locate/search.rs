//! The search for the instance of an event: EC2, the node lists and Auto Scaling, each when the one before fails.

use std::{fmt, future::pending, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{sync::watch, time::timeout};

use super::{LIST_LIMIT, Located, Target, place};
use crate::{
    Apis,
    budget::{Budget, jittered},
    event::Subject,
    plan::{node::names_instance, retry::pause},
    ports::{AutoScaling, CallError, CallResult, Cluster, Clusters, Ec2},
};

pub(super) const DESCRIBE: &str = "ec2:DescribeInstances";
const LIST: &str = "kubernetes:list nodes";
const MEMBERSHIP: &str = "autoscaling:DescribeAutoScalingInstances";
const GROUP: &str = "autoscaling:DescribeAutoScalingGroups";

/// How long EC2 has before the node lists are read beside it: several round trips of a healthy API, and small against
/// two minutes.
pub(super) const HEAD_START: Duration = Duration::from_millis(500);

/// The same in a new environment, which has yet to resolve names, open connections and fetch credentials.
pub(super) const COLD_HEAD_START: Duration = Duration::from_secs(2);

/// Pauses between the calls to EC2. Functions that were throttled together would keep its request bucket empty.
const EC2_PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// The first pause after a call that had no answer: a broken connection is not throttling.
const EC2_RECONNECT: Duration = Duration::from_millis(200);

/// All lists are read again this long after they had no node of the instance: it may be joining just now, and a
/// cluster that refused may answer. There is no third time: the instance may be of no registered cluster.
pub(super) const SECOND_LOOK: Duration = Duration::from_secs(10);

/// No way is followed for longer.
pub(super) const SEARCH: Duration = Duration::from_secs(30);

/// The search for one instance.
#[derive(Debug)]
pub(crate) struct Search<'a, E, A, C> {
    apis: &'a Apis<E, A, C>,
    subject: &'a Subject,
    budget: &'a Budget,
    /// Names of the registered clusters.
    registered: Vec<String>,
    ec2_answer: watch::Sender<Ec2Answer>,
    /// Whether a node list fails, more than once or for good.
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

/// The result of the node lists.
enum Lists {
    Decided(Located),
    /// All clusters have answered, and none has the instance.
    Nowhere,
    /// None has it, and these could not be read.
    Failing(Vec<String>),
}

impl<'a, E: Ec2, A: AutoScaling, C: Clusters> Search<'a, E, A, C> {
    /// A search for the instance of `subject`.
    pub(crate) fn new(apis: &'a Apis<E, A, C>, subject: &'a Subject, budget: &'a Budget) -> Self {
        let (ec2_answer, lists_fail) = (watch::Sender::new(Ec2Answer::Pending), watch::Sender::new(false));
        let registered = apis.clusters.names();
        Self { apis, subject, budget, registered, ec2_answer, lists_fail }
    }

    /// Locates the instance; EC2's head start depends on whether the environment is `cold`. An error says why none of
    /// the ways could locate it.
    pub(crate) async fn locate(&self, cold: bool) -> Result<Located, String> {
        let described = self.ask_ec2();
        let listed = self.search(if cold { COLD_HEAD_START } else { HEAD_START });
        let grouped = self.ask_group();
        let over = self.budget.wait_until(SEARCH.min(self.budget.timetable().report_deadline()));
        tokio::pin!(described, listed, grouped, over);
        let (mut ec2_gave_up, mut faults, mut group) = (false, None, None);
        while !(ec2_gave_up && faults.is_some() && group.is_some()) {
            tokio::select! {
                biased;
                answer = &mut described, if !ec2_gave_up => match answer {
                    Some(located) => return Ok(located),
                    None => ec2_gave_up = true,
                },
                lists = &mut listed, if faults.is_none() => match lists {
                    Lists::Decided(located) => return Ok(self.without_ec2("the node list", located)),
                    Lists::Nowhere => return Ok(Located::Elsewhere(format!(
                        "no node of a registered cluster runs on {} (EC2: {})",
                        self.subject.instance_id, *self.ec2_answer.borrow(),
                    ))),
                    Lists::Failing(found) => faults = Some(found),
                },
                answer = &mut grouped, if group.is_none() => match answer {
                    Ok(Some(located)) => return Ok(self.without_ec2("its Auto Scaling group", located)),
                    Ok(None) => group = Some("it has no group with a cluster tag".to_owned()),
                    Err(error) => group = Some(error.to_string()),
                },
                () = &mut over => break,
            }
        }
        let ec2 = format!("EC2: {}", *self.ec2_answer.borrow());
        let group = group.map(|why| format!("Auto Scaling: {why}"));
        Err([ec2].into_iter().chain(faults.unwrap_or_default()).chain(group).collect::<Vec<_>>().join("; "))
    }

    /// Locates the instance of a notice that came too late: EC2 once, else all node lists once. `None` where neither
    /// does.
    pub(crate) async fn locate_late(&self) -> Option<Located> {
        let described =
            self.budget.call(DESCRIBE, self.apis.ec2.describe_instance(&self.subject.instance_id));
        if let Ok(Some(instance)) = described.await {
            return Some(place::of_instance(&instance, &self.registered, self.subject));
        }
        match self.list_all(Duration::ZERO).await {
            Lists::Decided(located) => Some(located),
            Lists::Nowhere | Lists::Failing(_) => None,
        }
    }

    /// Adds why EC2 did not locate the instance, where another way did.
    fn without_ec2(&self, way: &str, located: Located) -> Located {
        match located {
            Located::Here(target) => {
                let ec2_failure = format!("located by {way} alone (EC2: {})", *self.ec2_answer.borrow());
                Located::Here(Target { ec2_failure: Some(ec2_failure), ..target })
            }
            located => located,
        }
    }

    /// Asks EC2, after a failure up to three times more. `None` where it does not locate the instance.
    async fn ask_ec2(&self) -> Option<Located> {
        for attempt in 0.. {
            let described = self.apis.ec2.describe_instance(&self.subject.instance_id);
            let error = match self.budget.call(DESCRIBE, described).await {
                Ok(Some(instance)) => {
                    return Some(place::of_instance(&instance, &self.registered, self.subject));
                }
                // A young instance may not be known everywhere yet: the node lists decide.
                Ok(None) => {
                    self.ec2_answer.send_replace(Ec2Answer::Unknown);
                    return None;
                }
                Err(error) => error,
            };
            self.ec2_answer.send_replace(Ec2Answer::Failed(error.clone()));
            let pause = *EC2_PAUSES.get(attempt).filter(|_| error.is_worth_a_retry())?;
            let pause = if attempt == 0 && error.is_unanswered() { EC2_RECONNECT } else { pause };
            self.budget.wait_until(self.budget.now() + jittered(pause)).await;
        }
        None
    }

    /// Reads the node lists as soon as EC2 fails or has had its head start, and once more for a node that is joining.
    async fn search(&self, head_start: Duration) -> Lists {
        let mut ec2 = self.ec2_answer.subscribe();
        // Both errors mean the same: it is time for the lists.
        let _ = timeout(head_start, ec2.wait_for(|answer| *answer != Ec2Answer::Pending)).await;
        let second_look = self.budget.now() + SECOND_LOOK;
        let first = self.list_all(SEARCH).await;
        let refused = matches!(first, Lists::Failing(_)) && self.budget.now() < second_look;
        let is_final = !matches!(first, Lists::Nowhere) && !refused;
        if is_final || second_look >= self.budget.timetable().report_deadline() {
            return first;
        }
        // Two that answer and do not know it are enough; a cluster that refused has not answered.
        let enough = async {
            if refused || ec2.wait_for(|answer| *answer == Ec2Answer::Unknown).await.is_err() {
                pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = enough => first,
            () = self.budget.wait_until(second_look) => self.list_all(SEARCH).await,
        }
    }

    /// Reads the nodes of all registered clusters: the first that has the instance decides, whatever keeps
    /// the others. A list that fails is repeated up to `until`.
    async fn list_all(&self, until: Duration) -> Lists {
        let clusters = self.registered.iter().filter_map(|name| Some((name, self.apis.clusters.get(name)?)));
        let mut lists: FuturesUnordered<_> = clusters
            .map(|(name, cluster)| async move { (name, self.find_in(cluster, name, until).await) })
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
        &self,
        cluster: &C::Cluster,
        name: &str,
        until: Duration,
    ) -> CallResult<Option<Located>> {
        let budget = self.budget;
        for attempt in 0.. {
            let error = match budget.call_until(LIST, budget.now() + LIST_LIMIT, cluster.list_nodes()).await {
                Ok(nodes) => {
                    let id = &self.subject.instance_id;
                    let node = nodes.iter().find(|node| names_instance(&node.provider_id, id));
                    return Ok(node.map(|node| place::of_node(node, name, self.subject)));
                }
                Err(error) => error,
            };
            let next = budget.now() + jittered(pause(attempt, error.retry_after()));
            let is_final =
                !error.is_worth_a_retry() || next >= until.min(budget.timetable().report_deadline());
            if is_final || attempt > 0 || matches!(error, CallError::TimedOut(_)) {
                self.lists_fail.send_replace(true);
            }
            if is_final {
                return Err(error);
            }
            budget.wait_until(next).await;
        }
        Ok(None)
    }

    /// Asks Auto Scaling as soon as a node list fails and EC2 has not answered at its first attempt: what a group shows
    /// of an instance is less. `None` where the instance has no group that names a cluster.
    async fn ask_group(&self) -> CallResult<Option<Located>> {
        // The sender lives as long as the search: an error does not come.
        let _ = self.lists_fail.subscribe().wait_for(|fail| *fail).await;
        let _ = self.ec2_answer.subscribe().wait_for(|answer| *answer != Ec2Answer::Pending).await;
        let id = &self.subject.instance_id;
        let member = self.budget.operation(MEMBERSHIP, || self.apis.auto_scaling.membership(id)).await?;
        let Some(member) = member else { return Ok(None) };
        let group = self.budget.operation(GROUP, || self.apis.auto_scaling.group(&member.group)).await?;
        Ok(group.and_then(|group| place::of_group(&group, id, &self.registered)))
    }
}
