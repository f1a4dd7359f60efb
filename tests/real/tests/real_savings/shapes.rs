//! Clusters of different shapes.

use cast_spot_savings::{
    catalog::{Architecture, Market},
    demand::Demand,
    markets::MarketLabels,
    offers::{Offer, Settings},
    snapshot::Snapshot,
    template::{Context, templates},
};
use fastrand::Rng;
use serde_json::{Value, from_value, json};

use crate::{
    cluster::volume,
    compared::today,
    fleet::{self, ZONES, pod, replicas},
};

pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) snapshot: Snapshot,
    pub(crate) offers: Vec<Offer>,
}

pub(crate) fn shapes() -> Vec<Shape> {
    vec![
        shape("plain", fleet::snapshot(plain(1, 90)), |_| {}),
        shape("zones and volumes", with_volumes(), |_| {}),
        shape("spread and anti-affinity", fleet::snapshot(spread()), |_| {}),
        shape("spread and anti-affinity, moved off today's nodes", ruled(8, 110), |_| {}),
        shape("the same, moved to Spot", to_spot(ruled(9, 110)), |settings| {
            settings.markets = [Market::Spot].into();
        }),
        shape("taints and node groups", with_taints(), |_| {}),
        shape("both architectures", fleet::snapshot(both_architectures()), |settings| {
            settings.architectures = [Architecture::Amd64, Architecture::Arm64].into();
        }),
        shape("DaemonSets of some nodes, host ports", with_daemons(), |_| {}),
        shape("Spot and on-demand", fleet::snapshot(spot()), |settings| {
            settings.markets = [Market::OnDemand, Market::Spot].into();
        }),
    ]
}

/// Nodes of at most 16 vCPUs, so that there are several.
fn shape(name: &'static str, snapshot: Snapshot, set: impl FnOnce(&mut Settings)) -> Shape {
    let (demand, catalog) = (Demand::read(&snapshot), fleet::catalog(190));
    let markets = MarketLabels::of(&snapshot);
    let context = Context { demand: &demand, catalog: &catalog, markets: &markets, read_at: None };
    let mut settings = Settings {
        templates: templates(&snapshot.nodes, context),
        ..fleet::settings(3, &[Market::OnDemand], Some(16))
    };
    set(&mut settings);
    Shape { name, offers: catalog.offers(&settings), snapshot }
}

fn plain(seed: u64, pods: usize) -> Vec<Value> {
    let mut rng = Rng::with_seed(seed);
    let mut found = Vec::new();
    while found.len() < pods {
        let cpu = [100, 250, 250, 500, 500, 1000, 2000, 4000][rng.usize(..8)];
        let memory = cpu * rng.u64(10..80) / 10;
        let template = pod(&format!("w{}", found.len()), cpu, memory);
        found.extend(replicas(&template, rng.usize(1..9).min(pods - found.len())));
    }
    found
}

fn with_volumes() -> Snapshot {
    let mut pods = plain(2, 40);
    let (mut volumes, mut claims) = (Vec::new(), Vec::new());
    for index in 0..24 {
        let name = format!("db-{index}");
        let (volume, claim) = volume(&name, ZONES[index % 3]);
        volumes.push(volume);
        claims.push(claim);
        let mut pod = pod(&name, 500, 3000);
        pod["spec"]["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": name } }]);
        pods.push(pod);
    }
    Snapshot {
        persistent_volumes: from_value(volumes.into()).unwrap(),
        persistent_volume_claims: from_value(claims.into()).unwrap(),
        ..fleet::snapshot(pods)
    }
}

fn spread() -> Vec<Value> {
    let mut pods = plain(3, 30);
    let mut zones = pod("zones", 700, 1500);
    zones["spec"]["topologySpreadConstraints"] = json!([{
        "topologyKey": "topology.kubernetes.io/zone", "maxSkew": 1, "minDomains": 3,
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": { "matchLabels": { "app": "zones" } },
    }]);
    pods.extend(replicas(&zones, 10));
    let mut apart = pod("apart", 300, 600);
    apart["spec"]["affinity"] = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "apart" } } },
    ]}});
    pods.extend(replicas(&apart, 5));
    let mut near = pod("near", 200, 400);
    near["spec"]["affinity"] = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "topology.kubernetes.io/zone", "labelSelector": { "matchLabels": { "app": "zones" } } },
    ]}});
    pods.extend(replicas(&near, 6));
    pods
}

/// Pods on six nodes in three zones. Of ten workloads two are spread over the zones, and one has no two pods on a node.
fn ruled(seed: u64, pods: usize) -> Snapshot {
    let offers = fleet::on_demand(190, 1, None);
    let usual = offers.iter().find(|offer| offer.instance_type == "m5.4xlarge").unwrap();
    let name = |node: usize| format!("today-{node}");
    let nodes = (0..6).map(|node| today(&name(node), usual, ZONES[node % 3], "general"));
    let nodes: Vec<Value> = nodes.collect();
    let mut rng = Rng::with_seed(seed);
    let mut found = Vec::new();
    for workload in 0.. {
        if found.len() >= pods {
            break;
        }
        let cpu = [100, 250, 250, 500, 500, 1000, 2000][rng.usize(..7)];
        let app = format!("w{workload}");
        let mut template = pod(&app, cpu, cpu * rng.u64(10..80) / 10);
        let itself = json!({ "matchLabels": { "app": app } });
        match workload % 10 {
            0 | 5 => {
                template["spec"]["topologySpreadConstraints"] = json!([{
                    "topologyKey": "topology.kubernetes.io/zone", "maxSkew": 1,
                    "whenUnsatisfiable": "DoNotSchedule", "labelSelector": itself,
                }]);
            }
            3 => {
                let apart = json!([{ "topologyKey": "kubernetes.io/hostname", "labelSelector": itself }]);
                template["spec"]["affinity"] = json!({ "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": apart,
                }});
            }
            _ => {}
        }
        let first = rng.usize(..6);
        for (replica, mut pod) in replicas(&template, rng.usize(2..7)).into_iter().enumerate() {
            pod["spec"]["nodeName"] = name((first + replica) % 6).into();
            found.push(pod);
        }
    }
    Snapshot { nodes: from_value(nodes.into()).unwrap(), ..fleet::snapshot(found) }
}

/// Requires Spot nodes: the On-Demand nodes of today are then no domains of a spread constraint.
fn to_spot(mut snapshot: Snapshot) -> Snapshot {
    for pod in &mut snapshot.pods {
        let selector = pod.spec.get_or_insert_default().node_selector.get_or_insert_default();
        selector.insert("eks.amazonaws.com/capacityType".to_owned(), Market::Spot.label().to_owned());
    }
    snapshot
}

fn with_taints() -> Snapshot {
    let mut pods = plain(4, 40);
    let mut batch = pod("batch", 1500, 6000);
    batch["spec"]["nodeSelector"] = json!({ "pool": "batch" });
    batch["spec"]["tolerations"] = json!([{ "key": "dedicated", "value": "batch", "effect": "NoSchedule" }]);
    pods.extend(replicas(&batch, 8));
    let mut either = pod("either", 500, 1000);
    either["spec"]["tolerations"] = json!([{ "key": "dedicated", "operator": "Exists" }]);
    pods.extend(replicas(&either, 8));
    let nodes = json!([
        { "metadata": { "name": "today-1", "labels": { "pool": "general" } } },
        {
            "metadata": { "name": "today-2", "labels": { "pool": "batch" } },
            "spec": { "taints": [{ "key": "dedicated", "value": "batch", "effect": "NoSchedule" }] },
        },
    ]);
    Snapshot { nodes: from_value(nodes).unwrap(), ..fleet::snapshot(pods) }
}

fn both_architectures() -> Vec<Value> {
    let mut pods = plain(5, 60);
    for (index, pod) in pods.iter_mut().enumerate() {
        let terms = json!([{ "matchExpressions": [{ "key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"] }] }]);
        match index % 3 {
            0 => pod["spec"]["nodeSelector"] = json!({ "kubernetes.io/arch": "amd64" }),
            1 => pod["spec"]["nodeSelector"] = json!({ "kubernetes.io/arch": "arm64" }),
            _ => {
                pod["spec"]["affinity"] = json!({ "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms },
                }});
            }
        }
    }
    pods
}

fn with_daemons() -> Snapshot {
    let mut pods = plain(6, 40);
    let mut port = pod("port", 300, 500);
    port["spec"]["containers"][0]["ports"] = json!([{ "containerPort": 9000, "hostPort": 9000 }]);
    pods.extend(replicas(&port, 4));
    let mut snapshot = fleet::snapshot(pods);
    let heavy = json!({
        "metadata": { "namespace": "kube-system", "name": "big-nodes-only" },
        "spec": {
            "selector": { "matchLabels": { "app": "big-nodes-only" } },
            "template": { "metadata": { "labels": { "app": "big-nodes-only" } }, "spec": {
                "nodeSelector": { "node.kubernetes.io/instance-type": "m6a.4xlarge" },
                "containers": [{ "name": "main", "image": "example", "resources": { "requests": { "cpu": "2", "memory": "8Gi" } } }],
            }},
        },
    });
    snapshot.daemon_sets.push(from_value(heavy).unwrap());
    snapshot
}

/// Every other workload is eligible for Spot; the proposal pins each to its market.
fn spot() -> Vec<Value> {
    let mut pods = plain(7, 60);
    for pod in &mut pods {
        let even = pod["metadata"]["labels"]["app"].as_str().is_some_and(|app| app.len() % 2 == 0);
        let market = if even { Market::Spot } else { Market::OnDemand };
        pod["spec"]["nodeSelector"] = json!({ "eks.amazonaws.com/capacityType": market.label() });
    }
    pods
}
