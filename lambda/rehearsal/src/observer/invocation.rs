//! One invocation: what it was asked to do, what it has done, and what it can know.

use std::{collections::BTreeMap, sync::Arc};

use super::record::Record;
use crate::{
    facts::{
        AnnouncedNotice, Answer, Call, CallFact, FunctionFact, Operation, PodId, Removal, Termination, Verb,
    },
    faults::{Api, FaultKind},
};

pub(super) const EVICT: &str = "create pods/eviction";
pub(super) const DELETE: &str = "delete pods";
pub(super) const POST_EVENT: &str = "create events";

/// Calls that neither prove the node's identity nor show its pods nor delete them.
const SPARES: [&str; 4] = [EVICT, "patch nodes", POST_EVENT, "list poddisruptionbudgets"];
/// Calls without which pods can be asked all the same; what may be forbidden for good is RBAC's to say.
const ASIDE: [&str; 4] = ["patch nodes", POST_EVENT, "list poddisruptionbudgets", DELETE];

/// When a list was made, and the pods in it.
pub(super) type List = (i64, Vec<PodId>);

/// What an invocation has asked of one pod.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asking {
    /// When it asked the pod to go for the first time.
    pub(super) asked_ms: Option<i64>,
    pub(super) times: u32,
    /// An eviction was refused, whatever the obstacle.
    pub(super) is_blocked: bool,
    /// A delete was refused.
    pub(super) is_refused: bool,
    /// Since when it knows that it has ended the pod, or cut its grace.
    pub(super) accepted_ms: Option<i64>,
    /// It knows that it has deleted the pod over what stood in its eviction's way.
    pub(super) is_overridden: bool,
}

/// A call that a fault, a bucket or a lack of seats struck.
#[derive(Debug)]
struct Struck {
    at_ms: i64,
    operation: Arc<Operation>,
    fault: Option<FaultKind>,
}

/// What an answer shows to the function when it is back, at the time that is given.
type Lesson = Box<dyn FnOnce(&mut Invocation, i64)>;

/// One invocation, in an environment of its own.
#[derive(Default)]
pub(super) struct Invocation {
    entered: bool,
    pub(super) entered_ms: i64,
    /// Lambda ends it this long after its entry.
    pub(super) limit_ms: i64,
    /// Frozen after its answer, or dead.
    pub(super) ended_ms: Option<i64>,
    pub(super) answered: bool,
    pub(super) notices: Vec<AnnouncedNotice>,
    /// Calls that it has sent since its entry, and when.
    sent: Vec<(i64, Call)>,
    struck: Vec<Struck>,
    /// By call, of answers on their way back.
    lessons: BTreeMap<u64, Vec<Lesson>>,
    /// Pods that it was shown, by cluster and node, when it first listed them.
    listed: BTreeMap<(usize, String), List>,
    pub(super) askings: BTreeMap<PodId, Asking>,
    /// When an answer asked for another try, by removal and whether the pod terminated already; and its last call
    /// before that answer.
    pub(super) not_before: BTreeMap<(PodId, Verb, bool), (i64, u64)>,
}

impl Invocation {
    /// The first notice that it has got for an instance.
    pub(super) fn notice_of(&self, instance: &str) -> Option<&AnnouncedNotice> {
        self.notices.iter().find(|notice| notice.instance == instance)
    }

    /// When the pods of a node were first listed to it, and which.
    pub(super) fn listed(&self, cluster: usize, node: Option<&String>) -> Option<&List> {
        self.listed.get(&(cluster, node?.clone()))
    }

    /// What it has asked of a pod.
    pub(super) fn asking(&self, pod: PodId) -> Asking {
        self.askings.get(&pod).copied().unwrap_or_default()
    }

    /// The calls that it has sent, those to EKS left out.
    pub(super) fn work(&self) -> impl DoubleEndedIterator<Item = (i64, &Operation)> {
        let sent = self.sent.iter().map(|(at_ms, call)| (*at_ms, &*call.operation));
        sent.filter(|(_, operation)| operation.api != Api::Eks)
    }

    /// When it took its notices up.
    pub(super) fn began_ms(&self) -> i64 {
        self.work().next().map_or(self.entered_ms, |(at_ms, _)| at_ms)
    }

    /// When an API was first struck by a fault or a bucket.
    pub(super) fn struck_ms(&self, api: Api) -> Option<i64> {
        self.struck.iter().find(|struck| struck.operation.api == api).map(|struck| struck.at_ms)
    }

    pub(super) fn is_struck(&self, api: Api) -> bool {
        self.struck_ms(api).is_some()
    }

    /// Whether an eviction was struck by a fault or a lack of seats, of the pods that are asked for.
    pub(super) fn is_eviction_struck(&self, is_of: impl Fn(&str) -> bool) -> bool {
        let mut evictions = self.struck.iter().filter(|struck| struck.operation.name == EVICT);
        evictions.any(|struck| is_of(&struck.operation.target))
    }

    /// Whether what proves the node's identity, shows its pods or deletes them was struck.
    pub(super) fn is_blinded(&self) -> bool {
        self.struck
            .iter()
            .map(|struck| &struck.operation)
            .any(|operation| operation.api != Api::AutoScaling && !SPARES.contains(&operation.name.as_str()))
    }

    /// When a fault last struck a call that the drain leg cannot do without; what is forbidden stays so.
    pub(super) fn last_hindered_ms(&self) -> Option<i64> {
        use FaultKind::{Denied, Throttled, Unavailable, UnavailableFor};
        let hindered = self.struck.iter().filter_map(|Struck { at_ms, operation, fault }| {
            let fault = (*fault)?;
            let name = operation.name.as_str();
            let is_answered = matches!(fault, Denied(_) | Throttled | Unavailable | UnavailableFor(_));
            let is_aside =
                operation.api == Api::AutoScaling || ASIDE.contains(&name) || (name == EVICT && is_answered);
            (!is_aside).then_some(if fault == FaultKind::Forbidden { i64::MAX } else { *at_ms })
        });
        hindered.max()
    }

    pub(super) fn learn(&mut self, at_ms: i64, fact: FunctionFact) {
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

    pub(super) fn learn_call(&mut self, at_ms: i64, call: Call, fact: CallFact, record: &Record) {
        match fact {
            CallFact::Sent(fault) => {
                if fault.is_some() {
                    self.struck.push(Struck { at_ms, operation: call.operation.clone(), fault });
                }
                if self.entered {
                    self.sent.push((at_ms, call));
                }
            }
            CallFact::Starved => self.struck.push(Struck { at_ms, operation: call.operation, fault: None }),
            CallFact::Lists { cluster, node, pods } => self.on_answer(&call, move |known, _| {
                known.listed.entry((cluster, node)).or_insert((at_ms, pods));
            }),
            CallFact::Removes(removal) => {
                self.learn_removal(at_ms, &call, &removal, record.pods[removal.pod].termination);
            }
            CallFact::Answered => {
                for lesson in self.lessons.remove(&call.id).unwrap_or_default() {
                    lesson(self, at_ms);
                }
            }
            CallFact::WroteNode { .. } | CallFact::WritesGroup { .. } | CallFact::Closed => {}
        }
    }

    fn on_answer(&mut self, call: &Call, lesson: impl FnOnce(&mut Self, i64) + 'static) {
        self.lessons.entry(call.id).or_default().push(Box::new(lesson));
    }

    fn learn_removal(&mut self, at_ms: i64, call: &Call, removal: &Removal, earlier: Option<Termination>) {
        let Removal { pod, verb, grace_s, answer, .. } = *removal;
        let asking = self.askings.entry(pod).or_default();
        if removal.hits() {
            asking.asked_ms.get_or_insert(call.arrived_ms as i64);
            asking.times += 1;
        }
        let is_refused = answer == Answer::Refused;
        asking.is_blocked |= is_refused && verb == Verb::Evict && removal.hits();
        asking.is_refused |= is_refused && verb == Verb::Delete;
        // A call that another's termination has overtaken, and that changes nothing of it, shows nothing of its end.
        let shows_its_end = earlier.is_none_or(|earlier| {
            earlier.granted_ms <= call.arrived_ms || grace_s.is_some_and(|grace_s| grace_s < earlier.grace_s)
        });
        let terminates = earlier.is_some();
        self.on_answer(call, move |known, answered_ms| match answer {
            Answer::Accepted => {
                let asking = known.askings.entry(pod).or_default();
                asking.accepted_ms = if shows_its_end { Some(answered_ms) } else { asking.accepted_ms };
                asking.is_overridden |= verb == Verb::Delete && !terminates;
            }
            Answer::Throttled(after_ms) => {
                let last_call = known.sent.last().map_or(0, |(_, call)| call.id);
                let longest = known.not_before.entry((pod, verb, terminates)).or_default();
                *longest = (*longest).max((at_ms + after_ms as i64, last_call));
            }
            Answer::Refused => {}
        });
    }
}
