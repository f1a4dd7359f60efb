//! The list of the built-in scenarios.

use super::{
    Scenario,
    apis::{self, always, deny},
    budgets,
    cluster::{add_deployment, interrupt},
    deliveries, foreign,
    groups::{self, hook},
    machines,
};
use crate::{Action, Api, ExitTime, FaultKind, simulation};

/// Every pod ends gracefully, and every replacement that is wanted is on its way.
const GRACEFUL: Option<bool> = Some(true);
/// Pods or replacements are lost.
const LOSSY: Option<bool> = Some(false);
/// The seed or the options decide.
const EITHER: Option<bool> = None;

/// `name end change, notices: what it is about => what comes of it;`
macro_rules! scenarios {
    ($($name:literal $graceful:ident $change:expr, $nodes:literal: $about:literal => $verdict:literal;)+) => {
        /// All scenarios, the plainest first.
        pub const ALL: &[Scenario] = &[$(Scenario {
            name: $name,
            about: $about,
            verdict: $verdict,
            graceful: $graceful,
            nodes: $nodes,
            change: $change,
        }),+];
    };
}

scenarios! {
    "baseline" GRACEFUL |_, _| {}, 1:
        "nodes of a healthy cluster get a notice"
        => "cordoned in two round trips, every pod evicted, replacement Ready before the deadline";
    "pdb-blocked" GRACEFUL budgets::pdb_blocked, 1:
        "a PodDisruptionBudget allows no disruption at all"
        => "the pod keeps its protection until the last moment, then is deleted with its grace";
    "pdb-frees-late" GRACEFUL budgets::pdb_frees_late, 1:
        "a PodDisruptionBudget allows no disruption for the first minute"
        => "asked again and again, evicted when allowed, nothing overridden";
    "long-grace" GRACEFUL machines::long_grace, 1:
        "a pod has ten minutes of grace and needs 90 s to end"
        => "asked at once, its grace cut to the time left, ends in time";
    "single-replica" GRACEFUL budgets::single_replica, 1:
        "the only replica of a Deployment stands under a PodDisruptionBudget with minAvailable 1"
        => "never evictable, so deleted at the last moment with its grace";
    "slow-exit" LOSSY |spec, options| add_deployment(spec, options, "legacy").exit = ExitTime::Never, 1:
        "a pod ignores SIGTERM"
        => "killed when its grace is over; all others end in time";
    "tolerates-everything" LOSSY |spec, options| add_deployment(spec, options, "operator").tolerates = true, 1:
        "the pods of a Deployment tolerate every taint, and the doomed node is the emptiest of all"
        => "evicted once; the pod that comes back is evicted at the last moment, not in circles";
    "late-pod" GRACEFUL machines::late_pod, 1:
        "a pod is bound to the node a minute after the cordon, when its volume has been provisioned"
        => "evicted as soon as it is there, long after the node was empty";
    "duplicate-delivery" GRACEFUL deliveries::duplicate, 1:
        "EventBridge delivers the notice three times"
        => "one drain, one replacement, three reports";
    "redelivery-after-crash" GRACEFUL deliveries::crash, 1:
        "the function dies right after the cordon; Lambda tries again a minute later"
        => "the second delivery resumes and ends the drain in the minute that is left";
    "stale-notice" GRACEFUL deliveries::stale, 1:
        "a five minutes old event arrives for an instance that still runs"
        => "ignored with its reason; nothing is written";
    "missed-notice" LOSSY deliveries::missed, 1:
        "the notice arrives half a minute after the instance is gone"
        => "reported as missed, so that an alarm sees it; nothing is written; its pods died with it";
    "shutting-down" EITHER machines::shutting_down, 1:
        "an administrator has terminated the instance when its notice comes"
        => "drained at once within 20 s, budgets overridden now";
    "karpenter-node" LOSSY foreign::karpenter_node, 1:
        "Karpenter owns the node"
        => "observed: the report names the owner, and nothing is written";
    "forged-on-demand" GRACEFUL foreign::forged, 1:
        "a forged event announces the interruption of an on-demand instance, which still runs"
        => "ignored, as EC2 interrupts only Spot instances; nothing is written";
    "foreign-fleet" GRACEFUL foreign::fleet, 1:
        "EC2 takes 2,000 Spot instances of another system and one node at once, and throttles"
        => "the node is drained; each foreign notice ends within seconds and a few calls";
    "only-auto-scaling-answers" LOSSY apis::only_auto_scaling_answers, 1:
        "EC2 throttles every call, and the API server refuses every connection"
        => "pods die with the node, but the replacement is asked for by the tags of its group";
    "unregistered-cluster" LOSSY machines::unregistered_cluster, 1:
        "the instance belongs to a cluster that the function is not registered for"
        => "ignored, nothing is written anywhere; its pods die with it";
    "api-server-down" LOSSY |spec, _| always(spec, Api::Kubernetes, FaultKind::Refused), 1:
        "the cluster's API server refuses every connection"
        => "pods die with the node, but the replacement is asked for all the same";
    "api-server-hangs" GRACEFUL apis::api_server_hangs, 1:
        "the cluster's API server gives no answer for half a minute"
        => "replacement asked for meanwhile; drained as soon as it answers";
    "unauthorized-at-first" GRACEFUL apis::unauthorized_at_first, 1:
        "the cluster's API server answers 401 for a minute, as it does while STS throttles"
        => "retries with the same token; drains as soon as the API server accepts it";
    "cordon-refused" LOSSY |spec, _| deny(spec, "patch nodes", 403), 1:
        "an admission webhook refuses every change of a node, for good"
        => "every pod is evicted all the same; those that the scheduler puts back, once more at the last moment";
    "ec2-throttled" GRACEFUL |spec, _| always(spec, Api::Ec2, FaultKind::Throttled), 1:
        "EC2 throttles every call"
        => "the node is found in the cluster's own node list and drained";
    "autoscaling-fails" LOSSY |spec, _| always(spec, Api::AutoScaling, FaultKind::InternalError), 1:
        "Auto Scaling answers every call with an error"
        => "drained all the same; the report says that the replacement failed";
    "eks-unavailable" GRACEFUL apis::eks_unavailable, 1:
        "EKS answers every call with 503, and the function starts cold"
        => "address and CA come from the function's configuration: drained as if EKS were well";
    "asg-capacity-rebalance" GRACEFUL |spec, _| spec.group().capacity_rebalance = true, 1:
        "the group has Capacity Rebalancing and replaces by itself"
        => "drained before the group ends it; the group is only watched, so there is one replacement";
    "managed-node-group" GRACEFUL |spec, _| spec.group().managed_node_group = Some("workers".to_owned()), 1:
        "the group belongs to an EKS managed node group"
        => "drained; the group is only watched, so there is one replacement";
    "termination-hook" GRACEFUL |spec, _| hook(spec, 3_600_000, None), 1:
        "a lifecycle hook holds terminating instances of the group"
        => "detached and drained; the report names the hook that was not run";
    "hook-short-heartbeat" GRACEFUL |spec, _| hook(spec, 30_000, None), 1:
        "the group's lifecycle hook lets a terminating instance go after 30 s"
        => "detached, so that the node lives its two minutes; the hook that was not run is named";
    "hook-consumer" GRACEFUL |spec, _| hook(spec, 3_600_000, Some(2_000)), 1:
        "a consumer completes the group's lifecycle hook after 2 s"
        => "detached, so that the node lives its two minutes; the hook that was not run is named";
    "group-ends-early" GRACEFUL groups::group_ends_early, 1:
        "a group with Capacity Rebalancing ends the instance a minute after the notice, a budget protects a pod"
        => "the deadline in force is the group's, so the pod is deleted in time, with its grace";
    "launch-suspended" LOSSY |spec, _| spec.group().suspended = vec!["Launch".to_owned()], 1:
        "the group's Launch process is suspended"
        => "drained; nothing is asked of the group, and the report says that Launch is suspended";
    "no-capacity" LOSSY |spec, _| spec.group().spare_capacity = Some(0), 1:
        "no Spot pool of the group has capacity"
        => "drained without a replacement; the report has Auto Scaling's reason";
    "stop" GRACEFUL |spec, options| interrupt(spec, options, Action::Stop), 1:
        "an instance outside of any group is stopped, and comes back some day"
        => "drained, the Node object kept, no replacement asked for";
    "hibernate" LOSSY |spec, options| interrupt(spec, options, Action::Hibernate), 1:
        "an instance outside of any group is hibernated, without any lead time"
        => "cordoned, no replacement asked for; its pods freeze with it and are left, none is half evicted";
    "two-pdbs" GRACEFUL budgets::two_pdbs, 1:
        "two PodDisruptionBudgets cover one pod, which the Eviction API refuses with an error"
        => "reported as a fault of configuration, deleted at the last moment with its grace";
    "budget-conflicts" GRACEFUL budgets::conflicts, 1:
        "other writers keep a PodDisruptionBudget's status busy for eight seconds of each eviction"
        => "each eviction waits for the API server's own retries; no disruption is spent for nothing";
    "webhook-denies-evictions" GRACEFUL |spec, _| deny(spec, "create pods/eviction", 500), 1:
        "an admission webhook denies every eviction with an error, as drain cleaners do"
        => "asked again until the last moment, then every pod is deleted with its grace, and the report says why";
    "terminating-long-grace" LOSSY machines::terminating_long_grace, 1:
        "a pod terminates already with an hour of grace, and another one is deleted so after 20 s"
        => "their grace is cut to the time left, so that both are gone before the instance";
    "namespace-terminating" GRACEFUL budgets::namespace_terminating, 1:
        "a namespace is being deleted while its pods are to be evicted"
        => "left to the namespace controller, which deletes them in time";
    "wrong-node-name" GRACEFUL machines::wrong_node_name, 1:
        "EC2's private DNS name is the name of another node"
        => "the other node is not touched; the right one is found by its providerID and drained";
    "storm" GRACEFUL |_, _| {}, 120:
        "EC2 takes a whole Spot pool at once, and throttles the functions that ask it"
        => "every node cordoned within seconds, every pod evicted as its budget allows";
    "random" EITHER |spec, options| *spec = simulation::world(options.seed), 1:
        "a random cluster with random notices, faults, duplicates and crashes, all from --seed"
        => "no law is broken; what the simulation test runs by the hundred";
}
