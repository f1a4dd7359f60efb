//! The laws, each held against facts made by hand: one list that breaks it, and one that does not.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Observer, Rules};
use crate::{
    facts::{
        Action, AnnouncedNotice, Answer, Call, CallFact, EndedBy, Fact, FunctionFact, GroupAbout, GroupFact,
        InstanceAbout, InstanceFact, LaunchedBy, Operation, PodAbout, PodClass, PodFact, PodId, Removal,
        Ruling, Termination, Verb, pod_uid,
    },
    faults::{Api, FaultKind},
    law::Law,
    tests::RULES,
};

mod evictions;
mod whole;
mod writes;

const ID: &str = "i-1";
const NODE: &str = "node-1";
const EVICT: &str = "create pods/eviction";

/// Facts as they happen, one call after the other.
struct Facts {
    rules: Rules,
    list: Vec<(u64, Fact)>,
    calls: u64,
}

impl Facts {
    /// A Spot instance in a group of a registered cluster, with pod 0 (ordinary) and pod 1 (system-critical) on it, whose
    /// notice, two minutes long, has come at 0 ms to the one function.
    fn new() -> Self {
        let mut facts = Self { rules: RULES, list: Vec::new(), calls: 0 };
        facts.at(0, Fact::Cluster { name: "production".to_owned(), registered: true });
        facts.at(0, Fact::Group("spot".to_owned(), GroupFact::Made(GroupAbout::default())));
        facts.instance(
            0,
            InstanceFact::Made(InstanceAbout { group: Some("spot".to_owned()), ..InstanceAbout::default() }),
        );
        facts.instance(0, InstanceFact::Joined(NODE.to_owned()));
        facts.add_pod(0, PodClass::Ordinary);
        facts.add_pod(1, PodClass::Critical);
        facts.instance(0, InstanceFact::Announced(vec![0, 1]));
        facts.invoke(0);
        facts
    }

    fn at(&mut self, at_ms: u64, fact: Fact) {
        self.list.push((at_ms, fact));
    }

    fn instance(&mut self, at_ms: u64, fact: InstanceFact) {
        self.at(at_ms, Fact::Instance(ID.to_owned(), fact));
    }

    fn pod(&mut self, at_ms: u64, pod: PodId, fact: PodFact) {
        self.at(at_ms, Fact::Pod(pod, fact));
    }

    fn add_pod(&mut self, id: PodId, class: PodClass) {
        let about = PodAbout {
            workload: id,
            label: format!("shop/pod-{id}"),
            class,
            grace_s: 30,
            ..PodAbout::default()
        };
        self.pod(0, id, PodFact::Made(about));
        self.pod(0, id, PodFact::Bound { node: NODE.to_owned(), instance: ID.to_owned() });
    }

    /// The next environment gets the notice at 0 ms.
    fn invoke(&mut self, env: usize) {
        let notice = AnnouncedNotice {
            instance: ID.to_owned(),
            action: Action::Terminate,
            deadline_ms: 120_000,
            region: None,
        };
        self.at(0, Fact::Function(env, FunctionFact::Started));
        let invoked = FunctionFact::Invoked { notices: vec![notice], limit_ms: 180_000 };
        self.at(0, Fact::Function(env, invoked));
    }

    /// One fact of a call that was sent and arrives at `at_ms`.
    fn call(&mut self, at_ms: u64, (api, name): (Api, &str), fault: Option<FaultKind>, fact: CallFact) {
        self.calls += 1;
        let operation = Operation {
            api,
            cluster: (api == Api::Kubernetes).then(|| "production".to_owned()),
            name: name.to_owned(),
            target: "shop/pod-0".to_owned(),
            writes: true,
        };
        let operation = Arc::new(operation);
        let call =
            Call { env: 0, id: self.calls, operation, sent_ms: at_ms, arrived_ms: at_ms, hung_up: false };
        for fact in [CallFact::Sent(fault), fact, CallFact::Answered] {
            self.at(at_ms, Fact::Call(call.clone(), fact));
        }
    }

    fn removes(&mut self, at_ms: u64, removal: Removal) {
        let name = if removal.verb == Verb::Evict { EVICT } else { "delete pods" };
        self.call(at_ms, (Api::Kubernetes, name), None, CallFact::Removes(removal));
    }

    fn lists(&mut self, at_ms: u64, pods: &[PodId]) {
        let lists = CallFact::Lists { cluster: 0, node: NODE.to_owned(), pods: pods.to_vec() };
        self.call(at_ms, (Api::Kubernetes, "list pods"), None, lists);
    }

    /// The group is called for the instance, and launches another one.
    fn replaces(&mut self, at_ms: u64, by: &str) {
        let writes = CallFact::WritesGroup { instance: ID.to_owned() };
        self.call(at_ms, (Api::AutoScaling, "DetachInstances"), None, writes);
        let replaced = InstanceFact::Replaced { by: by.to_owned(), launched_by: LaunchedBy::Handler };
        self.instance(at_ms, replaced);
    }

    fn cordons(&mut self, at_ms: u64) {
        let instance = ID.to_owned();
        let wrote = CallFact::WroteNode { instance, node: NODE.to_owned(), uncordons: false };
        self.call(at_ms, (Api::Kubernetes, "patch nodes"), None, wrote);
        self.instance(at_ms, InstanceFact::Cordoned);
    }

    /// All that a good handler does: both pods are asked in time.
    fn handle(&mut self) {
        self.replaces(50, "i-2");
        self.cordons(50);
        self.lists(50, &[0, 1]);
        self.removes(100, eviction(0));
        self.removes(70_000, eviction(1));
    }

    /// The function answers with a report that names both pods, and ends; the run is over.
    fn end(&mut self, at_ms: u64) {
        self.at(at_ms, Fact::Function(0, FunctionFact::Ended));
        self.answer(at_ms, json!({}));
        self.at(at_ms, Fact::Closed);
    }

    /// The function answers with a report of this content.
    fn answer(&mut self, at_ms: u64, mut report: Value) {
        report["event"] = json!({ "instance_id": ID });
        if report["pods"].is_null() {
            report["pods"] = [0, 1].map(|pod| json!({ "uid": pod_uid(pod), "outcome": "left" })).into();
        }
        self.at(at_ms, Fact::Function(0, FunctionFact::Answered(vec![report])));
    }

    /// Laws that the facts break.
    fn laws(self) -> Vec<Law> {
        let mut observer = Observer::new(self.rules);
        observer.read(self.list);
        observer.take_violations().iter().map(|violation| violation.law).collect()
    }
}

/// Laws that the facts break after `change`.
fn broken_by(change: impl FnOnce(&mut Facts)) -> Vec<Law> {
    let mut facts = Facts::new();
    change(&mut facts);
    facts.laws()
}

/// An eviction that is accepted.
fn eviction(pod: PodId) -> Removal {
    Removal {
        verb: Verb::Evict,
        pod,
        instance: Some(ID.to_owned()),
        uid: Some(pod_uid(pod)),
        grace_s: None,
        ruling: Ruling::Allowed,
        is_spent: false,
        answer: Answer::Accepted,
    }
}

fn delete(pod: PodId) -> Removal {
    Removal { verb: Verb::Delete, ..eviction(pod) }
}

/// A termination with 30 s of grace.
fn termination(since_ms: u64, by: EndedBy) -> Termination {
    let kill_ms = since_ms + 30_000;
    Termination { since_ms, grace_s: 30, by, granted_ms: since_ms, kill_ms, over_ms: kill_ms }
}
