//! All of the world's state, and its making from a spec.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::{
    clock::Clock,
    clusters::Cluster,
    faults::FaultPlan,
    groups::Group,
    instances::Instance,
    pods::Pod,
    spec::{Action, Bucket, Notice, Pace, WorldSpec},
    timers::{Timer, Timers},
};
use crate::{
    facts::{Call, CallFact, Fact, FunctionFact, PodId},
    trace::Trace,
};

/// Everything that exists in the world.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) now_ms: u64,
    pub(crate) pace: Pace,
    pub(crate) rng: Rng,
    pub(crate) trace: Trace,
    /// What has happened, with its time.
    pub(crate) facts: Vec<(u64, Fact)>,
    pub(crate) faults: FaultPlan,
    pub(crate) ec2_bucket: Option<(Bucket, f64, u64)>,
    pub(crate) full_pods: bool,
    pub(crate) node_bytes: usize,
    /// Function environments: whether each can still make calls.
    pub(crate) environments: Vec<bool>,
    pub(crate) calls_sent: u64,
    /// Calls that were answered, by their key.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) notices: Vec<Notice>,
    /// Pods that stood on an instance when its notice came, and those bound to it since.
    pub(crate) concerned: BTreeMap<String, Vec<PodId>>,
    /// Counts all changes of Kubernetes objects: the resourceVersion.
    pub(crate) revision: u64,
    pub(super) launched: u32,
    pub(crate) timers: Timers,
}

impl State {
    /// The world as the spec describes it.
    pub(crate) fn new(spec: &WorldSpec, clock: Clock) -> Self {
        let mut state = Self {
            clock,
            now_ms: 0,
            pace: spec.pace,
            rng: Rng::with_seed(spec.seed ^ 0x5bd1_e995),
            trace: Trace::default(),
            facts: Vec::new(),
            faults: FaultPlan::new(&spec.faults, spec.seed),
            ec2_bucket: spec.ec2_bucket.map(|bucket| (bucket, f64::from(bucket.burst), 0)),
            full_pods: spec.full_pods,
            node_bytes: spec.node_bytes,
            environments: Vec::new(),
            calls_sent: 0,
            calls: BTreeMap::new(),
            instances: BTreeMap::new(),
            groups: BTreeMap::new(),
            clusters: Vec::new(),
            pods: Vec::new(),
            notices: spec.notices.clone(),
            concerned: BTreeMap::new(),
            revision: 1_000,
            launched: 0,
            timers: Timers::default(),
        };
        for group in &spec.groups {
            state.add_group(group);
        }
        for cluster in &spec.clusters {
            let index = state.clusters.len();
            state.clusters.push(Cluster::new(cluster));
            state.emit(Fact::Cluster { name: cluster.name.clone(), registered: cluster.registered });
            for node in &cluster.nodes {
                state.add_standing_node(index, node);
                if let Some(at_ms) = node.shuts_down_ms {
                    state.set(at_ms, Timer::ShutDown(node.instance.clone()));
                }
                if let Some(at_ms) = node.recommended_ms {
                    state.set(at_ms, Timer::Rebalance(node.instance.clone()));
                }
            }
            for workload in 0..cluster.workloads.len() {
                state.add_standing_pods(index, workload);
            }
            for (number, pdb) in cluster.pdbs.iter().enumerate() {
                if let Some((at_ms, _)) = pdb.change {
                    state.set(at_ms, Timer::Budget(index, number));
                }
            }
            for (number, deletion) in cluster.deletions.iter().enumerate() {
                state.set(deletion.at_ms, Timer::Deletion(index, number));
            }
            for namespace in &cluster.terminating {
                if let Some(at_ms) = namespace.pods_deleted_ms {
                    state.set(at_ms, Timer::NamespacePods(index, namespace.name.clone()));
                }
            }
        }
        for (number, notice) in spec.notices.iter().enumerate() {
            state.set(notice.at_ms, Timer::Notice(number));
            match notice.action {
                Action::Hibernate => {
                    let at_ms = notice.at_ms + spec.pace.freeze_ms;
                    state.set(at_ms, Timer::Freeze(notice.instance.clone()));
                }
                Action::Terminate | Action::Stop => {
                    let at_ms = notice.at_ms + notice.lead_ms;
                    state.set(at_ms, Timer::Reclaim(notice.instance.clone()));
                }
            }
        }
        for at_ms in state.faults.cuts() {
            state.set(at_ms, Timer::CutWatches);
        }
        state
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&mut self, what: &str) {
        self.trace.line(self.now_ms, what);
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

    /// A function environment starts. Its number.
    pub(crate) fn start_environment(&mut self) -> usize {
        let env = self.environments.len();
        self.environments.push(true);
        self.emit(Fact::Function(env, FunctionFact::Started));
        env
    }

    /// The process of an environment ends, or freezes after its answer.
    pub(crate) fn end_environment(&mut self, env: usize) {
        self.environments[env] = false;
        self.emit(Fact::Function(env, FunctionFact::Ended));
    }

    /// `timer` goes off at `at_ms`.
    pub(crate) fn set(&mut self, at_ms: u64, timer: Timer) {
        self.timers.set(at_ms.max(self.now_ms), timer);
    }

    /// `timer` goes off in `after_ms`.
    pub(crate) fn set_in(&mut self, after_ms: u64, timer: Timer) {
        self.set(self.now_ms + after_ms, timer);
    }

    /// Lets everything happen that is due by `to_ms`, each thing at its own time.
    pub(crate) fn advance(&mut self, to_ms: u64) {
        while let Some((at_ms, timer)) = self.timers.pop(to_ms) {
            self.now_ms = at_ms;
            self.fire(timer);
        }
        self.now_ms = to_ms;
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Notice(number) => self.issue_notice(number),
            Timer::Reclaim(instance) => self.reclaim(&instance),
            Timer::ShutDown(instance) => self.shut_down(&instance),
            Timer::NodeGone(instance) => self.remove_node(&instance),
            Timer::Rebalance(instance) => self.rebalance(&instance),
            Timer::Freeze(instance) => self.freeze(&instance),
            Timer::Boot(instance) => self.boot(&instance),
            Timer::HealthCheck(instance) => self.health_check(&instance),
            Timer::HooksOver(instance) => self.hooks_over(&instance),
            Timer::GroupEnds(instance) => self.group_ends(&instance),
            Timer::Detached(instance) => self.let_go(&instance),
            Timer::Taint(cluster, node) => self.taint_cordoned(cluster, &node),
            Timer::Schedule(cluster) => self.schedule(cluster),
            Timer::BindLate(pod, node) => self.bind_late(pod, &node),
            Timer::PodReady(pod) => self.become_ready(pod),
            Timer::PodEnd(pod) => self.end_pod(pod),
            Timer::Budget(cluster, pdb) => self.change_budget(cluster, pdb),
            Timer::NamespacePods(cluster, namespace) => self.delete_namespace_pods(cluster, &namespace),
            Timer::Deletion(cluster, number) => self.delete_workload_pods(cluster, number),
            Timer::CutWatches => self.cut_watches(),
        }
    }
}
