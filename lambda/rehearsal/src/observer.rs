//! The observer: holds the handler to its laws (design, section 4) by what the world itself saw. The handler's
//! own report is only looked at to hold it against the world.
//!
//! - `asks` judges evictions and deletes: laws 2, 3, 6, 7, 8, 9, 10, 13
//! - `writes` judges node patches and calls to Auto Scaling: laws 2, 6, 7, 11 (law 4 is kept by the groups)
//! - `invocations` judges an invocation as a whole: laws 1, 5, 6
//! - `foreign` judges what a notice for an instance of other systems costs: law 14
//! - `truth` judges what a report says: laws 1, 3
//! - `liveness` judges what was not done in time: laws 3, 5, 8, 9, 12

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Law,
    faults::{Api, FaultKind},
    outcome::Violation,
    wire::{Call, Operation},
    world::{pods::PodId, spec::Action},
};

mod asks;
mod foreign;
mod invocations;
mod liveness;
mod truth;
mod writes;

pub(crate) use asks::{Answer, Ask, Verb};
pub(crate) use invocations::told;

const EVICT: &str = "create pods/eviction";

/// Calls that neither prove the node's identity nor show its pods nor delete them.
const SPARES: [&str; 4] = [EVICT, "patch nodes", "create events", "list poddisruptionbudgets"];

/// At the last moment a protected pod is given no more of its grace than this.
const LAST_MOMENT_GRACE_MS: i64 = 30_000;

/// What the operator chose, as far as the laws depend on it.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Rules {
    /// Pods are to be gone so long before the deadline.
    pub(crate) margin_ms: i64,
    /// Budgets may be overridden at the last moment.
    pub(crate) may_override: bool,
    /// Nothing may be written.
    pub(crate) dry_run: bool,
    /// The handler is to ask for replacements.
    pub(crate) replaces: bool,
    /// The drain leg stays until the last moment.
    pub(crate) stays: bool,
}

/// What a payload told the function of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) instance: String,
    pub(crate) action: Action,
    /// The notice's time and two minutes, as virtual milliseconds; negative for old notices.
    pub(crate) deadline_ms: i64,
    /// An operator sent it: the instance need not be a Spot instance.
    pub(crate) synthetic: bool,
}

/// What was to come back later: which ask of a pod, and whether that terminated already.
type Deferred = (PodId, Verb, bool);

/// When a list was made, and the pods in it.
type List = (u64, Vec<PodId>);

/// One invocation, in an environment of its own.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Invocation {
    /// `false`: frozen after its answer, or dead.
    alive: bool,
    entered: bool,
    entered_ms: u64,
    /// Lambda ends it so long after its entry.
    limit_ms: i64,
    ended_ms: Option<u64>,
    /// Calls that it has sent, those to EKS left out: by API, and by cluster where that is an API server's.
    calls: BTreeMap<(Api, Option<String>), usize>,
    /// It came back with an answer.
    answered: bool,
    told: Vec<Told>,
    /// Pods that it was shown, by cluster and node, when it first listed them.
    listed: BTreeMap<(usize, String), List>,
    /// Lists that are on their way back, by call.
    under_way: BTreeMap<u64, ((usize, String), List)>,
    /// Pods that it has asked to go, and when first.
    asked: BTreeMap<PodId, u64>,
    /// How often it has asked a pod.
    asks: BTreeMap<PodId, u32>,
    /// Pods whose eviction was refused, whatever the obstacle.
    blocked: BTreeSet<PodId>,
    /// Deletes over what stood in an eviction's way whose answers are on their way back, by call.
    overriding: BTreeMap<u64, PodId>,
    /// Pods that it knows it has deleted over what stood in their eviction's way.
    overridden: BTreeSet<PodId>,
    /// When it posted its last Event.
    last_event_ms: Option<u64>,
    /// Answers on their way back that name a time to come back, by call.
    deferring: BTreeMap<u64, (Deferred, u64)>,
    /// Not to be asked again by a later call than this one before this time.
    not_before: BTreeMap<Deferred, (u64, u64)>,
    /// Pods whose delete was refused.
    refused: BTreeSet<PodId>,
    /// Pods one of whose evictions was struck by a fault or a lack of seats, by namespace and name.
    evictions_struck: BTreeSet<String>,
    /// Evictions and deletes that were accepted and whose answers are on their way back, by call.
    accepting: BTreeMap<u64, PodId>,
    /// Pods that it knows it has ended or cut, and since when.
    accepted: BTreeMap<PodId, u64>,
    /// When a fault struck a call that the drain leg cannot do without, at last.
    last_hindered_ms: Option<u64>,
    /// APIs that a fault or a bucket struck, and when first.
    struck: BTreeMap<Api, u64>,
    /// Whether a fault struck what proves the node's identity, shows its pods or deletes them.
    blinded: bool,
    /// When it sent its first call for a notice.
    began_ms: Option<u64>,
    first_ask_ms: Option<u64>,
    first_group_write_ms: Option<u64>,
    open: BTreeMap<u64, String>,
}

/// The observer.
#[derive(Debug)]
pub(crate) struct Observer {
    rules: Rules,
    invocations: Vec<Invocation>,
    calls: u64,
    violations: Vec<Violation>,
}

impl Observer {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, invocations: Vec::new(), calls: 0, violations: Vec::new() }
    }

    /// A law was broken.
    pub(crate) fn broken(&mut self, law: Law, at_ms: u64, what: String) {
        let violation = Violation { law, at_ms, what };
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// All violations, by time.
    pub(crate) fn take_violations(&mut self) -> Vec<Violation> {
        self.violations.sort_by_key(|violation| (violation.at_ms, violation.law));
        std::mem::take(&mut self.violations)
    }

    /// A new environment starts. Its number.
    pub(crate) fn environment(&mut self) -> usize {
        self.invocations.push(Invocation { alive: true, ..Invocation::default() });
        self.invocations.len() - 1
    }

    /// Whether an environment can still make calls.
    pub(crate) fn is_alive(&self, env: usize) -> bool {
        self.invocations.get(env).is_some_and(|invocation| invocation.alive)
    }

    /// A call was sent. Its number.
    pub(crate) fn sent(&mut self, env: usize, operation: &Operation, is_struck: bool, now_ms: u64) -> u64 {
        self.calls += 1;
        if is_struck {
            self.struck_call(env, operation, now_ms);
        }
        let writes_to_group = operation.api == Api::AutoScaling && operation.writes;
        let asks = matches!(operation.name.as_str(), EVICT | "delete pods");
        let Some(invocation) = self.invocations.get_mut(env) else { return self.calls };
        if invocation.entered && operation.api != Api::Eks {
            invocation.began_ms.get_or_insert(now_ms);
            *invocation.calls.entry((operation.api, operation.cluster.clone())).or_default() += 1;
        }
        if writes_to_group {
            invocation.first_group_write_ms.get_or_insert(now_ms);
        }
        if operation.name == "create events" {
            invocation.last_event_ms = Some(now_ms);
        }
        if asks {
            invocation.first_ask_ms.get_or_insert(now_ms);
        }
        // Events are part of the report; the address of the API server belongs to no notice.
        if operation.name != "create events" && operation.api != Api::Eks {
            invocation.open.insert(self.calls, format!("{} {}", operation.key(), operation.target));
        }
        self.calls
    }

    /// A fault struck a call. Without the cordon, Events and the names of budgets, pods can be asked all the same;
    /// what may be forbidden for good is RBAC's to say.
    pub(crate) fn hindered(&mut self, env: usize, operation: &Operation, kind: FaultKind, now_ms: u64) {
        let aside = matches!(
            operation.name.as_str(),
            "patch nodes" | "create events" | "list poddisruptionbudgets" | "delete pods"
        );
        let answered = matches!(
            kind,
            FaultKind::Denied(_)
                | FaultKind::Throttled
                | FaultKind::Unavailable
                | FaultKind::UnavailableFor(_)
        );
        let eviction = operation.name == "create pods/eviction" && answered;
        if operation.api == Api::AutoScaling || aside || eviction {
            return;
        }
        let at_ms = if kind == FaultKind::Forbidden { u64::MAX } else { now_ms };
        if let Some(invocation) = self.invocations.get_mut(env) {
            invocation.last_hindered_ms = invocation.last_hindered_ms.max(Some(at_ms));
        }
    }

    /// A call was answered or given up. Law 6: none is open after the deadline.
    pub(crate) fn closed(&mut self, env: usize, call: u64, now_ms: u64) {
        let Some(invocation) = self.invocations.get_mut(env) else { return };
        let Some(what) = invocation.open.remove(&call) else { return };
        let last = invocation.told.iter().map(|told| told.deadline_ms).max();
        // A notice that is taken up after its deadline is looked into.
        let began_ms = invocation.began_ms.unwrap_or(invocation.entered_ms) as i64;
        let last = last.filter(|deadline_ms| *deadline_ms >= began_ms);
        if invocation.alive && last.is_some_and(|deadline_ms| now_ms as i64 > deadline_ms) {
            self.broken(Law::InTime, now_ms, format!("f{env} {what}: open after the deadline"));
        }
    }

    /// A fault or a lack of seats struck a call.
    pub(crate) fn struck_call(&mut self, env: usize, operation: &Operation, now_ms: u64) {
        self.struck(env, operation.api, now_ms);
        if let Some(invocation) = self.invocations.get_mut(env) {
            if operation.name == EVICT {
                invocation.evictions_struck.insert(operation.target.clone());
            }
            invocation.blinded |= !SPARES.contains(&operation.name.as_str());
        }
    }

    /// A fault or a bucket struck a call.
    pub(crate) fn struck(&mut self, env: usize, api: Api, now_ms: u64) {
        if let Some(invocation) = self.invocations.get_mut(env) {
            invocation.struck.entry(api).or_insert(now_ms);
        }
    }

    /// A function is going to be shown all pods of a node.
    pub(crate) fn listed(&mut self, call: Call, cluster: usize, node: &str, now_ms: u64, pods: &[PodId]) {
        if let Some(invocation) = self.invocations.get_mut(call.env) {
            invocation.under_way.insert(call.id, ((cluster, node.to_owned()), (now_ms, pods.to_vec())));
        }
    }

    /// An answer has come back: now the function knows.
    pub(crate) fn answered(&mut self, call: Call, now_ms: u64) {
        let Some(invocation) = self.invocations.get_mut(call.env) else { return };
        if let Some((node, list)) = invocation.under_way.remove(&call.id) {
            invocation.listed.entry(node).or_insert(list);
        }
        if let Some(pod) = invocation.accepting.remove(&call.id) {
            invocation.accepted.insert(pod, now_ms);
        }
        if let Some(pod) = invocation.overriding.remove(&call.id) {
            invocation.overridden.insert(pod);
        }
        if let Some((deferred, until_ms)) = invocation.deferring.remove(&call.id)
            && !call.hung_up
        {
            let longest = invocation.not_before.entry(deferred).or_insert((self.calls, until_ms));
            if longest.1 <= until_ms {
                *longest = (self.calls, until_ms);
            }
        }
    }

    fn told(&self, env: usize, instance: &str) -> Option<&Told> {
        self.invocations.get(env)?.told.iter().find(|told| told.instance == instance)
    }
}
