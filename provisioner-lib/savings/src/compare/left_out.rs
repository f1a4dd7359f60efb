//! Costs that are not included, with the numbers that are known of them.

use super::Inputs;
use crate::{
    catalog::GIB,
    machines::{Place, root_volume},
    objects::label,
    report::Configuration,
};

/// A line for each kind of cost, for configurations with their names.
pub(super) fn left_out(inputs: &Inputs<'_>, configurations: [(&str, &Configuration); 3]) -> Vec<String> {
    let gib = root_volume(&inputs.machines).div_ceil(GIB);
    let volumes = configurations.into_iter().filter(|(_, configuration)| configuration.count > 0);
    let volumes = volumes.map(|(name, configuration)| {
        let nodes = configuration.nodes.iter().filter(|nodes| nodes.market.is_some());
        let count: usize = nodes.map(|nodes| nodes.count).sum();
        format!("{name} {count}")
    });
    let volumes = volumes.collect::<Vec<_>>().join(", ");
    let nodes = || inputs.snapshot.nodes.iter();
    let public = nodes().filter(|node| {
        let addresses = node.status.as_ref().and_then(|status| status.addresses.as_ref());
        addresses.is_some_and(|all| all.iter().any(|address| address.type_ == "ExternalIP"))
    });
    let auto = nodes().filter(|node| label(node, "eks.amazonaws.com/compute-type") == Some("auto")).count();
    let fargate = inputs.machines.values().filter(|machine| machine.place == Place::Fargate).count();
    let owners = inputs.demand.pods.iter().filter_map(|pod| pod.owner.as_ref());
    let of_jobs = owners.filter(|(kind, _)| kind == "Job").count();
    let mut lines = vec![
        "Savings Plans, reserved capacity and private discounts, unless --discount has their percentage."
            .to_owned(),
        format!("EBS volumes. Root volumes of about {gib} GiB: {volumes}."),
        format!(
            "Traffic, between zones too, load balancers, NAT gateways, and public IPv4 addresses: {} of today's nodes \
             have one.",
            public.count()
        ),
        format!(
            "The control plane of EKS, AWS Fargate ({fargate} of today's nodes), nodes that run Windows, and nodes that \
             are not of EC2."
        ),
        "Credits of burstable types beyond those that they earn.".to_owned(),
        format!(
            "Jobs over time: pods of Jobs that run now ({of_jobs}) count as if they always did, and a CronJob between \
             two runs counts as nothing."
        ),
        "Actual usage of pods, except in a configuration that is sized by it: only requests are counted."
            .to_owned(),
        "How often EC2 interrupts a Spot pool.".to_owned(),
    ];
    if auto > 0 {
        lines.push(format!(
            "The fee of EKS Auto Mode for {auto} of today's nodes: it depends on the instance type, and each proposed \
             node has it, too."
        ));
    }
    lines
}
