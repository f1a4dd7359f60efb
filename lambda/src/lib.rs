//! The handler of cast-spot: one EC2 Spot interruption notice in, one [`Report`] out.
//!
//! ```text
//! payload ─► event ─► locate ─► act ──────────────────────────► report
//!            what?    where?    drain leg  ‖  replacement leg    one answer
//!                                  └── plan: pure decisions ──┘
//! ```
//!
//! - [`event`] decodes the payload into a [`event::Notice`]; pure.
//! - [`locate`] finds cluster, node and group of the instance.
//! - [`plan`] decides: verdict per pod, waves, deadline arithmetic, choice of the replacement; pure.
//! - [`act`] does it. It is the only stage that waits; the drain loop is [`act::drain`].
//! - [`report`] turns outcomes into the report, the log line, the metrics and the Kubernetes Events; pure.
//! - [`ports`] is all that the stages may ask of the world, [`adapters`] answers it with AWS and Kubernetes,
//!   [`budget`] counts and limits every call.
//!
//! Two round trips lead to the cordon: `R1` DescribeInstances; `R2` the patch on the node, beside it the
//! LIST of its pods and the reading of its group; `R3` all evictions, beside them the call for the
//! replacement.
//!
//! A dry-run notice for an instance that cannot be is a self-test: [`act::review`] takes the place of `locate` and
//! `act`, and the report has its checks.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime},
};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use futures_util::{FutureExt, future::join_all};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

pub mod act;
pub mod adapters;
pub mod budget;
pub mod config;
pub mod event;
pub mod locate;
pub mod plan;
pub mod ports;
pub mod report;

use act::{
    drain::{DrainLeg, Drained},
    replace::ReplaceLeg,
    review,
};
use budget::Budget;
pub use config::Config;
use event::{Decoded, Delivery, EventError, Notice};
use locate::Located;
use plan::{Policy, timetable::Timetable};
use ports::{AutoScaling, Clusters, Ec2};
pub use report::Report;
use report::{Outcome, PodReport, ReplacementOutcome, ReplacementReport};

/// The moment at which the handler was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Wall clock.
    pub now: Timestamp,
    /// What is left of the invocation (the function's timeout).
    pub time_left: Duration,
}

impl Entry {
    /// The entry at `now` into an invocation that Lambda ends at `deadline`. Lambda never invokes after the
    /// deadline: one in the past is no deadline (`cargo lambda watch` sends such).
    #[must_use]
    pub fn at(now: SystemTime, deadline: SystemTime) -> Self {
        let time_left = deadline.duration_since(now).unwrap_or(Duration::MAX);
        Self { now: Timestamp::try_from(now).unwrap_or_default(), time_left }
    }
}

/// The function's return value.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a direct invocation.
    Report(Box<Report>),
    /// To an SQS batch.
    Batch(BatchAnswer),
}

/// Answer to an SQS batch: what SQS wants to know, and the reports.
#[derive(Debug, Clone, Serialize)]
pub struct BatchAnswer {
    /// Messages that SQS is to deliver again.
    #[serde(flatten)]
    pub failures: SqsBatchResponse,
    /// Reports of the others and of those that may yet succeed.
    pub reports: Vec<Report>,
    /// Malformed events, by message id.
    #[serde(skip)]
    pub malformed: Vec<(String, EventError)>,
}

impl Answer {
    /// The malformed events in it, by message id.
    #[must_use]
    pub fn malformed(&self) -> &[(String, EventError)] {
        match self {
            Self::Report(_) => &[],
            Self::Batch(batch) => &batch.malformed,
        }
    }

    /// The reports in it.
    #[must_use]
    pub fn reports(&self) -> &[Report] {
        match self {
            Self::Report(report) => std::slice::from_ref(report),
            Self::Batch(batch) => &batch.reports,
        }
    }
}

/// The world as the handler sees it.
pub trait World: Sync {
    /// EC2.
    type Ec2: Ec2;
    /// EC2 Auto Scaling.
    type AutoScaling: AutoScaling;
    /// The registered clusters.
    type Clusters: Clusters;
    /// EC2.
    fn ec2(&self) -> &Self::Ec2;
    /// EC2 Auto Scaling.
    fn auto_scaling(&self) -> &Self::AutoScaling;
    /// The registered clusters.
    fn clusters(&self) -> &Self::Clusters;
}

/// The handler: built once, called for each delivery.
#[derive(Debug)]
pub struct Handler<W> {
    world: W,
    config: Config,
}

impl<W: World> Handler<W> {
    /// A handler over `world`.
    pub fn new(world: W, config: Config) -> Self {
        Self { world, config }
    }

    /// Handles one delivery: an EventBridge event, or an SQS batch of them. Malformed events are an error;
    /// everything else ends in a report.
    pub async fn handle(&self, payload: Value, entry: Entry) -> Result<Answer, EventError> {
        match Delivery::of(payload)? {
            Delivery::Direct(event) => Ok(Answer::Report(Box::new(self.handle_event(&event, entry).await?))),
            Delivery::Batch(records) => {
                let handled = join_all(records.into_iter().map(|record| async move {
                    let report = match record.event {
                        Ok(event) => self.handle_event(&event, entry).await,
                        Err(error) => Err(error),
                    };
                    (record.message_id, report)
                }));
                Ok(Answer::Batch(batch(handled.await)))
            }
        }
    }

    async fn handle_event(&self, event: &Value, entry: Entry) -> Result<Report, EventError> {
        Ok(match event::decode(event, entry.now)? {
            Decoded::Ignored { envelope, notice, reason } => {
                let event = notice.as_ref().map_or_else(|| (&envelope).into(), Into::into);
                Report::undone(event, Outcome::Ignored, reason)
            }
            Decoded::Notice(notice) if notice.is_self_test() => self.self_test(&notice, entry).await,
            Decoded::Notice(notice) => self.handle_notice(&notice, entry).await,
        })
    }

    /// Reviews its own access, for nobody's instance. Nothing is written.
    async fn self_test(&self, notice: &Notice, entry: Entry) -> Report {
        let budget = self.budget(notice, entry, review::LIMIT);
        let (ec2, auto_scaling) = (self.world.ec2(), self.world.auto_scaling());
        let clusters = self.world.clusters();
        let checks = review::review(&notice.instance_id, ec2, auto_scaling, clusters, &budget).boxed().await;
        let report = Report::tested(notice.into(), checks);
        Report { calls: budget.calls(), duration_ms: budget.now_ms(), ..report }
    }

    /// The time and the calls of a notice, for no longer than `limit`.
    fn budget(&self, notice: &Notice, entry: Entry, limit: Duration) -> Budget {
        let to_deadline = Duration::try_from(notice.deadline.duration_since(entry.now)).unwrap_or_default();
        Budget::new(Timetable::new(to_deadline.min(limit), self.config.policy.margin, entry.time_left))
    }

    async fn handle_notice(&self, notice: &Notice, entry: Entry) -> Report {
        let budget = self.budget(notice, entry, Duration::MAX);
        let report = self.handle_within(notice, entry, &budget).await;
        Report { calls: budget.calls(), duration_ms: budget.now_ms(), ..report }
    }

    async fn handle_within(&self, notice: &Notice, entry: Entry, budget: &Budget) -> Report {
        let (ec2, clusters) = (self.world.ec2(), self.world.clusters());
        let target = match locate::locate(ec2, clusters, &notice.instance_id, budget).boxed().await {
            Ok(Located::Here(target)) => target,
            Ok(Located::Elsewhere(reason)) => return Report::undone(notice.into(), Outcome::Ignored, reason),
            Err(reason) => {
                return Report::undone(notice.into(), Outcome::Failed, format!("not located: {reason}"));
            }
        };
        let Some(cluster) = clusters.get(&target.cluster) else {
            let reason = format!("cluster {} is not registered", target.cluster);
            return Report::undone(notice.into(), Outcome::Ignored, reason);
        };
        let configured = &self.config.policy;
        let policy = &Policy { dry_run: configured.dry_run || notice.dry_run, ..configured.clone() };
        let target = &target;
        let drain = DrainLeg { cluster, target, notice, policy, budget, entered: entry.now };
        let replace = ReplaceLeg { auto_scaling: self.world.auto_scaling(), target, notice, policy, budget };
        // Boxed: the compiler gives up on the depth of the futures' types otherwise.
        let (drained, replacement) = tokio::join!(
            guarded(drain.run().boxed(), Drained::failed),
            guarded(replace.run().boxed(), |panic| {
                ReplacementReport::undone(ReplacementOutcome::Failed, Some(panic))
            }),
        );
        let unfinished = drained.pods.iter().any(PodReport::is_unfinished);
        let outcome = match (drained.cordon.outcome, &drained.node, &drained.reason) {
            (_, _, Some(_)) => Outcome::Failed,
            (report::CordonOutcome::Failed, ..) => Outcome::Incomplete,
            _ if unfinished => Outcome::Incomplete,
            _ => Outcome::Drained,
        };
        let uncordoned = (drained.cordon.outcome == report::CordonOutcome::Failed)
            .then(|| drained.cordon.reason.as_ref().map(|reason| format!("node not cordoned: {reason}")))
            .flatten();
        Report {
            dry_run: policy.dry_run,
            cluster: Some(target.cluster.clone()),
            node: drained.node,
            cordon: drained.cordon,
            summary: report::summarise(&drained.pods),
            pods: drained.pods,
            replacement,
            outcome,
            reason: drained.reason.or(uncordoned).or_else(|| target.without_ec2.clone()),
            ..Report::undone(notice.into(), outcome, String::new())
        }
    }
}

/// A panic in one leg is a failure of that leg: it takes neither the other nor the rest of a batch with it.
async fn guarded<T>(leg: impl Future<Output = T>, failed: impl FnOnce(String) -> T) -> T {
    let result = AssertUnwindSafe(leg).catch_unwind().await;
    result.unwrap_or_else(|panic| failed(panic_message(panic.as_ref())))
}

/// What a panic has said.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().map(ToString::to_string);
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    format!("internal error: {said}")
}

/// A message comes back if its event is malformed (so that it ends in the dead-letter queue) or if a
/// second try may still help. A self-test has said what there is to say.
fn batch(handled: Vec<(String, Result<Report, EventError>)>) -> BatchAnswer {
    let mut answer =
        BatchAnswer { failures: SqsBatchResponse::default(), reports: Vec::new(), malformed: Vec::new() };
    for (message_id, handled) in handled {
        let failed = match &handled {
            Ok(report) => report.outcome == Outcome::Failed && report.checks.is_empty(),
            Err(_) => true,
        };
        if failed {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier.clone_from(&message_id);
            answer.failures.batch_item_failures.push(failure);
        }
        match handled {
            Ok(report) => answer.reports.push(report),
            Err(error) => answer.malformed.push((message_id, error)),
        }
    }
    answer
}
