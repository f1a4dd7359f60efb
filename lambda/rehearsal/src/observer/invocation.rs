//! One invocation: what it was asked to do, what it has done, and what it can know.

use std::collections::{BTreeMap, BTreeSet};

use super::record::Record;
use crate::{
    facts::{AnnouncedNotice, Answer, Call, CallFact, FunctionFact, Operation, PodId, Removal, Verb},
    faults::{Api, FaultKind},
};

pub(super) const EVICT: &str = "create pods/eviction";
pub(super) const POST_EVENT: &str = "create events";

/// Calls that neither prove the node's identity nor show its pods nor delete them.
const SPARES: [&str; 4] = [EVICT, "patch nodes", POST_EVENT, "list poddisruptionbudgets"];
/// Calls without which pods can be asked all the same; what may be forbidden for good is RBAC's to say.
const ASIDE: [&str; 4] = ["patch nodes", POST_EVENT, "list poddisruptionbudgets", "delete pods"];

/// What an answer named a time for: which removal of a pod, and whether that terminated already.
pub(super) type Deferred = (PodId, Verb, bool);

/// When a list was made, and the pods in it.
pub(super) type List = (u64, Vec<PodId>);

/// What an answer on its way back shows to the function.
#[derive(Debug)]
enum Lesson {
    /// The pods of a node.
    Pods((usize, String), List),
    /// It has ended the pod, or cut its grace.
    Accepted(PodId),
    /// It has deleted the pod over what stood in its eviction's way.
    Overridden(PodId),
    /// When to come back.
    Deferred(Deferred, u64),
}

/// One invocation, in an environment of its own.
#[derive(Debug, Default)]
pub(super) struct Invocation {
    entered: bool,
    pub(super) entered_ms: u64,
    /// Lambda ends it this long after its entry.
    pub(super) limit_ms: i64,
    /// Frozen after its answer, or dead.
    pub(super) ended_ms: Option<u64>,
    pub(super) answered: bool,
    pub(super) notices: Vec<AnnouncedNotice>,
    /// Calls that it has sent, those to EKS left out: by API, and by cluster where that is an API server's.
    pub(super) calls: BTreeMap<(Api, Option<String>), usize>,
    /// Its last call so far.
    last_call: u64,
    lessons: BTreeMap<u64, Vec<Lesson>>,
    /// Pods that it was shown, by cluster and node, when it first listed them.
    pub(super) listed: BTreeMap<(usize, String), List>,
    /// Pods that it has asked to go: when first, and how often.
    pub(super) asked: BTreeMap<PodId, (u64, u32)>,
    /// Pods whose eviction was refused, whatever the obstacle.
    pub(super) blocked: BTreeSet<PodId>,
    /// Pods whose delete was refused.
    pub(super) refused: BTreeSet<PodId>,
    /// Pods that it knows it has ended or cut, and since when.
    pub(super) accepted: BTreeMap<PodId, u64>,
    /// Pods that it knows it has deleted over what stood in their eviction's way.
    pub(super) overridden: BTreeSet<PodId>,
    /// Not asked again by a later call than this one before this time.
    pub(super) not_before: BTreeMap<Deferred, (u64, u64)>,
    /// Pods one of whose evictions was struck by a fault or a lack of seats, by namespace and name.
    pub(super) evictions_struck: BTreeSet<String>,
    /// When a fault struck a call that the drain leg cannot do without, at last.
    pub(super) last_hindered_ms: Option<u64>,
    /// APIs that a fault or a bucket struck, and when first.
    pub(super) struck: BTreeMap<Api, u64>,
    /// A fault struck what proves the node's identity, shows its pods or deletes them.
    pub(super) blinded: bool,
    /// When it sent its first call for a notice.
    began_ms: Option<u64>,
    pub(super) first_removal_ms: Option<u64>,
    pub(super) first_group_write_ms: Option<u64>,
    /// When it posted its last Event.
    pub(super) last_event_ms: Option<u64>,
}

impl Invocation {
    /// The first notice that it has got for an instance.
    pub(super) fn notice_of(&self, instance: &str) -> Option<&AnnouncedNotice> {
        self.notices.iter().find(|notice| notice.instance == instance)
    }

    /// When it took its notices up.
    pub(super) fn began_ms(&self) -> u64 {
        self.began_ms.unwrap_or(self.entered_ms)
    }

    pub(super) fn is_struck(&self, api: Api) -> bool {
        self.struck.contains_key(&api)
    }

    pub(super) fn learn(&mut self, at_ms: u64, fact: FunctionFact) {
        match fact {
            FunctionFact::Started | FunctionFact::TimedOut => {}
            FunctionFact::Invoked { notices, limit_ms } => {
                (self.entered, self.entered_ms) = (true, at_ms);
                (self.notices, self.limit_ms) = (notices, limit_ms as i64);
            }
            FunctionFact::Ended => self.ended_ms = Some(at_ms),
            FunctionFact::Answered(_) => self.answered = true,
        }
    }

    pub(super) fn learn_call(&mut self, at_ms: u64, call: &Call, fact: CallFact, record: &Record) {
        match fact {
            CallFact::Sent(fault) => {
                self.last_call = call.id;
                self.learn_sent(at_ms, &call.operation, fault);
            }
            CallFact::Starved => self.learn_struck(at_ms, &call.operation),
            CallFact::Lists { cluster, node, pods } => {
                self.teach(call.id, Lesson::Pods((cluster, node), (at_ms, pods)));
            }
            CallFact::Removes(removal) => self.learn_removal(at_ms, call, &removal, record),
            CallFact::Answered => self.learn_answer(at_ms, call.id),
            CallFact::WroteNode { .. } | CallFact::WritesGroup { .. } | CallFact::Closed => {}
        }
    }

    fn teach(&mut self, call: u64, lesson: Lesson) {
        self.lessons.entry(call).or_default().push(lesson);
    }

    fn learn_sent(&mut self, at_ms: u64, operation: &Operation, fault: Option<FaultKind>) {
        if fault.is_some() {
            self.learn_struck(at_ms, operation);
        }
        if self.entered && operation.api != Api::Eks {
            self.began_ms.get_or_insert(at_ms);
            *self.calls.entry((operation.api, operation.cluster.clone())).or_default() += 1;
        }
        if operation.api == Api::AutoScaling && operation.writes {
            self.first_group_write_ms.get_or_insert(at_ms);
        }
        match operation.name.as_str() {
            POST_EVENT => self.last_event_ms = Some(at_ms),
            EVICT | "delete pods" => {
                self.first_removal_ms.get_or_insert(at_ms);
            }
            _ => {}
        }
        let Some(kind) = fault else { return };
        let is_answered = matches!(
            kind,
            FaultKind::Denied(_)
                | FaultKind::Throttled
                | FaultKind::Unavailable
                | FaultKind::UnavailableFor(_)
        );
        let name = operation.name.as_str();
        if operation.api != Api::AutoScaling && !ASIDE.contains(&name) && !(name == EVICT && is_answered) {
            let until_ms = if kind == FaultKind::Forbidden { u64::MAX } else { at_ms };
            self.last_hindered_ms = self.last_hindered_ms.max(Some(until_ms));
        }
    }

    fn learn_struck(&mut self, at_ms: u64, operation: &Operation) {
        self.struck.entry(operation.api).or_insert(at_ms);
        if operation.name == EVICT {
            self.evictions_struck.insert(operation.target.clone());
        }
        self.blinded |= operation.api != Api::AutoScaling && !SPARES.contains(&operation.name.as_str());
    }

    fn learn_removal(&mut self, at_ms: u64, call: &Call, removal: &Removal, record: &Record) {
        let Removal { pod, verb, grace_s, answer, .. } = *removal;
        if removal.hits() {
            self.asked.entry(pod).or_insert((call.arrived_ms, 0)).1 += 1;
        }
        let termination = record.pods[pod].termination;
        // A call that another's termination has overtaken, and that changes nothing of it, shows nothing of its end.
        let shows_its_end = termination.is_none_or(|termination| {
            termination.granted_ms <= call.arrived_ms
                || grace_s.is_some_and(|grace_s| grace_s < termination.grace_s)
        });
        if answer == Answer::Accepted && shows_its_end {
            self.teach(call.id, Lesson::Accepted(pod));
        }
        match (verb, answer) {
            (Verb::Delete, Answer::Accepted) if termination.is_none() => {
                self.teach(call.id, Lesson::Overridden(pod));
            }
            (Verb::Evict, Answer::Refused) if removal.hits() => {
                self.blocked.insert(pod);
            }
            (Verb::Delete, Answer::Refused) => {
                self.refused.insert(pod);
            }
            (_, Answer::Throttled(after_ms)) => {
                let deferred = (pod, verb, termination.is_some());
                self.teach(call.id, Lesson::Deferred(deferred, at_ms + after_ms));
            }
            _ => {}
        }
    }

    fn learn_answer(&mut self, at_ms: u64, call: u64) {
        for lesson in self.lessons.remove(&call).unwrap_or_default() {
            match lesson {
                Lesson::Pods(node, list) => {
                    self.listed.entry(node).or_insert(list);
                }
                Lesson::Accepted(pod) => {
                    self.accepted.insert(pod, at_ms);
                }
                Lesson::Overridden(pod) => {
                    self.overridden.insert(pod);
                }
                Lesson::Deferred(deferred, until_ms) => {
                    let longest = self.not_before.entry(deferred).or_default();
                    if longest.1 <= until_ms {
                        *longest = (self.last_call, until_ms);
                    }
                }
            }
        }
    }
}
