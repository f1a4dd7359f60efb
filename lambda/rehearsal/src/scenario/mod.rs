//! The built-in scenarios: each one a cluster, what EC2 does to it, what goes wrong meanwhile, and what
//! is to come of it.
//!
//! To add one, write a function from [`Options`] to [`WorldSpec`] in the file of its subject and add its
//! line to [`ALL`].

mod apis;
mod budgets;
mod cluster;
mod deliveries;
mod foreign;
mod groups;
mod machines;
mod options;
mod payload;

use serde::Serialize;

use crate::{Outcome, WorkloadKind, WorldSpec, simulation, timeline::Heading};

pub use options::{Options, PdbAtDeadline, Replacement};
pub use payload::{Announced, EventFile, EventFileError};

/// One rehearsal that can be chosen by name.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Scenario {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is about, in one sentence.
    pub about: &'static str,
    /// What is to come of it.
    pub verdict: &'static str,
    /// Whether every pod is to end gracefully and every replacement that is wanted to be on its way (exit code 0)
    /// with the default options; `None`: the seed decides.
    pub graceful: Option<bool>,
    /// Notices at once, unless chosen otherwise.
    pub nodes: usize,
    #[serde(skip)]
    world: fn(&Options) -> WorldSpec,
}

impl Scenario {
    /// The world of this scenario.
    #[must_use]
    pub fn world(&self, options: &Options) -> WorldSpec {
        (self.world)(&Options { nodes: Some(options.notices(self.nodes)), ..options.clone() })
    }

    /// Runs it in virtual time.
    #[must_use]
    pub fn rehearse(&self, options: &Options) -> Outcome {
        crate::run(self.name, self.world(options))
    }

    /// Everything that is wrong with the choices for this scenario, one line each.
    #[must_use]
    pub fn faults(&self, options: &Options) -> Vec<String> {
        let seed_only = Options { seed: options.seed, ..Options::default() };
        if self.name == "random" && *options != seed_only {
            return vec!["--scenario random: takes no option but --seed, which decides all else".to_owned()];
        }
        let mut faults = options.faults(self.nodes);
        let cluster = options.cluster_size(options.notices(self.nodes));
        if self.name == "wrong-node-name" && cluster == 1 {
            faults.push(
                "--cluster-nodes 1: --scenario wrong-node-name needs 2 nodes, one that goes and one whose name it claims"
                    .to_owned(),
            );
        }
        faults
    }

    /// What is rehearsed, in words.
    #[must_use]
    pub fn heading(&self, options: &Options) -> Heading {
        let spec = self.world(options);
        let nodes: usize = spec.clusters.iter().map(|cluster| cluster.nodes.len()).sum();
        let workloads = spec.clusters.iter().flat_map(|cluster| &cluster.workloads);
        let pods = workloads.filter(|workload| workload.kind != WorkloadKind::DaemonSet);
        let pods: usize = pods.map(|workload| workload.nodes.len()).sum();
        let notices = match spec.notices.len() {
            1 => "1 notice".to_owned(),
            many => format!("{many} notices"),
        };
        let start = if spec.settings.cold { "cold" } else { "warm" };
        let setting =
            format!("{nodes} nodes · {pods} pods · {notices} · {} ms a call · {start}", spec.pace.latency_ms);
        Heading { description: self.about.to_owned(), setting }
    }
}

/// The scenario of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

/// All scenarios, the plainest first.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "baseline",
        about: "nodes of a healthy cluster get a notice",
        verdict: "cordoned in two round trips, every pod evicted, replacement Ready before the deadline",
        graceful: Some(true),
        nodes: 1,
        world: machines::baseline,
    },
    Scenario {
        name: "pdb-blocked",
        about: "a PodDisruptionBudget allows no disruption at all",
        verdict: "the pod keeps its protection until the last moment, then is deleted with its grace",
        graceful: Some(true),
        nodes: 1,
        world: budgets::pdb_blocked,
    },
    Scenario {
        name: "pdb-frees-late",
        about: "a PodDisruptionBudget allows no disruption for the first minute",
        verdict: "asked again and again, evicted when allowed, nothing overridden",
        graceful: Some(true),
        nodes: 1,
        world: budgets::pdb_frees_late,
    },
    Scenario {
        name: "long-grace",
        about: "a pod has ten minutes of grace and needs 90 s to end",
        verdict: "asked at once, its grace cut to the time left, ends in time",
        graceful: Some(true),
        nodes: 1,
        world: machines::long_grace,
    },
    Scenario {
        name: "single-replica",
        about: "the only replica of a Deployment stands under a PodDisruptionBudget with minAvailable 1",
        verdict: "never evictable, so deleted at the last moment with its grace",
        graceful: Some(true),
        nodes: 1,
        world: budgets::single_replica,
    },
    Scenario {
        name: "slow-exit",
        about: "a pod ignores SIGTERM",
        verdict: "killed when its grace is over; all others end in time",
        graceful: Some(false),
        nodes: 1,
        world: machines::slow_exit,
    },
    Scenario {
        name: "tolerates-everything",
        about: "the pods of a Deployment tolerate every taint, and the doomed node is the emptiest of all",
        verdict: "evicted once; the pod that comes back is evicted at the last moment, not in circles",
        graceful: Some(false),
        nodes: 1,
        world: machines::tolerates_everything,
    },
    Scenario {
        name: "late-pod",
        about: "a pod is bound to the node a minute after the cordon, when its volume is attached",
        verdict: "evicted as soon as it is there, long after the node was empty",
        graceful: Some(true),
        nodes: 1,
        world: machines::late_pod,
    },
    Scenario {
        name: "duplicate-delivery",
        about: "EventBridge delivers the notice three times",
        verdict: "one drain, one replacement, three reports",
        graceful: Some(true),
        nodes: 1,
        world: deliveries::duplicate,
    },
    Scenario {
        name: "redelivery-after-crash",
        about: "the function dies right after the cordon; Lambda tries again a minute later",
        verdict: "the second delivery resumes and ends the drain in the minute that is left",
        graceful: Some(true),
        nodes: 1,
        world: deliveries::crash,
    },
    Scenario {
        name: "stale-notice",
        about: "a five minutes old event arrives for an instance that lives on",
        verdict: "ignored with its reason; nothing is written",
        graceful: Some(true),
        nodes: 1,
        world: deliveries::stale,
    },
    Scenario {
        name: "missed-notice",
        about: "the notice arrives half a minute after the instance is gone",
        verdict: "reported as missed, so that an alarm sees it; nothing is written; its pods died with it",
        graceful: Some(false),
        nodes: 1,
        world: deliveries::missed,
    },
    Scenario {
        name: "shutting-down",
        about: "an administrator has terminated the instance when its notice comes",
        verdict: "drained at once within 20 s, budgets overridden now",
        graceful: None,
        nodes: 1,
        world: machines::shutting_down,
    },
    Scenario {
        name: "karpenter-node",
        about: "Karpenter owns the node",
        verdict: "observed: the report names the owner, and nothing is written",
        graceful: Some(false),
        nodes: 1,
        world: foreign::karpenter_node,
    },
    Scenario {
        name: "forged-on-demand",
        about: "a forged event announces the end of an on-demand instance, which lives on",
        verdict: "ignored with its reason; nothing is written",
        graceful: Some(true),
        nodes: 1,
        world: foreign::forged,
    },
    Scenario {
        name: "foreign-fleet",
        about: "EC2 takes 2,000 Spot instances of another system and one node at once, and throttles",
        verdict: "the node is drained; each foreign notice ends within seconds and a few calls",
        graceful: Some(true),
        nodes: 1,
        world: foreign::fleet,
    },
    Scenario {
        name: "only-auto-scaling-answers",
        about: "EC2 throttles every call, and the API server refuses every connection",
        verdict: "pods die with the node, but the replacement is asked for by the tags of its group",
        graceful: Some(false),
        nodes: 1,
        world: apis::only_auto_scaling_answers,
    },
    Scenario {
        name: "unregistered-cluster",
        about: "the instance belongs to a cluster that the function is not registered for",
        verdict: "ignored, nothing is written anywhere; its pods die with it",
        graceful: Some(false),
        nodes: 1,
        world: machines::unregistered_cluster,
    },
    Scenario {
        name: "api-server-down",
        about: "the cluster's API server refuses every connection",
        verdict: "pods die with the node, but the replacement is asked for all the same",
        graceful: Some(false),
        nodes: 1,
        world: apis::api_server_down,
    },
    Scenario {
        name: "api-server-hangs",
        about: "the cluster's API server gives no answer for half a minute",
        verdict: "replacement asked for meanwhile; drained as soon as it answers",
        graceful: Some(true),
        nodes: 1,
        world: apis::api_server_hangs,
    },
    Scenario {
        name: "unauthorized-at-first",
        about: "the cluster's API server answers 401 for a minute, as it does while STS throttles",
        verdict: "asked again and again with a token that is still good; drained as soon as the caller is known",
        graceful: Some(true),
        nodes: 1,
        world: apis::unauthorized_at_first,
    },
    Scenario {
        name: "cordon-refused",
        about: "an admission webhook refuses every change of a node, for good",
        verdict: "every pod is evicted all the same; those that the scheduler puts back, once more at the last moment",
        graceful: Some(false),
        nodes: 1,
        world: apis::cordon_refused,
    },
    Scenario {
        name: "ec2-throttled",
        about: "EC2 throttles every call",
        verdict: "the node is found in the cluster's own node list and drained",
        graceful: Some(true),
        nodes: 1,
        world: apis::ec2_throttled,
    },
    Scenario {
        name: "autoscaling-fails",
        about: "Auto Scaling answers every call with an error",
        verdict: "drained all the same; the report says that the replacement failed",
        graceful: Some(false),
        nodes: 1,
        world: apis::autoscaling_fails,
    },
    Scenario {
        name: "eks-unavailable",
        about: "EKS answers every call with 503, and the function starts cold",
        verdict: "address and CA come from the function's configuration: drained as if EKS were well",
        graceful: Some(true),
        nodes: 1,
        world: apis::eks_unavailable,
    },
    Scenario {
        name: "asg-capacity-rebalance",
        about: "the group has Capacity Rebalancing and replaces by itself",
        verdict: "drained before the group ends it; the group is only watched, so there is one replacement",
        graceful: Some(true),
        nodes: 1,
        world: groups::capacity_rebalance,
    },
    Scenario {
        name: "managed-node-group",
        about: "the group belongs to an EKS managed node group",
        verdict: "drained; the group is only watched, so there is one replacement",
        graceful: Some(true),
        nodes: 1,
        world: groups::managed_node_group,
    },
    Scenario {
        name: "termination-hook",
        about: "a lifecycle hook holds terminating instances of the group",
        verdict: "detached and drained; the report names the hook that was not run",
        graceful: Some(true),
        nodes: 1,
        world: groups::termination_hook,
    },
    Scenario {
        name: "hook-short-heartbeat",
        about: "the group's lifecycle hook lets a terminating instance go after 30 s",
        verdict: "detached, so that the node lives its two minutes; the hook that was not run is named",
        graceful: Some(true),
        nodes: 1,
        world: groups::hook_short_heartbeat,
    },
    Scenario {
        name: "hook-consumer",
        about: "a consumer completes the group's lifecycle hook after 2 s",
        verdict: "detached, so that the node lives its two minutes; the hook that was not run is named",
        graceful: Some(true),
        nodes: 1,
        world: groups::hook_consumer,
    },
    Scenario {
        name: "group-ends-early",
        about: "a group with Capacity Rebalancing ends the instance a minute after the notice, a budget protects a pod",
        verdict: "the deadline in force is the group's, so the pod is deleted in time, with its grace",
        graceful: Some(true),
        nodes: 1,
        world: groups::group_ends_early,
    },
    Scenario {
        name: "launch-suspended",
        about: "the group's Launch process is suspended",
        verdict: "drained; nothing is asked of the group, and the report says that Launch is suspended",
        graceful: Some(false),
        nodes: 1,
        world: groups::launch_suspended,
    },
    Scenario {
        name: "no-capacity",
        about: "no Spot pool of the group has capacity",
        verdict: "drained without a replacement; the report has Auto Scaling's reason",
        graceful: Some(false),
        nodes: 1,
        world: groups::no_capacity,
    },
    Scenario {
        name: "stop",
        about: "an instance outside of any group is stopped, and comes back some day",
        verdict: "drained, the Node object kept, no replacement asked for",
        graceful: Some(true),
        nodes: 1,
        world: machines::stop,
    },
    Scenario {
        name: "hibernate",
        about: "an instance outside of any group is hibernated, without any lead time",
        verdict: "cordoned, no replacement asked for; its pods freeze with it and are left, none is half evicted",
        graceful: Some(false),
        nodes: 1,
        world: machines::hibernate,
    },
    Scenario {
        name: "two-pdbs",
        about: "two PodDisruptionBudgets cover one pod, which the Eviction API refuses with an error",
        verdict: "reported as a fault of configuration, deleted at the last moment with its grace",
        graceful: Some(true),
        nodes: 1,
        world: budgets::two_pdbs,
    },
    Scenario {
        name: "budget-conflicts",
        about: "other writers keep a PodDisruptionBudget's status busy for eight seconds of each eviction",
        verdict: "each eviction waits for the API server's own retries; no disruption is spent for nothing",
        graceful: Some(true),
        nodes: 1,
        world: budgets::conflicts,
    },
    Scenario {
        name: "webhook-denies-evictions",
        about: "an admission webhook denies every eviction with an error, as drain cleaners do",
        verdict: "asked again until the last moment, then every pod is deleted with its grace, and the report says why",
        graceful: Some(true),
        nodes: 1,
        world: apis::webhook_denies_evictions,
    },
    Scenario {
        name: "terminating-long-grace",
        about: "a pod terminates already with an hour of grace, and another one is deleted so after 20 s",
        verdict: "their grace is cut to the time left, so that both are gone before the instance",
        graceful: Some(false),
        nodes: 1,
        world: machines::terminating_long_grace,
    },
    Scenario {
        name: "namespace-terminating",
        about: "a namespace is being deleted while its pods are to be evicted",
        verdict: "left to the namespace controller, which deletes them in time",
        graceful: Some(true),
        nodes: 1,
        world: budgets::namespace_terminating,
    },
    Scenario {
        name: "wrong-node-name",
        about: "EC2's private DNS name is the name of another node",
        verdict: "the other node is not touched; the right one is found by its providerID and drained",
        graceful: Some(true),
        nodes: 1,
        world: machines::wrong_node_name,
    },
    Scenario {
        name: "storm",
        about: "EC2 takes a whole Spot pool at once, and throttles the functions that ask it",
        verdict: "every node cordoned within seconds, every pod evicted as its budget allows",
        graceful: Some(true),
        nodes: 120,
        world: machines::baseline,
    },
    Scenario {
        name: "random",
        about: "a random cluster with random notices, faults, duplicates and crashes, all from --seed",
        verdict: "no law is broken; what the simulation test runs by the hundred",
        graceful: None,
        nodes: 1,
        world: |options| simulation::world(options.seed),
    },
];
