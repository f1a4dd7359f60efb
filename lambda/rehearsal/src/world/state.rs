//! All of the world's state, and its making from a spec.

use std::{collections::BTreeMap, mem::take};

use fastrand::Rng;

use super::{
    clock::Clock,
    clusters::Cluster,
    faults::FaultPlan,
    groups::Group,
    instances::Instance,
    pods::Pod,
    spec::{Action, Bucket, ClusterSpec, Notice, WorldSpec},
    timers::Timers,
};
use crate::facts::{Call, CallFact, Fact, FunctionFact, PodId};

/// From a hibernate notice to the freeze of the machine.
const FREEZE_MS: u64 = 2_000;

/// Something that happens to the world at its time.
pub(crate) type Event = Box<dyn FnOnce(&mut State) + Send>;

/// Everything that exists in the world.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) now_ms: u64,
    /// What the world was made from; its clusters and groups have moved to theirs.
    pub(crate) spec: WorldSpec,
    pub(crate) rng: Rng,
    /// One line for each call and each state change.
    pub(crate) trace: Vec<String>,
    /// What has happened, with its time.
    pub(crate) facts: Vec<(u64, Fact)>,
    pub(crate) faults: FaultPlan,
    pub(crate) ec2_bucket: Option<(Bucket, f64, u64)>,
    /// Function environments: whether each can still make calls.
    pub(crate) environments: Vec<bool>,
    pub(crate) calls_sent: u64,
    /// Calls that were answered, by their key.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) pods: Vec<Pod>,
    /// Pods that stood on an instance when its notice came, and those bound to it since.
    pub(crate) concerned: BTreeMap<String, Vec<PodId>>,
    /// Counts all changes of Kubernetes objects: the resourceVersion.
    pub(crate) revision: u64,
    pub(super) launched: u32,
    pub(crate) timers: Timers<Event>,
}

impl State {
    /// The world as the spec describes it.
    pub(crate) fn new(spec: &WorldSpec, clock: Clock) -> Self {
        let mut spec = spec.clone();
        let (clusters, groups) = (take(&mut spec.clusters), take(&mut spec.groups));
        let mut state = Self {
            clock,
            now_ms: 0,
            rng: Rng::with_seed(spec.seed ^ 0x5bd1_e995),
            trace: Vec::new(),
            facts: Vec::new(),
            faults: FaultPlan::new(&spec.faults, spec.seed),
            ec2_bucket: spec.ec2_bucket.map(|bucket| (bucket, f64::from(bucket.burst), 0)),
            environments: Vec::new(),
            calls_sent: 0,
            calls: BTreeMap::new(),
            instances: BTreeMap::new(),
            groups: BTreeMap::new(),
            clusters: Vec::new(),
            pods: Vec::new(),
            concerned: BTreeMap::new(),
            revision: 1_000,
            launched: 0,
            timers: Timers::new(),
            spec,
        };
        for group in groups {
            state.add_group(group);
        }
        for cluster in clusters {
            state.add_cluster(cluster);
        }
        for notice in state.spec.notices.clone() {
            state.add_notice(notice);
        }
        for at_ms in state.faults.cuts() {
            state.set(at_ms, Self::cut_watches);
        }
        state
    }

    fn add_cluster(&mut self, mut spec: ClusterSpec) {
        let index = self.clusters.len();
        let (nodes, deletions) = (take(&mut spec.nodes), take(&mut spec.deletions));
        self.emit(Fact::Cluster { name: spec.name.clone(), registered: spec.registered });
        self.clusters.push(Cluster::new(spec));
        for node in nodes {
            self.add_standing_node(index, node);
        }
        for workload in 0..self.clusters[index].spec.workloads.len() {
            self.add_standing_pods(index, workload);
        }
        for pdb in 0..self.clusters[index].spec.pdbs.len() {
            if let Some((at_ms, budget)) = self.clusters[index].spec.pdbs[pdb].change {
                self.set(at_ms, move |state| state.change_budget(index, pdb, budget));
            }
        }
        for deletion in deletions {
            self.set(deletion.at_ms, move |state| state.delete_workload_pods(index, &deletion));
        }
        for namespace in self.clusters[index].spec.terminating.clone() {
            if let Some(at_ms) = namespace.pods_deleted_ms {
                self.set(at_ms, move |state| state.delete_namespace_pods(index, &namespace.name));
            }
        }
    }

    /// Schedules the notice of an instance, and what EC2 then does to it.
    fn add_notice(&mut self, notice: Notice) {
        let Notice { instance, action, at_ms, lead_ms } = notice.clone();
        self.set_awaited(at_ms, move |state| state.issue_notice(&notice));
        match action {
            Action::Hibernate => self.set_awaited(at_ms + FREEZE_MS, move |state| state.freeze(&instance)),
            Action::Terminate | Action::Stop => {
                self.set_awaited(at_ms + lead_ms, move |state| state.reclaim(&instance));
            }
        }
    }

    /// Adds a line to the trace, virtual milliseconds first.
    pub(crate) fn note(&mut self, what: &str) {
        self.trace.push(format!("{:>7} {what}", self.now_ms));
    }

    /// The next resourceVersion.
    pub(crate) fn bump(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// Adds a fact.
    pub(crate) fn emit(&mut self, fact: Fact) {
        self.facts.push((self.now_ms, fact));
    }

    /// Adds a fact of a call.
    pub(crate) fn emit_call(&mut self, call: &Call, fact: CallFact) {
        self.emit(Fact::Call(call.clone(), fact));
    }

    /// Starts a function environment and returns its number.
    pub(crate) fn start_environment(&mut self) -> usize {
        let env = self.environments.len();
        self.environments.push(true);
        self.emit(Fact::Function(env, FunctionFact::Started));
        env
    }

    /// Ends the process of an environment, or freezes it after its answer.
    pub(crate) fn end_environment(&mut self, env: usize) {
        self.environments[env] = false;
        self.emit(Fact::Function(env, FunctionFact::Ended));
    }

    /// Schedules `event` for `at_ms`.
    pub(crate) fn set(&mut self, at_ms: u64, event: impl FnOnce(&mut Self) + Send + 'static) {
        self.timers.set(at_ms.max(self.now_ms), Box::new(event), false);
    }

    /// Schedules `event` in `after_ms`.
    pub(crate) fn set_in(&mut self, after_ms: u64, event: impl FnOnce(&mut Self) + Send + 'static) {
        self.set(self.now_ms + after_ms, event);
    }

    /// Schedules `event` for `at_ms`, and keeps the run from ending before.
    pub(super) fn set_awaited(&mut self, at_ms: u64, event: impl FnOnce(&mut Self) + Send + 'static) {
        self.timers.set(at_ms.max(self.now_ms), Box::new(event), true);
    }

    /// Lets everything happen that is due by `to_ms`, each thing at its own time.
    pub(crate) fn advance(&mut self, to_ms: u64) {
        while let Some((at_ms, event)) = self.timers.pop(to_ms) {
            self.now_ms = at_ms;
            event(self);
        }
        self.now_ms = to_ms;
    }
}
