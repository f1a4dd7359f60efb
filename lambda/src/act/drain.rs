//! The drain leg: cordon the node, then one loop until its pods are gone or time is up.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    core::v1::{Event, Node},
    policy::v1::PodDisruptionBudget,
};
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{
    account::{self, Budgets},
    cordon::{self, NoCordon, Proven},
    evict::{Asked, Asking, CALLS_AT_ONCE, Candidate, Shown},
    identity::Identity,
    tracked::Pods,
    watch::{LIST, Seen, watch},
};
use crate::{
    budget::{Budget, CALL_LIMIT},
    event::Notice,
    locate::Target,
    plan::{Policy, claim::Mark, cordon::Marking, course::Course, verdict::Wave},
    ports::{CallError, Cluster, Freshness, PodChange},
    report::{CordonOutcome, CordonReport, PodReport, events},
};

/// What became of the drain leg.
#[derive(Debug)]
pub struct Drained {
    /// Node that was drained.
    pub node: Option<String>,
    /// The cordon.
    pub cordon: CordonReport,
    /// Every pod.
    pub pods: Vec<PodReport>,
    /// Why the node's pods could not be handled, or why there was nothing to handle.
    pub reason: Option<String>,
}

impl Drained {
    /// A leg that came to nothing.
    #[must_use]
    pub fn failed(reason: String) -> Self {
        let cordon =
            CordonReport { outcome: CordonOutcome::Failed, after_ms: None, reason: Some(reason.clone()) };
        Self { node: None, cordon, pods: Vec::new(), reason: Some(reason) }
    }
}

/// One drain leg.
#[derive(Debug)]
pub struct DrainLeg<'a, C> {
    /// Kubernetes API.
    pub cluster: &'a C,
    /// The instance.
    pub target: &'a Target,
    /// The notice.
    pub notice: &'a Notice,
    /// What follows from it.
    pub course: &'a Course,
    /// The operator's choices.
    pub policy: &'a Policy,
    /// Time and calls.
    pub budget: &'a Budget,
    /// Wall clock at the handler's entry, for the times in Events.
    pub entered: Timestamp,
}

/// UID, and what an answer has shown.
type Answers = UnboundedSender<(String, Shown)>;

/// The cordon as far as it is known: its report, or what the first try was refused with.
type Cordon = Result<CordonReport, CallError>;

impl<C: Cluster> DrainLeg<'_, C> {
    /// Runs the leg.
    pub async fn run(self) -> Drained {
        let proven = async {
            let answer = if self.policy.dry_run {
                cordon::look(self.cluster, self.target, self.budget).await
            } else {
                cordon::cordon(self.cluster, self.target, &self.course.claim(self.notice), self.budget).await
            };
            (answer, self.budget.now_ms())
        };
        // The pods are listed beside the cordon, under the name that EC2 gives; nothing is done to them
        // before the cordon has proved the name.
        let listed = async {
            match &self.target.node {
                Some(node) => Some((node.clone(), self.list(node, Freshness::Cached).await)),
                None => None,
            }
        };
        let ((proven, proven_ms), listed) = tokio::join!(proven, listed);
        let Proven { node, cordon } = match proven {
            Ok(proven) => proven,
            Err(NoCordon::NoNode) => return self.nothing_to_drain(),
            Err(NoCordon::Failed(reason)) => return self.not_proven(listed, reason, proven_ms),
        };
        let name = node.metadata.name.clone().unwrap_or_default();
        if self.target.node.as_deref() != Some(name.as_str()) {
            tracing::Span::current().record("node", name.as_str());
        }
        let cordon: Cordon = match cordon {
            _ if self.policy.dry_run => Ok(CordonReport {
                outcome: CordonOutcome::Skipped,
                after_ms: None,
                reason: Some("dry run".to_owned()),
            }),
            Ok(already) => Ok(CordonReport {
                outcome: if already { CordonOutcome::Already } else { CordonOutcome::Done },
                after_ms: Some(proven_ms),
                reason: None,
            }),
            Err(refusal) => Err(refusal),
        };
        let listed = match listed {
            Some((listed_name, Ok(listed))) if listed_name == name => Ok(listed),
            // The node is known, and nothing but its pods is lacking.
            _ => {
                self.budget
                    .insisted(LIST, CALL_LIMIT, || self.cluster.list_pods(&name, Freshness::Cached))
                    .await
            }
        };
        let mut pods = Pods::new(self.entered, cordon.is_ok());
        let (version, reason) = match listed {
            Ok(list) => {
                list.items.into_iter().for_each(|pod| pods.see(pod, self.budget.now()));
                (list.resource_version, None)
            }
            Err(error) => (String::new(), Some(format!("pods not listed: {error}"))),
        };
        let (pods, cordon) = if reason.is_some() {
            (Vec::new(), cordon.unwrap_or_else(|refusal| cordon::failed(&refusal)))
        } else if self.policy.dry_run {
            let report = pods.report(&Budgets::default(), "dry run: to be evicted");
            (report, cordon.unwrap_or_else(|refusal| cordon::failed(&refusal)))
        } else {
            let (instance, proven) = (&self.target.instance_id, Duration::from_millis(proven_ms));
            let identity = Identity::new(self.cluster, &name, instance, self.budget, proven);
            self.empty(&node, &identity, version, pods, cordon).await
        };
        Drained { node: Some(name), cordon, pods, reason }
    }

    /// The drain loop: evicts wave by wave and watches until the pods are gone and none has come late, or time
    /// is up.
    async fn empty(
        &self,
        node: &Node,
        identity: &Identity<'_, C>,
        version: String,
        mut pods: Pods,
        mut cordon: Cordon,
    ) -> (Vec<PodReport>, CordonReport) {
        let slots = Semaphore::new(CALLS_AT_ONCE);
        let (answers, mut answered) = unbounded_channel();
        let mut asks = FuturesUnordered::new();

        // Beside the evictions: what must not stand in their way.
        let mut asides: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        asides.push(self.post(events::draining(self.notice, node, self.now())).boxed());
        let mut insisting = self.insist(node, cordon.as_ref().err().cloned()).boxed().fuse();
        let (mut marks, mut budgets) = (self.course.cordon.to_vec(), Budgets::default());
        let mut explanations = FuturesUnordered::new();
        let (sender, mut seen) = unbounded_channel();
        let awaited = AtomicBool::new(true);
        let watching = watch(self.cluster, identity.node(), version, self.budget, &sender, &awaited).fuse();
        tokio::pin!(watching);

        let evicts = self.course.evict.is_ok();
        let mut open = vec![Wave::Ordinary];
        let stays_until = self.policy.stay.map(|stay| self.budget.now() + stay);
        let mut looks = FuturesUnordered::new();
        let mut looked = !evicts || self.policy.stay.is_some_and(|stay| stay.is_zero());
        let mut called = !evicts;
        loop {
            let (table, now) = (self.budget.timetable(), self.budget.now());
            let last_wave = table.last_wave(pods.longest_grace(Wave::Critical));
            if open.len() == 1 && (pods.is_over(Wave::Ordinary) || now >= last_wave) {
                open.push(Wave::Critical);
            }
            let look_at = stays_until.map_or(table.last_look(), |until| until.min(table.last_look()));
            if !called && now >= table.last_look() {
                called = true;
                pods.last_call();
            }
            if !looked && now >= look_at {
                looked = true;
                pods.last_call();
                looks.push(async move { (now, self.list(identity.node(), Freshness::Latest).await) });
            }
            if evicts {
                let due = pods.due(&open, table, now).into_iter();
                asks.extend(due.map(|pod| self.ask(pod, identity, &slots, &answers)));
            }
            if let Ok(cordon) = &cordon
                && (!evicts || pods.first_round_is_over())
            {
                // The label waits until no protected pod serves on the node any more.
                let unprotected = !pods.protects_a_serving_pod() || now >= table.last_look();
                let due: Vec<_> = marks.extract_if(.., |mark| *mark != Mark::Label || unprotected).collect();
                if !due.is_empty() {
                    let marking = self.marking(due, node, cordon);
                    asides.push(cordon::mark(self.cluster, node.clone(), marking, self.budget).boxed());
                }
            }
            let over = !evicts || [Wave::Ordinary, Wave::Critical].into_iter().all(|w| pods.is_over(w));
            awaited.store(!over, Ordering::Relaxed);
            let settled = if evicts { looked && looks.is_empty() } else { cordon.is_ok() };
            if over && settled && asks.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Some(change) = seen.recv() => take_in(&mut pods, change, self.budget),
                Some(answer) = answered.recv() => pods.answered(answer),
                Some((candidate, answer, cut_to)) = asks.next() => {
                    // The answer that ended the asking may stand in the channel yet.
                    std::iter::from_fn(|| answered.try_recv().ok()).for_each(|answer| pods.answered(answer));
                    if answer.is_up_to_budgets() && budgets.is_first_of(&candidate.namespace) {
                        explanations.push(self.list_budgets(candidate.namespace.clone()));
                    }
                    if let (Asked::Deleted(obstacle), Some(pod)) = (&answer, pods.get(&candidate.uid))
                        && !candidate.terminates
                    {
                        let why = account::obstacle(obstacle, "");
                        asides.push(self.post(events::overridden(self.notice, pod, &why, self.now())).boxed());
                    }
                    pods.asked(&candidate, answer, cut_to, self.budget.now_ms());
                }
                report = &mut insisting => {
                    if report.outcome != CordonOutcome::Failed {
                        pods.set_cordoned();
                    }
                    cordon = Ok(report);
                }
                Some((asked, list)) = looks.next() => if let Ok(list) = list {
                    pods.see_all(list.items, asked, self.budget.now());
                },
                Some(()) = asides.next() => {}
                Some(listed) = explanations.next() => budgets.take_in(&pods, listed),
                () = &mut watching => {}
                () = self.budget.deadline_changed(table) => {}
                () = self.budget.wait_until(last_wave), if open.len() == 1 => {}
                () = self.budget.wait_until(look_at), if !looked => {}
                () = self.budget.wait_until(table.last_look()), if !called => {}
                () = self.budget.wait_until(table.closing()) => break,
            }
        }
        while let Some(listed) = explanations.next().await {
            budgets.take_in(&pods, listed);
        }
        drop(asks);
        drain_channel(&mut seen, &mut pods, self.budget);
        pods.forget_from(identity.end(pods.last_seen()).await);
        let report =
            pods.report(&budgets, self.course.evict.err().unwrap_or("no answer before the deadline"));
        let closing = self.post(events::drained(self.notice, node, &report, self.now()));
        tokio::join!(closing, asides.for_each(|()| std::future::ready(())));
        (report, cordon.unwrap_or_else(|refusal| cordon::failed(&refusal)))
    }

    /// The marks with the claim, where the one that the cordon wrote names what stood on the node before.
    fn marking(&self, marks: Vec<Mark>, node: &Node, cordon: &CordonReport) -> Marking {
        let claimed = cordon.reason.is_none() && marks.contains(&Mark::Taint);
        let claim = claimed.then(|| self.course.claim(self.notice));
        let claim = claim.and_then(|claim| claim.corrected(node, cordon.outcome == CordonOutcome::Already));
        Marking { marks, reason: self.notice.action.as_str(), claim }
    }

    /// Tries the cordon again, if the first try met a refusal.
    async fn insist(&self, node: &Node, refusal: Option<CallError>) -> CordonReport {
        match refusal {
            Some(refusal) => {
                cordon::insist(
                    self.cluster,
                    &self.course.claim(self.notice),
                    node.clone(),
                    refusal,
                    self.budget,
                )
                .await
            }
            None => std::future::pending().await,
        }
    }

    /// Asks for one pod; `answers` gets each answer's effect on it as it comes.
    async fn ask(
        &self,
        pod: Candidate,
        identity: &Identity<'_, C>,
        slots: &Semaphore,
        answers: &Answers,
    ) -> (Candidate, Asked, Option<Duration>) {
        let on_answer = |shown| {
            let _ = answers.send((pod.uid.clone(), shown));
        };
        let (cluster, overrides, budget) = (self.cluster, self.course.overrides, self.budget);
        let cut_to = None;
        if !identity.covers(pod.seen).await {
            return (pod, Asked::Elsewhere, cut_to);
        }
        let mut asking =
            Asking { cluster, pod: &pod, overrides, slots, budget, on_answer: &on_answer, cut_to };
        let (answer, cut_to) = (asking.run().await, asking.cut_to);
        (pod, answer, cut_to)
    }

    async fn list(&self, node: &str, freshness: Freshness) -> Result<crate::ports::Pods, CallError> {
        self.budget.retried(LIST, || self.cluster.list_pods(node, freshness)).await
    }

    async fn list_budgets(&self, namespace: String) -> (String, Result<Vec<PodDisruptionBudget>, CallError>) {
        let list = || self.cluster.list_budgets(&namespace);
        let listed = self.budget.retried("kubernetes:list poddisruptionbudgets", list).await;
        (namespace, listed)
    }

    async fn post(&self, event: Event) {
        if let Err(error) =
            self.budget.call("kubernetes:create events", self.cluster.create_event(&event)).await
        {
            tracing::info!(%error, reason = event.reason, "event not posted");
        }
    }

    fn now(&self) -> Timestamp {
        self.entered + SignedDuration::try_from(self.budget.now()).unwrap_or_default()
    }

    fn nothing_to_drain(self) -> Drained {
        let reason =
            format!("no node of cluster {} runs on {}", self.target.cluster, self.target.instance_id);
        let cordon =
            CordonReport { outcome: CordonOutcome::Skipped, after_ms: None, reason: Some(reason.clone()) };
        Drained { node: None, cordon, pods: Vec::new(), reason: Some(reason) }
    }

    fn not_proven(
        self,
        listed: Option<(String, Result<crate::ports::Pods, CallError>)>,
        reason: String,
        after_ms: u64,
    ) -> Drained {
        // Nothing proves that the pods stand on this instance: they are named, not touched.
        let mut pods = Pods::new(self.entered, false);
        let listed = listed.into_iter().filter_map(|(_, list)| list.ok()).flat_map(|list| list.items);
        listed.for_each(|pod| pods.see(pod, self.budget.now()));
        Drained {
            node: self.target.node.clone(),
            pods: pods.report(&Budgets::default(), "the node was not cordoned"),
            reason: Some(format!("cordon: {reason}")),
            cordon: CordonReport {
                outcome: CordonOutcome::Failed,
                after_ms: Some(after_ms),
                reason: Some(reason),
            },
        }
    }
}

fn take_in(pods: &mut Pods, seen: Seen, budget: &Budget) {
    match seen {
        Seen::Change(PodChange::Is(pod)) => pods.see(*pod, budget.now()),
        Seen::Change(PodChange::Gone(pod)) => pods.see_gone(&pod, budget.now()),
        Seen::All(items, asked) => pods.see_all(items, asked, budget.now()),
    }
}

fn drain_channel(seen: &mut UnboundedReceiver<Seen>, pods: &mut Pods, budget: &Budget) {
    while let Ok(change) = seen.try_recv() {
        take_in(pods, change, budget);
    }
}
