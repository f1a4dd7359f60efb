//! All of the world's state, its timers, and its making from a spec.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::{
    clock::Clock,
    groups::Group,
    instances::Instance,
    nodes::Node,
    pods::{Pod, PodId},
    spec::{Action, Bucket, Deletion, Notice, Pace, PdbSpec, TerminatingNamespace, WorkloadSpec, WorldSpec},
};
use crate::{
    faults::FaultPlan,
    observer::Observer,
    trace::Trace,
    wire::{eks, seats::Level},
};

/// Everything that stands in the world.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) now_ms: u64,
    pub(crate) pace: Pace,
    pub(crate) rng: Rng,
    pub(crate) trace: Trace,
    pub(crate) observer: Observer,
    pub(crate) faults: FaultPlan,
    pub(crate) ec2_bucket: Option<(Bucket, f64, u64)>,
    pub(crate) full_pods: bool,
    pub(crate) node_bytes: usize,
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
    timers: BTreeMap<(u64, u64), Timer>,
    timers_set: u64,
    /// Timers that a run waits for: notices, ends of instances, launches.
    awaited: usize,
}

/// One EKS cluster.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) registered: bool,
    /// Address of its API server.
    pub(crate) server: String,
    /// Its certificate authority, PEM.
    pub(crate) ca: String,
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) workloads: Vec<WorkloadSpec>,
    pub(crate) pdbs: Vec<PdbSpec>,
    pub(crate) terminating: Vec<TerminatingNamespace>,
    pub(crate) deletions: Vec<Deletion>,
    /// Seats for calls that change something.
    pub(crate) level: Option<Level>,
    /// Pods that the API server knows, by namespace and name.
    pub(crate) names: BTreeMap<(String, String), PodId>,
    /// The same by namespace and label `app`.
    pub(crate) apps: BTreeMap<(String, String), BTreeSet<PodId>>,
    /// Namespace and name of all Events.
    pub(crate) events: BTreeSet<(String, String)>,
    pub(crate) pending: Vec<PodId>,
    pub(crate) scheduling: bool,
    /// Indices of budgets by namespace and the label that they select by.
    pub(super) budgets: BTreeMap<(String, Option<String>), Vec<usize>>,
    /// The serialised node list, with the revision it was made at.
    pub(crate) node_list: Option<(u64, bytes::Bytes)>,
    /// The serialised budget list of all namespaces, with the time it was made at.
    pub(crate) budget_list: Option<(u64, bytes::Bytes)>,
    pub(crate) nodes_revision: u64,
    pub(crate) pods_revision: u64,
}

/// Something that will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Timer {
    /// EC2 issues a notice.
    Notice(usize),
    /// EC2 takes an instance.
    Reclaim(String),
    /// An administrator terminates an instance.
    ShutDown(String),
    /// The node of a taken instance is removed.
    NodeGone(String),
    /// A group acts on a notice by itself.
    Rebalance(String),
    /// An instance freezes.
    Freeze(String),
    /// A new instance's node is Ready.
    Boot(String),
    /// A group sees that a member is gone.
    HealthCheck(String),
    /// No hook holds a terminating member any more.
    HooksOver(String),
    /// A group ends a terminating member.
    GroupEnds(String),
    /// A group lets go of a detached instance.
    Detached(String),
    /// The node controller looks at a cordoned node.
    Taint(usize, String),
    /// The scheduler looks at the pending pods.
    Schedule(usize),
    /// A pod that was assumed on a node is bound to it.
    BindLate(PodId, String),
    /// A pod becomes Ready.
    PodReady(PodId),
    /// A terminating pod ends, by itself or by SIGKILL.
    PodEnd(PodId),
    /// Somebody changes a budget.
    Budget(usize, usize),
    /// The namespace controller deletes the pods of a namespace.
    NamespacePods(usize, String),
    /// Others delete the pods of a workload.
    Deletion(usize, usize),
    /// Connections to the API servers break.
    CutWatches,
}

impl Timer {
    fn is_awaited(&self) -> bool {
        matches!(
            self,
            Self::Notice(_)
                | Self::Rebalance(_)
                | Self::Reclaim(_)
                | Self::ShutDown(_)
                | Self::Freeze(_)
                | Self::Boot(_)
                | Self::HealthCheck(_)
        )
    }
}

impl State {
    /// The world as the spec describes it.
    pub(crate) fn new(spec: &WorldSpec, clock: Clock, observer: Observer) -> Self {
        let mut state = Self {
            clock,
            now_ms: 0,
            pace: spec.pace,
            rng: Rng::with_seed(spec.seed ^ 0x5bd1_e995),
            trace: Trace::default(),
            observer,
            faults: FaultPlan::new(&spec.faults, spec.seed),
            ec2_bucket: spec.ec2_bucket.map(|bucket| (bucket, f64::from(bucket.burst), 0)),
            full_pods: spec.full_pods,
            node_bytes: spec.node_bytes,
            calls: BTreeMap::new(),
            instances: BTreeMap::new(),
            groups: BTreeMap::new(),
            clusters: Vec::new(),
            pods: Vec::new(),
            notices: spec.notices.clone(),
            concerned: BTreeMap::new(),
            revision: 1_000,
            launched: 0,
            timers: BTreeMap::new(),
            timers_set: 0,
            awaited: 0,
        };
        for group in &spec.groups {
            state.groups.insert(group.name.clone(), Group::new(group.clone()));
        }
        for cluster in &spec.clusters {
            let index = state.clusters.len();
            state.clusters.push(Cluster {
                name: cluster.name.clone(),
                registered: cluster.registered,
                server: eks::server(&cluster.name),
                ca: eks::CA.to_owned(),
                nodes: BTreeMap::new(),
                workloads: cluster.workloads.clone(),
                pdbs: cluster.pdbs.clone(),
                terminating: cluster.terminating.clone(),
                deletions: cluster.deletions.clone(),
                level: cluster.seats.map(Level::new),
                names: BTreeMap::new(),
                apps: BTreeMap::new(),
                events: BTreeSet::new(),
                pending: Vec::new(),
                scheduling: false,
                budgets: BTreeMap::new(),
                node_list: None,
                budget_list: None,
                nodes_revision: 0,
                pods_revision: 0,
            });
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
                let key = (pdb.namespace.clone(), pdb.app.clone());
                state.clusters[index].budgets.entry(key).or_default().push(number);
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

    /// `timer` goes off at `at_ms`.
    pub(crate) fn set(&mut self, at_ms: u64, timer: Timer) {
        self.awaited += usize::from(timer.is_awaited());
        self.timers_set += 1;
        self.timers.insert((at_ms.max(self.now_ms), self.timers_set), timer);
    }

    /// `timer` goes off in `after_ms`.
    pub(crate) fn set_in(&mut self, after_ms: u64, timer: Timer) {
        self.set(self.now_ms + after_ms, timer);
    }

    /// When the next timer goes off.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.timers.first_key_value().map(|((at_ms, _), _)| *at_ms)
    }

    /// `true` when no notice, end of an instance or launch is outstanding.
    pub(crate) fn is_settled(&self) -> bool {
        self.awaited == 0
    }

    /// Lets everything happen that is due by `to_ms`, each thing at its own time.
    pub(crate) fn advance(&mut self, to_ms: u64) {
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > to_ms {
                break;
            }
            self.now_ms = entry.key().0;
            let timer = entry.remove();
            self.awaited -= usize::from(timer.is_awaited());
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
