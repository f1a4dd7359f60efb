//! Instances, and the groups that they are in.

use std::collections::BTreeMap;

/// One EC2 instance and its Kubernetes node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSpec {
    /// Instance id.
    pub instance: String,
    /// Name of the Node object.
    pub name: String,
    /// What EC2 says is the private DNS name; as a rule the node's name.
    pub private_dns_name: String,
    /// `privateDnsNameOptions.hostnameType`: `ip-name` or `resource-name`.
    pub hostname_type: String,
    /// Availability zone.
    pub zone: String,
    /// Auto Scaling group, if any.
    pub group: Option<String>,
    /// Most pods that the scheduler puts here, DaemonSets included.
    pub capacity: usize,
    /// `false`: the instance runs, but no Node object names it.
    pub joined: bool,
    /// On standby in its group.
    pub standby: bool,
    /// `true`: cordoned before the rehearsal.
    pub unschedulable: bool,
    /// Annotations of the node. Real nodes always have some (kubelet, CSI).
    pub annotations: BTreeMap<String, String>,
    /// Further labels of the node.
    pub labels: BTreeMap<String, String>,
    /// How the instance was bought and who runs it.
    pub purchase: Purchase,
    /// An administrator terminates the instance at this time: it shuts down, and its processes end later.
    pub shuts_down_ms: Option<u64>,
    /// A rebalance recommendation comes at this time, before the notice: a group with Capacity Rebalancing acts on it.
    pub recommended_ms: Option<u64>,
}

/// How an instance was bought and who runs it, as EC2 shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// `instanceLifecycle`; `None` of an on-demand instance.
    pub lifecycle: Option<String>,
    /// Capacity reservation that it runs in.
    pub reservation: Option<String>,
    /// Account that owns it.
    pub account: String,
    /// Principal of the service that operates it.
    pub operator: Option<String>,
    /// It carries the tag of its cluster.
    pub has_cluster_tag: bool,
    /// Further tags.
    pub tags: BTreeMap<String, String>,
}

/// One Auto Scaling group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSpec {
    /// Name.
    pub name: String,
    /// Cluster that its instances join.
    pub cluster: String,
    /// MaxSize. The desired capacity is the number of its nodes in the spec.
    pub max: u32,
    /// Zones, in the order in which they are filled.
    pub zones: Vec<String>,
    /// Capacity Rebalancing: the group launches and terminates by itself on the notice.
    pub capacity_rebalance: bool,
    /// Name of the EKS managed node group it belongs to; implies Capacity Rebalancing's behaviour.
    pub managed_node_group: Option<String>,
    /// Hooks on `autoscaling:EC2_INSTANCE_TERMINATING`; a managed node group has another one of EKS.
    pub hooks: Vec<HookSpec>,
    /// From the begin of a termination that no hook holds to the end of the instance.
    pub terminates_ms: u64,
    /// Processes that are suspended (`Launch`, …).
    pub suspended: Vec<String>,
    /// Another operator: mutating calls of others are refused.
    pub operator: Option<String>,
    /// Uses a mixed instances policy.
    pub mixed: bool,
    /// A new instance gets the address of one that has ended, and so its node's name.
    pub reuses_addresses: bool,
    /// Instances that EC2 can still give in this group's pools; `None`: as many as asked for.
    pub spare_capacity: Option<u32>,
}

/// A lifecycle hook that holds the terminating instances of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSpec {
    /// Name.
    pub name: String,
    /// HeartbeatTimeout: it lets the instance go after this time.
    pub timeout_ms: u64,
    /// Its consumer completes it this long after the begin; `None`: there is none.
    pub consumer_ms: Option<u64>,
}
