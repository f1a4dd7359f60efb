//! Catalogs and clusters for the tests: shapes and prices as EC2 has them, workloads drawn from a seed.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses its part, and fails where it cannot")]

use std::collections::BTreeMap;

use cast_spot_savings::{
    catalog::{Architecture, Catalog, DEFAULT_ROOT_VOLUME, InstanceType, Market, Price},
    demand::Demand,
    money::Money,
    offers::{Offer, Settings},
    snapshot::Snapshot,
    template::Template,
};
use fastrand::Rng;
use serde_json::{Value, from_value, json};

pub(crate) const ZONES: [&str; 3] = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];

/// Family, GiB a vCPU, micro-dollars for an hour of a vCPU, architecture.
const FAMILIES: [(&str, u64, i64, Architecture); 24] = [
    ("c5", 2, 48_500, Architecture::Amd64),
    ("c5a", 2, 43_500, Architecture::Amd64),
    ("c6a", 2, 43_600, Architecture::Amd64),
    ("c6i", 2, 48_500, Architecture::Amd64),
    ("c7a", 2, 58_400, Architecture::Amd64),
    ("c7i", 2, 50_900, Architecture::Amd64),
    ("m5", 4, 57_500, Architecture::Amd64),
    ("m5a", 4, 52_000, Architecture::Amd64),
    ("m6a", 4, 51_800, Architecture::Amd64),
    ("m6i", 4, 57_500, Architecture::Amd64),
    ("m7a", 4, 69_400, Architecture::Amd64),
    ("m7i", 4, 60_400, Architecture::Amd64),
    ("r5", 8, 76_000, Architecture::Amd64),
    ("r5a", 8, 68_500, Architecture::Amd64),
    ("r6a", 8, 68_400, Architecture::Amd64),
    ("r6i", 8, 76_000, Architecture::Amd64),
    ("r7a", 8, 91_900, Architecture::Amd64),
    ("r7i", 8, 79_800, Architecture::Amd64),
    ("c6g", 2, 38_800, Architecture::Arm64),
    ("c7g", 2, 41_300, Architecture::Arm64),
    ("m6g", 4, 46_000, Architecture::Arm64),
    ("m7g", 4, 48_800, Architecture::Arm64),
    ("r6g", 8, 60_900, Architecture::Arm64),
    ("r7g", 8, 64_600, Architecture::Arm64),
];

/// Size, vCPUs, network interfaces, addresses an interface.
const SIZES: [(&str, u32, u32, u32); 9] = [
    ("medium", 1, 2, 4),
    ("large", 2, 3, 10),
    ("xlarge", 4, 4, 15),
    ("2xlarge", 8, 4, 15),
    ("4xlarge", 16, 8, 30),
    ("8xlarge", 32, 8, 30),
    ("12xlarge", 48, 8, 30),
    ("16xlarge", 64, 15, 50),
    ("24xlarge", 96, 15, 50),
];

/// At least `least` types with on-demand prices for the region and Spot prices for each zone.
pub(crate) fn catalog(least: usize) -> Catalog {
    let mut catalog = Catalog { region: "eu-central-1".into(), ..Catalog::default() };
    let mut rng = Rng::with_seed(7);
    // More families of the same shapes, a little more expensive each, until there are enough.
    for edition in 0.. {
        if catalog.types.len() >= least {
            break;
        }
        let suffix = ["", "n", "d", "dn", "z", "b"].get(edition).copied().unwrap_or("x");
        for (family, gib, micros, architecture) in FAMILIES {
            for (size, vcpus, network_interfaces, addresses_per_interface) in SIZES {
                // Only Graviton comes as small as this.
                if size == "medium" && architecture == Architecture::Amd64 {
                    continue;
                }
                let name = format!("{family}{suffix}.{size}");
                let hourly = micros * i64::from(vcpus) * (100 + 7 * edition as i64) / 100;
                let price = |zone: Option<&str>, market, micros| Price {
                    instance_type: name.clone(),
                    zone: zone.map(Into::into),
                    market,
                    hourly: Money::from_micros(micros),
                    spread: None,
                };
                catalog.prices.push(price(None, Market::OnDemand, hourly));
                for zone in ZONES {
                    let share = rng.i64(28..48);
                    catalog.prices.push(price(Some(zone), Market::Spot, hourly * share / 100));
                }
                catalog.types.push(InstanceType {
                    name,
                    vcpus,
                    memory_mib: u64::from(vcpus) * gib * 1024,
                    architecture,
                    network_interfaces,
                    addresses_per_interface,
                    ebs_attachments: None,
                    local_disks: 0,
                    local_nvme_gb: None,
                    devices: BTreeMap::new(),
                    accelerator: None,
                    cpu_manufacturer: None,
                    hypervisor: None,
                    ebs_bandwidth_mbps: None,
                    bare_metal: false,
                    burstable: false,
                    current_generation: true,
                });
            }
        }
    }
    catalog
}

pub(crate) fn settings(zones: usize, markets: &[Market], max_vcpus: Option<u32>) -> Settings {
    Settings {
        zones: ZONES[..zones].iter().map(|zone| (*zone).to_owned()).collect(),
        markets: markets.iter().copied().collect(),
        architectures: [Architecture::Amd64].into(),
        max_vcpus,
        root_volume: DEFAULT_ROOT_VOLUME,
        templates: vec![Template::default()],
        ..Settings::default()
    }
}

pub(crate) fn on_demand(types: usize, zones: usize, max_vcpus: Option<u32>) -> Vec<Offer> {
    catalog(types).offers(&settings(zones, &[Market::OnDemand], max_vcpus))
}

/// A pod of a Deployment.
pub(crate) fn pod(name: &str, cpu_milli: u64, memory_mib: u64) -> Value {
    json!({
        "metadata": { "namespace": "default", "name": name, "labels": { "app": name } },
        "spec": { "containers": [{ "name": "main", "image": "example", "resources": { "requests": {
            "cpu": format!("{cpu_milli}m"), "memory": format!("{memory_mib}Mi"),
        }}}]},
    })
}

/// `replicas` of it with different names.
pub(crate) fn replicas(template: &Value, replicas: usize) -> Vec<Value> {
    let name = template["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let copy = |index: usize| {
        let mut copy = template.clone();
        copy["metadata"]["name"] = format!("{name}-{index}").into();
        copy
    };
    (0..replicas).map(copy).collect()
}

pub(crate) fn snapshot(pods: Vec<Value>) -> Snapshot {
    let daemon = |name: &str, cpu: &str, memory: &str| {
        json!({
            "metadata": { "namespace": "kube-system", "name": name },
            "spec": { "selector": { "matchLabels": { "app": name } }, "template": { "metadata": { "labels": { "app": name } }, "spec": {
                "tolerations": [{ "operator": "Exists" }],
                "containers": [{ "name": "main", "image": "example", "resources": { "requests": { "cpu": cpu, "memory": memory } } }],
            }}},
        })
    };
    let daemons = [
        daemon("aws-node", "50m", "64Mi"),
        daemon("kube-proxy", "100m", "64Mi"),
        daemon("logs", "100m", "200Mi"),
    ];
    Snapshot {
        pods: from_value(pods.into()).unwrap(),
        daemon_sets: from_value(json!(daemons)).unwrap(),
        ..Snapshot::default()
    }
}

/// About `pods` pods of workloads as clusters have them: many small ones, a few big, 1 to 8 GiB a CPU.
pub(crate) fn plain_cluster(seed: u64, pods: usize) -> Demand {
    let mut rng = Rng::with_seed(seed);
    let mut found = Vec::new();
    while found.len() < pods {
        let cpu = [50, 100, 100, 200, 250, 250, 500, 500, 750, 1000, 1000, 1500, 2000, 4000][rng.usize(..14)];
        let memory = cpu * rng.u64(10..80) / 10 * 1024 / 1000;
        let count = rng.usize(1..30).min(pods - found.len());
        let name = format!("w{}", found.len());
        found.extend(replicas(&pod(&name, cpu, memory), count));
    }
    Demand::read(&snapshot(found))
}

/// Of ten workloads two are spread over the zones and one has no two pods on a node.
pub(crate) fn ruled_cluster(seed: u64, pods: usize) -> Demand {
    let mut demand = plain_cluster(seed, pods);
    for pod in &mut demand.pods {
        let workload: usize = pod.labels["app"][1..].parse().unwrap();
        let itself = json!({ "matchLabels": { "app": pod.labels["app"] } });
        match Rng::with_seed(workload as u64).usize(..10) {
            0 | 1 => {
                pod.spread = from_value(json!([{
                    "topologyKey": "topology.kubernetes.io/zone", "maxSkew": 1, "labelSelector": itself,
                    "whenUnsatisfiable": "DoNotSchedule",
                }]))
                .unwrap();
            }
            2 => {
                let term = json!([{ "topologyKey": "kubernetes.io/hostname", "labelSelector": itself }]);
                pod.anti_affinity = from_value(term).unwrap();
            }
            _ => {}
        }
    }
    demand
}

/// The same on one market.
pub(crate) fn on(market: Market, mut demand: Demand) -> Demand {
    demand.pods.iter_mut().for_each(|pod| pod.pin_to(market));
    demand
}

/// Half of the workloads are held to a zone.
pub(crate) fn zoned_cluster(seed: u64, pods: usize) -> Demand {
    let mut demand = plain_cluster(seed, pods);
    for pod in &mut demand.pods {
        let workload = pod.labels["app"].bytes().map(usize::from).sum::<usize>();
        if workload.is_multiple_of(2) {
            let zone = ZONES[workload / 2 % 3].to_owned();
            pod.node_selector.insert("topology.kubernetes.io/zone".to_owned(), zone);
        }
    }
    demand
}

/// Half of the workloads may run on Spot.
pub(crate) fn two_markets(seed: u64, pods: usize) -> Demand {
    let mut demand = plain_cluster(seed, pods);
    for pod in &mut demand.pods {
        let workload = pod.labels["app"].bytes().map(usize::from).sum::<usize>();
        let market = if workload.is_multiple_of(2) { Market::Spot } else { Market::OnDemand };
        pod.node_selector.insert("eks.amazonaws.com/capacityType".to_owned(), market.label().to_owned());
    }
    demand
}

pub(crate) fn both_markets(types: usize, max_vcpus: Option<u32>) -> Vec<Offer> {
    catalog(types).offers(&settings(3, &[Market::OnDemand, Market::Spot], max_vcpus))
}
