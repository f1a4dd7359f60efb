//! The baseline cluster, and how to change it.

use std::collections::BTreeMap;

use cast_spot_infra::events::SPOT_INTERRUPTION;
use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::spec::{
    Action, Budget, ClusterSpec, DeliverySpec, EC2_BUCKET, ExitTime, GroupSpec, NodeSpec, Notice, PdbSpec,
    PodState, Purchase, WorkloadKind, WorkloadSpec, WorldSpec,
};

/// Name of the baseline cluster.
pub const CLUSTER: &str = "production";
/// Name of its group.
pub const GROUP: &str = "production-spot";
/// Region of the world.
pub const REGION: &str = "eu-west-1";
/// Account of the world.
pub const ACCOUNT: &str = "111122223333";
/// From a notice to the end of the instance.
pub const LEAD_MS: u64 = 120_000;

const ZONES: [&str; 3] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];
const DAEMON_SETS: [&str; 4] = ["aws-node", "kube-proxy", "ebs-csi-node", "log-shipper"];
const SERVICES: [&str; 16] = [
    "checkout", "cart", "catalog", "search", "payments", "orders", "profile", "mailer", "pricing", "stock",
    "reviews", "gateway", "sessions", "images", "invoices", "returns",
];

impl WorldSpec {
    /// `nodes` Spot nodes in one group over three zones. Each has four DaemonSet pods and `pods_per_node`
    /// pods of Deployments with two to four replicas, spread over the nodes, grace 30 s, which end within
    /// 1 to 8 s after SIGTERM. Two coredns pods (system-cluster-critical) stand on the last nodes.
    #[must_use]
    pub fn baseline(seed: u64, nodes: usize, pods_per_node: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let nodes: Vec<NodeSpec> =
            (0..nodes.max(1)).map(|index| NodeSpec::baseline(index, pods_per_node)).collect();
        let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        let mut workloads: Vec<WorkloadSpec> =
            DAEMON_SETS.iter().map(|name| WorkloadSpec::daemon_set(name, &names)).collect();
        let tail = names[names.len().saturating_sub(2)..].iter();
        workloads.push(WorkloadSpec {
            namespace: "kube-system".to_owned(),
            priority_class: Some("system-cluster-critical".to_owned()),
            ..WorkloadSpec::deployment("coredns", tail.cycle().take(2).cloned().collect())
        });
        let (mut placed, total) = (0, names.len() * pods_per_node);
        for index in 0.. {
            if placed == total {
                break;
            }
            let replicas = rng.usize(2..=4).min(total - placed);
            let on = (placed..placed + replicas).map(|pod| names[pod % names.len()].clone());
            workloads.push(WorkloadSpec::deployment(&service_name(index), on.collect()));
            placed += replicas;
        }
        let max = nodes.len() as u32 + 10;
        Self {
            seed,
            start: Timestamp::constant(1_800_000_000, 0),
            clusters: vec![ClusterSpec {
                name: CLUSTER.to_owned(),
                registered: true,
                nodes,
                workloads,
                ..ClusterSpec::default()
            }],
            groups: vec![GroupSpec::baseline(max)],
            ec2_bucket: Some(EC2_BUCKET),
            ..Self::default()
        }
    }

    /// EC2 announces `action` for node `index` of the first cluster at `at_ms`, and the function is
    /// invoked at once. Returns the event's payload, for second deliveries.
    pub fn interrupt(&mut self, index: usize, action: Action, at_ms: u64) -> Value {
        let instance = self.clusters[0].nodes[index].instance.clone();
        let payload = self.payload(&instance, action, at_ms);
        self.notices.push(Notice { instance, action, at_ms, lead_ms: LEAD_MS });
        self.deliver(at_ms, payload.clone());
        payload
    }

    /// The function is invoked at `at_ms` with `payload`.
    pub fn deliver(&mut self, at_ms: u64, payload: Value) -> &mut DeliverySpec {
        let index = self.deliveries.len();
        self.deliveries.push(DeliverySpec { at_ms, payload, crash_after_ms: None });
        &mut self.deliveries[index]
    }

    /// The EventBridge event of a Spot notice that is issued at `at_ms`. The same arguments give the same
    /// event id.
    #[must_use]
    pub fn payload(&self, instance: &str, action: Action, at_ms: u64) -> Value {
        let issued = self.start.as_second() + (at_ms / 1_000) as i64;
        let time = Timestamp::from_second(issued).unwrap_or(self.start);
        let number = instance.trim_start_matches("i-");
        let nodes = self.clusters.iter().flat_map(|cluster| &cluster.nodes);
        let zone = nodes.filter(|node| node.instance == instance).map(|node| node.zone.as_str()).next();
        let region = zone.map_or(REGION, |zone| zone.trim_end_matches(|c: char| c.is_ascii_lowercase()));
        json!({
            "version": "0",
            "id": format!("7e4b5c1a-0000-4000-{:04x}-{number:0>12.12}", at_ms % 0xffff),
            "detail-type": SPOT_INTERRUPTION.detail_type,
            "source": SPOT_INTERRUPTION.source,
            "account": ACCOUNT,
            "time": time.to_string(),
            "region": region,
            "resources": [format!("arn:aws:ec2:{region}:{ACCOUNT}:instance/{instance}")],
            "detail": { "instance-id": instance, "instance-action": action.as_str() },
        })
    }

    /// The first cluster.
    pub fn cluster(&mut self) -> &mut ClusterSpec {
        &mut self.clusters[0]
    }

    /// The first group.
    pub fn group(&mut self) -> &mut GroupSpec {
        &mut self.groups[0]
    }

    /// One variable of the function's environment.
    pub fn env(&mut self, name: &str, value: &str) {
        self.settings.env.insert(name.to_owned(), value.to_owned());
    }
}

impl ClusterSpec {
    /// The workload of this name.
    ///
    /// # Panics
    /// When there is none: a slip in the scenario's own text.
    #[expect(clippy::panic, reason = "a scenario names its own workloads")]
    pub fn workload(&mut self, name: &str) -> &mut WorkloadSpec {
        match self.workloads.iter_mut().find(|workload| workload.name == name) {
            Some(workload) => workload,
            None => panic!("no workload {name}"),
        }
    }

    /// Names of the Deployments that have a pod on this node, kube-system left out.
    #[must_use]
    pub fn deployments_on(&self, node: &str) -> Vec<String> {
        self.workloads
            .iter()
            .filter(|workload| workload.kind == WorkloadKind::Deployment)
            .filter(|workload| workload.namespace != "kube-system")
            .filter(|workload| workload.nodes.iter().any(|name| name == node))
            .map(|workload| workload.name.clone())
            .collect()
    }
}

impl NodeSpec {
    /// Node number `index` of the baseline cluster.
    #[must_use]
    pub fn baseline(index: usize, pods_per_node: usize) -> Self {
        let name = format!(
            "ip-10-{}-{}-{}.{REGION}.compute.internal",
            index % ZONES.len(),
            index / 200,
            10 + index % 200
        );
        Self {
            instance: format!("i-0a{index:015x}"),
            private_dns_name: name.clone(),
            name,
            hostname_type: "ip-name".to_owned(),
            zone: ZONES[index % ZONES.len()].to_owned(),
            group: Some(GROUP.to_owned()),
            capacity: 110.max(pods_per_node + DAEMON_SETS.len() + 2),
            joined: true,
            annotations: BTreeMap::from([(
                "volumes.kubernetes.io/controller-managed-attach-detach".to_owned(),
                "true".to_owned(),
            )]),
            ..Self::default()
        }
    }
}

/// A Spot instance of the world's account.
impl Default for Purchase {
    fn default() -> Self {
        Self {
            lifecycle: Some("spot".to_owned()),
            reservation: None,
            account: ACCOUNT.to_owned(),
            operator: None,
            has_cluster_tag: true,
            tags: BTreeMap::new(),
        }
    }
}

impl GroupSpec {
    /// The group of the baseline cluster.
    #[must_use]
    pub fn baseline(max: u32) -> Self {
        Self {
            name: GROUP.to_owned(),
            cluster: CLUSTER.to_owned(),
            max,
            zones: ZONES.map(str::to_owned).to_vec(),
            terminates_ms: 30_000,
            ..Self::default()
        }
    }
}

impl WorkloadSpec {
    /// A Deployment in namespace `shop` with one pod on each of `nodes`.
    #[must_use]
    pub fn deployment(name: &str, nodes: Vec<String>) -> Self {
        Self {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            kind: WorkloadKind::Deployment,
            nodes,
            priority_class: None,
            grace_s: 30,
            exit: ExitTime::Between(1_000, 8_000),
            ready_ms: 3_000,
            state: PodState::Ready,
            tolerates: false,
            binds_after_ms: None,
        }
    }

    /// A DaemonSet in namespace `kube-system`, system-node-critical as such agents are.
    #[must_use]
    pub fn daemon_set(name: &str, nodes: &[String]) -> Self {
        Self {
            namespace: "kube-system".to_owned(),
            kind: WorkloadKind::DaemonSet,
            priority_class: Some("system-node-critical".to_owned()),
            ..Self::deployment(name, nodes.to_vec())
        }
    }
}

impl PdbSpec {
    /// A budget over the pods of one app in namespace `shop`.
    #[must_use]
    pub fn over(app: &str, budget: Budget) -> Self {
        Self {
            namespace: "shop".to_owned(),
            name: format!("{app}-pdb"),
            app: Some(app.to_owned()),
            budget,
            always_allow_unhealthy: false,
            change: None,
        }
    }
}

fn service_name(index: usize) -> String {
    let name = SERVICES[index % SERVICES.len()];
    match index / SERVICES.len() {
        0 => name.to_owned(),
        round => format!("{name}-{}", round + 1),
    }
}
