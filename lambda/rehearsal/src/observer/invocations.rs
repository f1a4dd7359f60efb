//! An invocation as a whole: what it was told, what it did in time, what it answered.

use std::time::Duration;

use cast_spot_handler::event::Delivery;
use cast_spot_infra::events::SPOT_INTERRUPTION;
use jiff::Timestamp;
use serde_json::Value;

use super::Told;
use crate::{
    Law,
    faults::Api,
    wire::objects::pod_uid,
    world::{
        clock::Clock,
        pods::{EndedBy, PodId},
        spec::Action,
        state::State,
    },
};

/// A leg is not held up by the other for longer than this (law 5).
const PROMPT_MS: u64 = 5_000;
/// From the notice's time to its deadline.
const LEAD_MS: i64 = 120_000;

/// The Spot notices in a payload: an event or many, in whatever wrappers the handler takes off.
pub(crate) fn told(payload: &Value, clock: Clock) -> Vec<Told> {
    let events = match Delivery::of(payload.clone()) {
        Ok(Delivery::Direct(event)) => vec![event],
        Ok(Delivery::Batch(records)) => records.into_iter().filter_map(|record| record.event.ok()).collect(),
        Err(_) => Vec::new(),
    };
    events.iter().filter_map(|event| notice(event, clock)).collect()
}

fn notice(event: &Value, clock: Clock) -> Option<Told> {
    if event["detail-type"] != SPOT_INTERRUPTION.detail_type || event["source"] != SPOT_INTERRUPTION.source {
        return None;
    }
    // A rehearsal is no notice: nothing may be written for it.
    if event["detail"]["dry-run"] == true {
        return None;
    }
    let action = match event["detail"]["instance-action"].as_str()? {
        "terminate" => Action::Terminate,
        "hibernate" => Action::Hibernate,
        "" => return None,
        // What EC2 may come to say one day ends the instance's processes, too.
        _ => Action::Stop,
    };
    let issued: Timestamp = event["time"].as_str()?.parse().ok()?;
    Some(Told {
        instance: event["detail"]["instance-id"].as_str()?.to_owned(),
        action,
        deadline_ms: clock.ms_of(issued) + LEAD_MS,
        synthetic: event["detail"]["synthetic"] == true,
    })
}

impl State {
    /// An environment is invoked.
    pub(crate) fn saw_entry(&mut self, env: usize, told: Vec<Told>, limit: Duration) {
        let now_ms = self.now_ms;
        if let Some(invocation) = self.observer.invocations.get_mut(env) {
            invocation.entered = true;
            invocation.entered_ms = now_ms;
            invocation.limit_ms = limit.as_millis() as i64;
            invocation.told = told;
        }
    }

    /// An environment's process ends, with an answer or without one: it makes no more calls.
    pub(crate) fn saw_end(&mut self, env: usize) {
        let now_ms = self.now_ms;
        if let Some(invocation) = self.observer.invocations.get_mut(env) {
            invocation.alive = false;
            invocation.ended_ms = Some(now_ms);
        }
    }

    /// Law 1: the answer has exactly one report for each notice, and every pod that the function was shown
    /// on the node stands in it, and what it says is true.
    pub(crate) fn saw_answer(&mut self, env: usize, reports: &[Value]) {
        let Some(invocation) = self.observer.invocations.get_mut(env) else { return };
        invocation.answered = true;
        let (told, listed) = (invocation.told.clone(), invocation.listed.clone());
        for notice in &told {
            let instance = &notice.instance;
            let mine: Vec<&Value> =
                reports.iter().filter(|r| r["event"]["instance_id"] == **instance).collect();
            let deliveries = told.iter().filter(|other| other.instance == *instance).count();
            if mine.len() != deliveries {
                let what = format!("f{env} {} reports for {deliveries} notices of {instance}", mine.len());
                self.observer.broken(Law::OneReport, self.now_ms, what);
            }
            for report in &mine {
                self.judge_report(env, notice, report);
            }
            let Some(node) = self.instances.get(instance).and_then(|i| Some((i.cluster, i.node.clone()?)))
            else {
                continue;
            };
            // What is left to others is shown only under another notice, whose instance bore the node's name.
            if self.instances.get(instance).is_some_and(|i| i.is_of_others(notice.synthetic)) {
                continue;
            }
            // The node of an instance that has ended is gone, and what stood on it is not known to be of this
            // instance; nor is what a batch was shown under another notice, whose instance bore the name.
            let has_ended = self.instances.get(instance).is_some_and(|i| i.ended_ms.is_some());
            if (has_ended || told.len() > 1)
                && mine.iter().all(|report| report["outcome"] == "failed" && report["node"].is_null())
            {
                continue;
            }
            for pod in listed.get(&node).map(|(_, pods)| pods.clone()).unwrap_or_default() {
                // A batch may have been shown the node under another notice, whose instance bore its name.
                if told.len() > 1 && self.pods[pod].end.is_some() {
                    continue;
                }
                // Nor what stands on another instance, which has taken over the name.
                if !self.stood_on(pod, notice) {
                    continue;
                }
                let uid = pod_uid(pod);
                let stands = |report: &&Value| {
                    let pods = report["pods"].as_array();
                    pods.is_some_and(|pods| pods.iter().any(|entry| entry["uid"] == *uid))
                };
                if !mine.iter().all(stands) {
                    let what = format!("f{env} report for {instance}: pod {} is not in it", self.label(pod));
                    self.observer.broken(Law::OneReport, self.now_ms, what);
                }
            }
        }
    }

    /// Law 5, held after the run: a leg whose own APIs were well began in time.
    pub(crate) fn judge_legs(&mut self) {
        for env in 0..self.observer.invocations.len() {
            for (leg, what) in self.late_legs(env) {
                let at_ms = self.observer.invocations[env].entered_ms + PROMPT_MS;
                self.observer.broken(Law::IndependentLegs, at_ms, format!("f{env} {leg}: {what}"));
            }
        }
        self.judge_liveness();
        self.judge_foreign();
    }

    fn late_legs(&self, env: usize) -> Vec<(&'static str, String)> {
        let invocation = &self.observer.invocations[env];
        let [told] = &invocation.told[..] else { return Vec::new() };
        let due_ms = invocation.entered_ms + PROMPT_MS + 5 * (self.pace.latency_ms + self.pace.jitter_ms);
        let well = |apis: &[Api]| {
            apis.iter().all(|api| invocation.struck.get(api).is_none_or(|at_ms| *at_ms > due_ms))
        };
        let on_time = |first_ms: Option<u64>| first_ms.is_some_and(|at_ms| at_ms <= due_ms);
        // With a second delivery, either may find the work done.
        let shared =
            self.observer.invocations.iter().filter(|i| i.told.iter().any(|t| t.instance == told.instance));
        let Some(instance) = self.instances.get(&told.instance) else { return Vec::new() };
        let exempt = self.observer.rules.dry_run
            || instance.is_of_others(told.synthetic)
            || shared.count() > 1
            || !self.clusters[instance.cluster].registered
            || invocation.ended_ms.is_none_or(|at_ms| at_ms <= due_ms && !invocation.answered)
            || told.deadline_ms < due_ms as i64 + 2 * PROMPT_MS as i64
            || instance.ended_ms.is_some_and(|at_ms| at_ms <= due_ms);
        let mut late = Vec::new();
        if exempt || !well(&[Api::Ec2, Api::Eks]) {
            return late;
        }
        if told.action == Action::Terminate
            && self.observer.rules.replaces
            && well(&[Api::AutoScaling])
            && self.was_to_be_replaced(&told.instance)
            && !on_time(invocation.first_group_write_ms)
        {
            late.push(("replacement leg", format!("no call for {} by {due_ms} ms", told.instance)));
        }
        let evictable = self.evictable(&told.instance, env, due_ms);
        if told.action != Action::Hibernate
            && well(&[Api::Kubernetes])
            && !evictable.is_empty()
            && !on_time(invocation.first_ask_ms)
        {
            late.push(("drain leg", format!("no eviction on {} by {due_ms} ms", told.instance)));
        }
        late
    }

    /// Whether the instance was in service in a group that leaves its replacement to others.
    fn was_to_be_replaced(&self, id: &str) -> bool {
        let group = self.instances.get(id).and_then(|instance| instance.first_group.as_ref());
        let Some(group) = group.and_then(|name| self.groups.get(name)) else { return false };
        !group.rebalances() && group.spec.operator.is_none() && !group.is_suspended("Launch")
    }

    /// Ordinary pods that stood on the instance's node when the function was entered, and that nobody else
    /// began to terminate by `due_ms`.
    fn evictable(&self, id: &str, env: usize, due_ms: u64) -> Vec<PodId> {
        let at_ms = self.observer.invocations[env].entered_ms;
        let own = |by| matches!(by, EndedBy::Eviction(other) | EndedBy::Delete(other) if other == env);
        let pods = self.concerned.get(id).into_iter().flatten().copied();
        pods.filter(|pod| !self.belongs_to_node(*pod) && !self.is_critical(*pod))
            .filter(|pod| self.pods[*pod].bound_ms <= at_ms)
            .filter(|pod| self.pods[*pod].termination.is_none_or(|t| own(t.by) || t.since_ms > due_ms))
            .filter(|pod| self.pods[*pod].end.is_none_or(|end| end.at_ms > at_ms))
            .collect()
    }
}
