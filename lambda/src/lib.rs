//! The handler of cast-spot: one EC2 Spot interruption notice in, one [`Report`] out.
//!
//! ```text
//! payload ─► event ─► locate ─► act ──────────────────────────► report
//!            what?    where?    drain leg  ‖  replacement leg    one answer
//!                                  └── plan: pure decisions ──┘
//! ```
//!
//! - [`event`] decodes the payload into a [`event::Signal`]; pure.
//! - `locate` finds cluster, node and group of the instance.
//! - [`plan`] decides: the course of a signal, verdict per pod, waves, deadline arithmetic, choice of the replacement;
//!   pure.
//! - `act` does it. It is the only stage that waits.
//! - [`report`] turns outcomes into the report, the log line, the metrics and the Kubernetes Events; pure.
//! - [`ports`] lists all calls that the stages may make, [`adapters`] makes them to AWS and Kubernetes,
//!   `budget` counts and limits every one.
//!
//! Two round trips lead to the cordon: `R1` DescribeInstances; `R2` the patch on the node, beside it the
//! LIST of its pods and the reading of its group; `R3` all evictions, beside them the call for the
//! replacement.
//!
//! A dry-run notice for an instance that cannot exist is a self-test: `act::review` replaces `locate` and
//! `act`, and the report has its checks.
//!
//! The pure stages need neither AWS nor Kubernetes:
//!
//! ```
//! use cast_spot_handler::{Config, event::{self, Decoded}, plan::course::Course};
//!
//! let event = serde_json::json!({
//!     "id": "e-1", "source": "aws.ec2", "time": "2026-11-22T09:00:00Z",
//!     "detail-type": "EC2 Spot Instance Interruption Warning",
//!     "detail": { "instance-id": "i-0abc1234", "instance-action": "stop" },
//! });
//! let config = Config::from_lookup(|name| (name == "CAST_SPOT_CLUSTERS").then(|| "prod".to_owned()))?;
//! let Decoded::Signal(signal) = event::decode(&event, "2026-11-22T09:00:01Z".parse()?)? else { panic!() };
//! let course = Course::of(&signal, &config.policy);
//! assert_eq!((course.rank, course.replace), (90, Err("a stopped instance comes back")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::{Duration, SystemTime};

use futures_util::{FutureExt, future::join_all};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Notify;
use tracing::{Instrument, Span, field::Empty};

mod act;
pub mod adapters;
mod answer;
mod budget;
pub mod config;
pub mod event;
mod locate;
pub mod logging;
pub mod plan;
pub mod ports;
pub mod report;

use act::{Leg, guard::guarded, review};
use answer::Handled;
pub use answer::{Answer, Unhandled};
use budget::Budget;
pub use config::Config;
use event::{Decoded, Delivery, EventError, Notice, Signal};
use locate::{Located, Search, Target};
use plan::{Policy, course::Course, timetable::Timetable};
use ports::{AutoScaling, Clusters, Ec2};
pub use report::Report;
use report::{DeadlineReport, Drained, Outcome, ReplacementOutcome, ReplacementReport, checks::CheckReport};

/// The moment at which the handler was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Wall clock.
    pub now: Timestamp,
    /// Time left of the invocation (the function's timeout).
    pub time_left: Duration,
    /// First event of its environment: nothing is connected yet.
    pub cold: bool,
}

/// An instance that runs this long after its deadline lives on: the notice was an old one.
const LIVES_ON: SignedDuration = SignedDuration::from_secs(60);

impl Entry {
    /// The entry at `now` into an invocation that Lambda ends at `deadline`. Lambda never invokes after the
    /// deadline: one in the past is ignored (`cargo lambda watch` sends such).
    #[must_use]
    pub fn at(now: SystemTime, deadline: SystemTime) -> Self {
        let time_left = deadline.duration_since(now).unwrap_or(Duration::MAX);
        Self { now: Timestamp::try_from(now).unwrap_or_default(), time_left, cold: false }
    }
}

/// The APIs that the handler calls.
#[derive(Debug)]
pub struct Apis<E, A, C> {
    /// EC2.
    pub ec2: E,
    /// EC2 Auto Scaling.
    pub auto_scaling: A,
    /// The registered clusters.
    pub clusters: C,
}

/// The handler: built once, called for each delivery.
#[derive(Debug)]
pub struct Handler<E, A, C> {
    apis: Apis<E, A, C>,
    config: Config,
}

impl<E: Ec2, A: AutoScaling, C: Clusters> Handler<E, A, C> {
    /// A handler over `apis`.
    pub fn new(apis: Apis<E, A, C>, config: Config) -> Self {
        Self { apis, config }
    }

    /// Handles one delivery: an EventBridge event, or an SQS batch of them. Malformed events are an error;
    /// everything else ends in a report.
    pub async fn handle(&self, payload: Value, entry: Entry) -> Result<Answer, EventError> {
        match Delivery::of(payload)? {
            Delivery::Direct(event) => Ok(Answer::direct(self.handle_event(&event, entry).await?)),
            Delivery::Batch(records) => {
                let handled = records.into_iter().map(|record| async move {
                    let report = match record.event {
                        Ok(event) => {
                            let report = self.handle_event(&event, entry).await;
                            report.map_err(|error| error.inside(&record.place))
                        }
                        Err(error) => Err(error),
                    };
                    Handled { message_id: record.message_id, report }
                });
                Ok(Answer::batch(join_all(handled).await))
            }
        }
    }

    async fn handle_event(&self, event: &Value, entry: Entry) -> Result<Report, EventError> {
        Ok(match event::decode(event, entry.now)? {
            Decoded::Ignored { signal: Some(Signal::Ends(notice)), reason, .. } if !notice.is_self_test() => {
                self.handle_late(&notice, reason, entry).await
            }
            Decoded::Ignored { envelope, signal, reason } => {
                let event = match &signal {
                    Some(Signal::Ends(notice)) => notice.into(),
                    None => (&*envelope).into(),
                };
                Report::without_action(event, Outcome::Ignored, reason)
            }
            Decoded::Signal(Signal::Ends(notice)) if notice.is_self_test() => {
                self.self_test(&notice, entry).await
            }
            Decoded::Signal(signal) => self.follow(&signal, entry).await,
        })
    }

    /// Follows the course of a signal.
    async fn follow(&self, signal: &Signal, entry: Entry) -> Report {
        let course = Course::of(signal, &self.config.policy);
        match signal {
            Signal::Ends(notice) => {
                let handled = self.handle_notice(notice, &course, entry).instrument(span_of(notice)).boxed();
                guarded(handled, |panic| Report::without_action(notice.into(), Outcome::Failed, panic)).await
            }
        }
    }

    /// Reviews its own access. Nothing is written.
    async fn self_test(&self, notice: &Notice, entry: Entry) -> Report {
        let budget = self.budget(notice, entry, review::LIMIT);
        let mut checks = review::review(&notice.subject.instance_id, &self.apis, &budget).boxed().await;
        let outdated = self.config.outdated.map(str::to_owned);
        checks.extend(outdated.map(|why| CheckReport::answered(None, CheckReport::SETTINGS, Some(why))));
        checks.extend(self.config.ignored.iter().map(|(cluster, problem)| {
            CheckReport::answered(Some(cluster), CheckReport::ENDPOINT, Some(problem.clone()))
        }));
        let report = Report::of_self_test(notice.into(), checks);
        Report { calls: budget.calls(), duration_ms: budget.now_ms(), ..report }
    }

    /// The time and the calls of a notice, for no longer than `limit`.
    fn budget(&self, notice: &Notice, entry: Entry, limit: Duration) -> Budget {
        let to_deadline = Duration::try_from(notice.deadline.duration_since(entry.now)).unwrap_or_default();
        Budget::new(Timetable::new(to_deadline.min(limit), self.config.policy.margin, entry.time_left))
    }

    async fn handle_notice(&self, notice: &Notice, course: &Course, entry: Entry) -> Report {
        let budget = self.budget(notice, entry, Duration::MAX);
        let report = self.handle_within(notice, course, entry, &budget).await;
        let reason = report::reason([report.reason, notice.remark.clone()]);
        Report { reason, calls: budget.calls(), duration_ms: budget.now_ms(), ..report }
    }

    /// Reports on a notice that came after its deadline: whether an instance of a registered cluster was missed. Nothing is
    /// written.
    async fn handle_late(&self, notice: &Notice, stale: String, entry: Entry) -> Report {
        let budget = Budget::new(Timetable::new(locate::LATE_LIMIT, Duration::ZERO, entry.time_left));
        let search = Search::new(&self.apis, &notice.subject, &budget);
        let without_action = |outcome, reason| Report::without_action(notice.into(), outcome, reason);
        let report = match search.locate_late().boxed().await {
            Some(Located::Here(Target { instance_id, cluster, node, state, owner: None, .. })) => {
                if state == "running" && entry.now > notice.deadline + LIVES_ON {
                    without_action(Outcome::Ignored, format!("{instance_id} lives on"))
                } else {
                    let reason = format!("{instance_id} is of cluster {cluster}");
                    Report { cluster: Some(cluster), node, ..without_action(Outcome::Missed, reason) }
                }
            }
            Some(located) => left_alone(notice, located),
            None => without_action(Outcome::Ignored, "the instance was not located".to_owned()),
        };
        let stale = (report.outcome != Outcome::Observed).then_some(stale);
        let reason = report::reason([stale, report.reason]);
        Report { reason, calls: budget.calls(), duration_ms: budget.now_ms(), ..report }
    }

    async fn handle_within(&self, notice: &Notice, course: &Course, entry: Entry, budget: &Budget) -> Report {
        let without_action = |outcome, reason| Report::without_action(notice.into(), outcome, reason);
        let search = Search::new(&self.apis, &notice.subject, budget);
        let target = &match search.locate(entry.cold).boxed().await {
            Ok(Located::Here(target)) if target.owner.is_none() => target,
            Ok(located) => return left_alone(notice, located),
            Err(reason) => return without_action(Outcome::Failed, format!("not located: {reason}")),
        };
        let Some(cluster) = self.apis.clusters.get(&target.cluster) else {
            let reason = format!("cluster {} is not registered", target.cluster);
            return without_action(Outcome::Ignored, reason);
        };
        let span = Span::current();
        span.record("cluster", target.cluster.as_str());
        target.node.as_deref().map(|node| span.record("node", node));
        if let Some(left) = target.ends_within() {
            budget.end_by(budget.now() + left);
        }
        let configured = &self.config.policy;
        let policy = &Policy { dry_run: configured.dry_run || notice.dry_run, ..configured.clone() };
        let (over, entered) = (Notify::new(), entry.now);
        let drain = Leg { api: cluster, target, notice, course, policy, budget, entered };
        let replace = Leg { api: &self.apis.auto_scaling, target, notice, course, policy, budget, entered };
        // Boxed: the compiler gives up on the depth of the futures' types otherwise.
        let drain = async {
            let drained = guarded(drain.drain().boxed(), Drained::failed).await;
            over.notify_one();
            drained
        };
        let replace = async {
            // The cordon is on the wire before this leg builds and signs its requests.
            tokio::task::yield_now().await;
            guarded(replace.replace(&over).boxed(), |panic| {
                (ReplacementReport::without_action(ReplacementOutcome::Failed, Some(panic)), None)
            })
            .await
        };
        let (drained, (replacement, ending)) = tokio::join!(drain, replace);
        let report = Report::of_legs(notice.into(), drained, replacement);
        Report {
            dry_run: policy.dry_run,
            cluster: Some(target.cluster.clone()),
            deadline_in_force: ending.map(|ending| DeadlineReport {
                time: entry.now + SignedDuration::try_from(ending.at).unwrap_or_default(),
                reason: ending.reason,
            }),
            reason: report.reason.or_else(|| target.remark()),
            ..report
        }
    }
}

/// The report on an instance for which this handler does nothing: another one's, or one that is gone.
fn left_alone(notice: &Notice, located: Located) -> Report {
    let (outcome, reason, cluster, node) = match located {
        Located::Elsewhere(reason) => (Outcome::Ignored, reason, None, None),
        Located::Gone { cluster, reason } => (Outcome::Missed, reason, Some(cluster), None),
        Located::Here(Target { owner, cluster, node, .. }) => {
            let reason = format!("{} owns the node and handles its interruption", owner.unwrap_or_default());
            (Outcome::Observed, reason, Some(cluster), node)
        }
    };
    Report { cluster, node, ..Report::without_action(notice.into(), outcome, reason) }
}

/// The span of every log line of a notice, also where the notices of a batch take turns.
fn span_of(notice: &Notice) -> Span {
    let (event, instance) = (notice.event_id.as_str(), notice.subject.instance_id.as_str());
    tracing::info_span!("notice", event, instance, cluster = Empty, node = Empty)
}
