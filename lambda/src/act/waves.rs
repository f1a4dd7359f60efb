//! The drain loop: evicts the pods of a node wave by wave, and watches until they are gone.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Fuse},
    stream::FuturesUnordered,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{core::v1::Event, policy::v1::PodDisruptionBudget};
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedSender, unbounded_channel},
};

use super::{
    Leg,
    candidate::{AnswerEffect, Candidate, EvictionResult},
    cordon::Cordon,
    evict::{CALLS_AT_ONCE, PodEviction},
    identity::Identity,
    pdb_lists::PdbLists,
    tracked::Pods,
    watch::{Seen, watch},
};
use crate::{
    budget::Budget,
    plan::{claim::Mark, cordon::Marking, verdict::Wave},
    ports::{CallResult, Cluster, Freshness, Node, PodChange},
    report::{CordonOutcome, CordonReport, PodReport, events},
};

/// UID, and the effect of an answer.
type Answers = UnboundedSender<(String, AnswerEffect)>;

impl<C: Cluster> Leg<'_, C> {
    /// Evicts wave by wave and watches until the pods are gone and none has come late, or time is up.
    pub(super) async fn drain_pods(
        &self,
        node: &Node,
        identity: &Identity<'_, C>,
        version: String,
        mut pods: Pods,
        mut cordon: Cordon,
    ) -> (Vec<PodReport>, CordonReport) {
        let (slots, (answers, mut answered)) = (Semaphore::new(CALLS_AT_ONCE), unbounded_channel());
        let mut evictions = FuturesUnordered::new();

        // Best-effort calls beside the evictions.
        let mut side_tasks: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        side_tasks.push(self.post(events::draining(self.notice, node, self.now())).boxed());
        let claim = self.course.claim(self.notice);
        // The cordon is tried again, if the first try met a refusal.
        let mut insisting = match cordon.clone() {
            Ok(_) => Fuse::terminated(),
            Err(refusal) => self.insist(&claim, node.clone(), refusal).boxed().fuse(),
        };
        let (mut marks, mut pdbs) = (self.course.cordon.to_vec(), PdbLists::default());
        let mut pdb_requests = FuturesUnordered::new();
        let (sender, mut seen) = unbounded_channel();
        let awaited = AtomicBool::new(true);
        let watching = watch(self.api, identity.node(), version, self.budget, &sender, &awaited).fuse();
        tokio::pin!(watching);

        let evicts = self.course.evict.is_ok();
        let mut open = vec![Wave::Ordinary];
        let stays_until = self.policy.stay.map(|stay| self.budget.now() + stay);
        let mut looks = FuturesUnordered::new();
        let mut looked = !evicts || self.policy.stay.is_some_and(|stay| stay.is_zero());
        let mut called = !evicts;
        loop {
            let (table, now) = (self.budget.timetable(), self.budget.now());
            let critical_wave_start = table.critical_wave_start(pods.longest_grace(Wave::Critical));
            if open.len() == 1 && (pods.is_over(Wave::Ordinary) || now >= critical_wave_start) {
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
                evictions.extend(due.map(|pod| self.evict_until_deadline(pod, identity, &slots, &answers)));
            }
            if cordon.is_ok() && (!evicts || pods.first_round_is_over()) {
                // The label waits until no protected pod serves on the node any more.
                let unprotected = !pods.protects_a_serving_pod() || now >= table.last_look();
                let due: Vec<_> = marks.extract_if(.., |mark| *mark != Mark::Label || unprotected).collect();
                if !due.is_empty() {
                    let marking = Marking { marks: due, reason: self.notice.action.as_str() };
                    side_tasks.push(self.mark(node.clone(), marking).boxed());
                }
            }
            let over = !evicts || [Wave::Ordinary, Wave::Critical].into_iter().all(|w| pods.is_over(w));
            awaited.store(!over, Ordering::Relaxed);
            let is_settled = if evicts { looked && looks.is_empty() } else { cordon.is_ok() };
            if over && is_settled && evictions.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Some(change) = seen.recv() => take_in(&mut pods, change, self.budget),
                Some(answer) = answered.recv() => pods.record_answer(answer),
                Some((candidate, result, cut_to)) = evictions.next() => {
                    // The answer that ended the eviction may still be in the channel.
                    std::iter::from_fn(|| answered.try_recv().ok()).for_each(|answer| pods.record_answer(answer));
                    if result.is_up_to_pdbs() && pdbs.is_first_of(&candidate.namespace) {
                        pdb_requests.push(self.list_pdbs(candidate.namespace.clone()));
                    }
                    let overridden = self.overridden(&candidate, &result, &pods);
                    side_tasks.extend(overridden.map(|event| self.post(event).boxed()));
                    pods.record_result(&candidate, result, cut_to, self.budget.now_ms());
                }
                report = &mut insisting => {
                    if report.outcome != CordonOutcome::Failed {
                        pods.set_cordoned();
                    }
                    cordon = Ok(report);
                }
                Some((asked, list)) = looks.next() => if let Ok(list) = list {
                    pods.observe_all(list.items, asked, self.budget.now());
                },
                Some(()) = side_tasks.next() => {}
                Some((namespace, listed)) = pdb_requests.next() => pdbs.record(namespace, listed.map(|list| pods.covered(list))),
                () = &mut watching => {}
                () = self.budget.deadline_changed(table) => {}
                () = self.budget.wait_until(critical_wave_start), if open.len() == 1 => {}
                () = self.budget.wait_until(look_at), if !looked => {}
                () = self.budget.wait_until(table.last_look()), if !called => {}
                () = self.budget.wait_until(table.report_deadline()) => break,
            }
        }
        while let Some((namespace, listed)) = pdb_requests.next().await {
            pdbs.record(namespace, listed.map(|list| pods.covered(list)));
        }
        drop(evictions);
        std::iter::from_fn(|| seen.try_recv().ok())
            .for_each(|change| take_in(&mut pods, change, self.budget));
        pods.forget_from(identity.end(pods.last_seen()).await);
        let report = pods.report(&pdbs, self.course.evict.err().unwrap_or("no answer before the deadline"));
        let posted = self.post(events::drained(self.notice, node, &report, self.now()));
        tokio::join!(posted, side_tasks.for_each(|()| std::future::ready(())));
        (report, cordon.unwrap_or_else(|refusal| CordonReport::failed(refusal.to_string())))
    }

    /// The Event on a pod that was deleted over an obstacle.
    fn overridden(&self, candidate: &Candidate, result: &EvictionResult, pods: &Pods) -> Option<Event> {
        let EvictionResult::Deleted(obstacle) = result else { return None };
        let pod = pods.get(&candidate.uid).filter(|_| !candidate.terminates)?;
        Some(events::overridden(self.notice, pod, &obstacle.words(""), self.now()))
    }

    /// Evicts one pod; `answers` gets each answer's effect on it as it comes.
    async fn evict_until_deadline(
        &self,
        pod: Candidate,
        identity: &Identity<'_, C>,
        slots: &Semaphore,
        answers: &Answers,
    ) -> (Candidate, EvictionResult, Option<Duration>) {
        let on_answer = |effect| {
            let _ = answers.send((pod.uid.clone(), effect));
        };
        let (cluster, overrides, budget) = (self.api, self.course.overrides, self.budget);
        let cut_to = None;
        if !identity.covers(pod.seen).await {
            return (pod, EvictionResult::Elsewhere, cut_to);
        }
        let mut eviction =
            PodEviction { cluster, pod: &pod, overrides, slots, budget, on_answer: &on_answer, cut_to };
        let (result, cut_to) = (eviction.run_until_deadline().await, eviction.cut_to);
        (pod, result, cut_to)
    }

    async fn list_pdbs(&self, namespace: String) -> (String, CallResult<Vec<PodDisruptionBudget>>) {
        let list = || self.api.list_pdbs(&namespace);
        let listed = self.budget.retried("kubernetes:list poddisruptionbudgets", list).await;
        (namespace, listed)
    }

    async fn post(&self, event: Event) {
        if let Err(error) = self.budget.call("kubernetes:create events", self.api.create_event(&event)).await
        {
            tracing::info!(%error, reason = event.reason, "event not posted");
        }
    }

    fn now(&self) -> Timestamp {
        self.entered + SignedDuration::try_from(self.budget.now()).unwrap_or_default()
    }
}

fn take_in(pods: &mut Pods, seen: Seen, budget: &Budget) {
    match seen {
        Seen::Change(change) => match *change {
            PodChange::Is(pod) => pods.observe(pod, budget.now()),
            PodChange::Gone(pod) => pods.observe_gone(&pod, budget.now()),
        },
        Seen::All(items, asked) => pods.observe_all(items, asked, budget.now()),
    }
}
