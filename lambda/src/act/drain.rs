//! The drain leg: cordon the node, or at least prove that it is the right one, then one loop until its pods are gone
//! or time is up.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
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
    mpsc::{UnboundedReceiver, unbounded_channel},
    watch,
};

use super::{
    cordon::{self, Cordoned, NoCordon},
    evict::{Asked, CALLS_AT_ONCE, ask},
    tracked::Pods,
    watch::{LIST, Seen, watch as watch_pods},
};
use crate::{
    budget::Budget,
    event::Notice,
    locate::Target,
    plan::{Policy, Stay, cordon::Marks, verdict::Wave},
    ports::{CallError, Cluster, PodChange},
    report::{CordonOutcome, CordonReport, PodReport, events},
};

/// The first evictions are answered so long after they were sent: then it is known which pods are held back.
const FIRST_ANSWERS: Duration = Duration::from_secs(1);

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
    /// The operator's choices.
    pub policy: &'a Policy,
    /// Time and calls.
    pub budget: &'a Budget,
    /// Wall clock at the handler's entry, for the times in Events.
    pub entered: Timestamp,
}

impl<C: Cluster> DrainLeg<'_, C> {
    /// Runs the leg.
    pub async fn run(self) -> Drained {
        let trouble = watch::Sender::new(None);
        let cordon = async {
            let answer = if self.policy.dry_run {
                cordon::look(self.cluster, self.target, self.budget).await
            } else {
                cordon::cordon(self.cluster, self.target, self.notice, self.budget, &trouble).await
            };
            (answer, self.budget.now_ms())
        };
        let mut cordoning = Cordoning { work: Box::pin(cordon), answer: None };
        // The pods are listed beside the cordon, under the name that EC2 gives; nothing is done to them
        // before cordon or read has proved the name.
        let listed = async {
            match &self.target.node {
                Some(node) => Some((node.clone(), self.list(node).await)),
                None => None,
            }
        };
        let (mut listed, mut list) = (pin!(listed), None);
        let proof = cordon::prove(self.cluster, self.target, self.budget, trouble.subscribe());
        let (mut proof, mut proved) = (pin!(proof), None);
        while list.is_none() || !matches!(proved, Some(Ok(_))) {
            tokio::select! {
                biased;
                () = cordoning.go_on() => match &cordoning.answer {
                    Some((Ok(cordoned), _)) => proved = Some(Ok(cordoned.node.clone())),
                    Some((Err(error), _)) if !matches!(proved, Some(Ok(_))) => {
                        proved = Some(Err(error.clone()));
                        break;
                    }
                    _ => {}
                },
                node = &mut proof, if proved.is_none() && !self.policy.dry_run => {
                    let is_final = trouble.borrow().as_ref().is_some_and(|error| !error.is_worth_a_retry());
                    // The reads fail for good. So does the cordon, unless its own trouble may pass.
                    let ends = matches!(node, Err(NoCordon::NoNode)) || node.is_err() && is_final;
                    proved = Some(node);
                    if ends {
                        break;
                    }
                }
                answer = &mut listed, if list.is_none() => list = Some(answer),
            }
        }
        let node = match proved {
            Some(Ok(node)) => node,
            Some(Err(NoCordon::NoNode)) | None => return self.nothing_to_drain(),
            Some(Err(NoCordon::Failed(reason))) => {
                let list = match list {
                    Some(list) => list,
                    None => listed.await,
                };
                return self.not_proved(list, reason);
            }
        };
        let name = node.metadata.name.clone().unwrap_or_default();
        let mut pods = Pods::default();
        let listed = match list.flatten() {
            Some((listed_name, listed)) if listed_name == name => listed,
            _ => self.list(&name).await,
        };
        let (version, reason) = match listed {
            Ok(list) => {
                list.items.into_iter().for_each(|pod| pods.see(pod));
                (list.resource_version, None)
            }
            Err(error) => (String::new(), Some(format!("pods not listed: {error}"))),
        };
        let pods = if reason.is_some() {
            Vec::new()
        } else if self.policy.dry_run {
            pods.report(&[], &BTreeMap::new(), "dry run: to be evicted")
        } else {
            self.empty(&node, &name, version, pods, &mut cordoning).await
        };
        let cordon = self.cordon_report(cordoning.answer.take(), trouble.borrow().clone());
        Drained { node: Some(name), cordon, pods, reason }
    }

    fn cordon_report(
        &self,
        answer: Option<(Result<Cordoned, NoCordon>, u64)>,
        trouble: Option<CallError>,
    ) -> CordonReport {
        let failed = |reason: String, after_ms| CordonReport {
            outcome: CordonOutcome::Failed,
            after_ms: Some(after_ms),
            reason: Some(reason),
        };
        match answer {
            _ if self.policy.dry_run => CordonReport {
                outcome: CordonOutcome::Skipped,
                after_ms: None,
                reason: Some("dry run".to_owned()),
            },
            Some((Ok(Cordoned { already, .. }), after_ms)) => {
                let outcome = if already { CordonOutcome::Already } else { CordonOutcome::Done };
                CordonReport { outcome, after_ms: Some(after_ms), reason: None }
            }
            Some((Err(NoCordon::Failed(reason)), after_ms)) => failed(reason, after_ms),
            Some((Err(NoCordon::NoNode), after_ms)) => failed("the node has gone".to_owned(), after_ms),
            None => {
                let reason = trouble.map_or("no answer".to_owned(), |error| error.to_string());
                failed(reason, self.budget.now_ms())
            }
        }
    }

    /// The drain loop: evicts wave by wave and watches until the pods are gone or time is up.
    async fn empty(
        &self,
        node: &Node,
        name: &str,
        version: String,
        mut pods: Pods,
        cordoning: &mut Cordoning<'_>,
    ) -> Vec<PodReport> {
        let table = self.budget.timetable();
        let slots = Semaphore::new(CALLS_AT_ONCE);
        let mut asks = FuturesUnordered::new();

        // Beside the evictions: what must not stand in their way.
        let mut asides: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        asides.push(self.post(events::draining(self.notice, node, self.now())).boxed());
        // Budgets are listed for the pods that they held to the end, to be named in the report.
        let mut budgets: Vec<PodDisruptionBudget> = Vec::new();
        let mut unlisted: BTreeMap<String, CallError> = BTreeMap::new();
        let mut explained: BTreeSet<String> = BTreeSet::new();
        let mut explanations = FuturesUnordered::new();
        let (sender, mut seen) = unbounded_channel();
        let is_quiet = AtomicBool::new(false);
        let watching = watch_pods(self.cluster, name, version, self.budget, &is_quiet, &sender).fuse();
        tokio::pin!(watching);

        // A hibernating instance freezes at once: an eviction would only be half done when it does, and
        // its pods go on with the instance.
        let evicts = self.notice.action.ends_processes();
        let mut open = vec![Wave::Ordinary];
        let mut marker = Marker { due: self.budget.now() + FIRST_ANSWERS, tainted: false, excluded: false };
        let serving_ends = table.last_moment(Duration::MAX);
        // Pods may be bound to an empty node late: those that were assumed on it before the cordon. The watch shows
        // them, and one more look whom the watch has missed.
        let last_look = table.last_look(self.budget.now(), self.policy.stay);
        let mut looked = !evicts || self.policy.stay == Stay::For(Duration::ZERO);
        let look = async {
            self.budget.wait_until(last_look).await;
            self.list(name).await
        };
        let mut look = pin!(look);
        loop {
            let last_wave = table.last_wave(pods.longest_grace(Wave::Critical));
            if open.len() == 1 && (pods.is_over(Wave::Ordinary) || self.budget.now() >= last_wave) {
                open.push(Wave::Critical);
            }
            if evicts {
                for pod in open.iter().flat_map(|wave| pods.hand_out(*wave)) {
                    let (slots, policy) = (&slots, self.policy.pdb);
                    asks.push(async move {
                        let answer = ask(self.cluster, &pod, policy, slots, self.budget).await;
                        (pod, answer)
                    });
                }
            }
            let over = !evicts || [Wave::Ordinary, Wave::Critical].into_iter().all(|w| pods.is_over(w));
            is_quiet.store(over && asks.is_empty(), Ordering::Relaxed);
            let ends = over && asks.is_empty() && looked;
            let serves = !ends && pods.is_held_serving() && self.budget.now() < serving_ends;
            if let Some(marks) = marker.next(self.budget.now(), serves, ends) {
                let marking = cordon::mark(self.cluster, self.notice, node.clone(), marks, self.budget);
                asides.push(marking.boxed());
            }
            if ends {
                break;
            }
            tokio::select! {
                biased;
                Some(change) = seen.recv() => take_in(&mut pods, change, self.budget),
                Some((pod, answer)) = asks.next() => {
                    if answer.is_up_to_budgets() && explained.insert(pod.namespace.clone()) {
                        explanations.push(self.list_budgets(pod.namespace.clone()));
                    }
                    if let (Asked::Deleted(_), Some(pod)) = (&answer, pods.get(&pod.uid)) {
                        asides.push(self.post(events::overridden(self.notice, pod, self.now())).boxed());
                    }
                    pods.asked(&pod.uid, answer, self.budget.now_ms());
                }
                Some(()) = asides.next() => {}
                () = cordoning.go_on() => {}
                Some((namespace, list)) = explanations.next() => match list {
                    Ok(list) => budgets.extend(pods.covered(list)),
                    Err(error) => drop(unlisted.insert(namespace, error)),
                },
                () = &mut watching => {}
                list = &mut look, if !looked => {
                    looked = true;
                    list.into_iter().flat_map(|list| list.items).for_each(|pod| pods.see(pod));
                }
                () = self.budget.wait_until(marker.due), if !marker.tainted => {}
                () = self.budget.wait_until(serving_ends), if !marker.excluded && marker.tainted => {}
                () = self.budget.wait_until(last_wave), if open.len() == 1 => {}
                () = self.budget.wait_until(table.closing()) => break,
            }
        }
        while let Some((namespace, list)) = explanations.next().await {
            match list {
                Ok(list) => budgets.extend(pods.covered(list)),
                Err(error) => drop(unlisted.insert(namespace, error)),
            }
        }
        drain_channel(&mut seen, &mut pods, self.budget);
        let unasked =
            if evicts { "no answer before the deadline" } else { "hibernates and goes on with its instance" };
        let report = pods.report(&budgets, &unlisted, unasked);
        let closing = self.post(events::drained(self.notice, node, &report, self.now()));
        tokio::join!(closing, asides.for_each(|()| std::future::ready(())));
        report
    }

    async fn list(&self, node: &str) -> Result<crate::ports::Pods, CallError> {
        self.budget.retried(LIST, || self.cluster.list_pods(node, true)).await
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

    fn nothing_to_drain(&self) -> Drained {
        let reason =
            format!("no node of cluster {} runs on {}", self.target.cluster, self.target.instance_id);
        let cordon =
            CordonReport { outcome: CordonOutcome::Skipped, after_ms: None, reason: Some(reason.clone()) };
        Drained { node: None, cordon, pods: Vec::new(), reason: Some(reason) }
    }

    fn not_proved(
        &self,
        listed: Option<(String, Result<crate::ports::Pods, CallError>)>,
        reason: String,
    ) -> Drained {
        // Nothing proves that the pods stand on this instance: they are named, not touched.
        let mut pods = Pods::default();
        let listed = listed.into_iter().filter_map(|(_, list)| list.ok()).flat_map(|list| list.items);
        listed.for_each(|pod| pods.see(pod));
        Drained {
            node: self.target.node.clone(),
            pods: pods.report(&[], &BTreeMap::new(), "the node was not cordoned"),
            reason: Some(format!("cordon: {reason}")),
            cordon: CordonReport {
                outcome: CordonOutcome::Failed,
                after_ms: Some(self.budget.now_ms()),
                reason: Some(reason),
            },
        }
    }
}

/// What is left to be marked on the node.
struct Marker {
    due: Duration,
    tainted: bool,
    excluded: bool,
}

impl Marker {
    /// What is to be marked now. Load balancers keep the node for as long as a pod `serves` on it.
    fn next(&mut self, now: Duration, serves: bool, ends: bool) -> Option<Marks> {
        let is_due = ends || now >= self.due;
        let marks = Marks { taint: is_due && !self.tainted, exclude: is_due && !self.excluded && !serves };
        self.tainted |= marks.taint;
        self.excluded |= marks.exclude;
        (marks.taint || marks.exclude).then_some(marks)
    }
}

/// The cordon under way: it goes on beside everything else until it is answered for good.
struct Cordoning<'a> {
    work: BoxFuture<'a, (Result<Cordoned, NoCordon>, u64)>,
    answer: Option<(Result<Cordoned, NoCordon>, u64)>,
}

impl Cordoning<'_> {
    /// Ends once, when the cordon does.
    async fn go_on(&mut self) {
        if self.answer.is_some() {
            return std::future::pending().await;
        }
        self.answer = Some((&mut self.work).await);
    }
}

fn take_in(pods: &mut Pods, seen: Seen, budget: &Budget) {
    match seen {
        Seen::Change(PodChange::Is(pod)) => pods.see(*pod),
        Seen::Change(PodChange::Gone(pod)) => pods.see_gone(&pod, budget.now_ms()),
        Seen::All(items) => pods.see_all(items, budget.now_ms()),
    }
}

fn drain_channel(seen: &mut UnboundedReceiver<Seen>, pods: &mut Pods, budget: &Budget) {
    while let Ok(change) = seen.try_recv() {
        take_in(pods, change, budget);
    }
}
