//! Labels of nodes by their origin: what a node is (its type, zone and market) decides most of them, and only the others
//! belong to its node group.

use crate::catalog::{ACCELERATOR, CAPACITY_TYPE, HOSTNAME, Market, OFFER_LABELS};

/// What decides the value of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Each node has its own.
    Node,
    /// Type, zone and market, by Kubernetes' well-known labels.
    Offer,
    /// The market.
    Market,
    /// The zone.
    Zone,
    /// The instance type.
    Type,
    /// The model of its accelerators.
    Accelerator,
    /// Its node group.
    Group,
}

/// Beginnings of keys, the longer ones first, with their origin: AWS (zone ids, network topology, EBS CSI driver, VPC
/// resource controller), Karpenter, EKS Auto Mode, Node Feature Discovery, GPU feature discovery of NVIDIA and AMD, AWS
/// Neuron, Cluster Autoscaler and CAST AI.
const ORIGINS: [(&str, Origin); 20] = [
    ("topology.k8s.aws/zone-id", Origin::Zone),
    ("topology.k8s.aws/", Origin::Node),
    ("topology.ebs.csi.", Origin::Zone),
    ("vpc.amazonaws.com/", Origin::Type),
    ("karpenter.k8s.aws/instance-", Origin::Type),
    ("eks.amazonaws.com/instance-", Origin::Type),
    ("feature.node.kubernetes.io/", Origin::Type),
    ("nvidia.com/gpu.count", Origin::Type),
    ("nvidia.com/gpu.machine", Origin::Type),
    ("nvidia.com/gpu.replicas", Origin::Type),
    ("nvidia.com/", Origin::Accelerator),
    ("amd.com/", Origin::Accelerator),
    ("beta.amd.com/", Origin::Accelerator),
    ("aws.amazon.com/neuron", Origin::Accelerator),
    ("k8s.amazonaws.com/accelerator", Origin::Accelerator),
    ("scheduling.cast.ai/compute-optimized", Origin::Type),
    ("scheduling.cast.ai/memory-optimized", Origin::Type),
    ("scheduling.cast.ai/storage-optimized", Origin::Type),
    ("alpha.eksctl.io/instance-id", Origin::Node),
    (HOSTNAME, Origin::Node),
];

/// Whether a label names a managed node group, which has the types and the market that it was created with.
pub(crate) fn is_managed(key: &str) -> bool {
    ["eks.amazonaws.com/nodegroup", "alpha.eksctl.io/nodegroup-name"].contains(&key)
}

/// The origin of a label.
#[must_use]
pub fn origin(key: &str) -> Origin {
    if OFFER_LABELS.iter().any(|same| same.contains(&key)) || key == ACCELERATOR {
        return Origin::Offer;
    }
    if CAPACITY_LABELS.iter().any(|known| known.key == key) {
        return Origin::Market;
    }
    let known = ORIGINS.iter().find(|(begins, _)| key.starts_with(begins));
    known.map_or(Origin::Group, |(_, origin)| *origin)
}

/// The name of the property of an instance type that a label holds.
pub(crate) fn property(key: &str) -> Option<&str> {
    ["karpenter.k8s.aws/instance-", "eks.amazonaws.com/instance-"]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix))
}

/// A label of the purchase option, with its values.
#[derive(Debug)]
pub struct CapacityLabel {
    /// Its key.
    pub key: &'static str,
    /// Values on Spot nodes, the usual one first; an empty one is a node without the label.
    pub spot: &'static [&'static str],
    /// Values on On-Demand nodes.
    pub on_demand: &'static [&'static str],
}

const fn capacity(
    key: &'static str,
    spot: &'static [&'static str],
    on_demand: &'static [&'static str],
) -> CapacityLabel {
    CapacityLabel { key, spot, on_demand }
}

/// Labels of the purchase option: EKS managed node groups, CAST AI, Karpenter, and what eksctl, kOps and the AWS CDK
/// documented before those. The first one that a node has decides.
pub static CAPACITY_LABELS: [CapacityLabel; 8] = [
    capacity(CAPACITY_TYPE, &["SPOT"], &["ON_DEMAND"]),
    capacity("scheduling.cast.ai/spot-fallback", &[""], &["true"]),
    capacity("scheduling.cast.ai/spot", &["true"], &["", "false"]),
    capacity("node-role.kubernetes.io/spot-worker", &["true"], &["false"]),
    capacity("karpenter.sh/capacity-type", &["spot"], &["on-demand"]),
    capacity("node.kubernetes.io/lifecycle", &["spot"], &["normal", "on-demand"]),
    capacity("node-lifecycle", &["spot"], &["on-demand", "normal"]),
    capacity("lifecycle", &["Ec2Spot", "spot"], &["OnDemand", "on-demand", "normal"]),
];

impl CapacityLabel {
    /// The values of a market.
    #[must_use]
    pub fn values(&self, market: Market) -> &'static [&'static str] {
        match market {
            Market::Spot => self.spot,
            Market::OnDemand => self.on_demand,
        }
    }

    pub(crate) fn market(&self, value: &str) -> Option<Market> {
        let means = |market: &Market| self.values(*market).contains(&value);
        [Market::OnDemand, Market::Spot].into_iter().find(means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_belongs_to_the_node_group_unless_its_origin_is_known() {
        for (key, expected) in [
            ("kubernetes.io/arch", Origin::Offer),
            ("karpenter.sh/capacity-type", Origin::Market),
            ("lifecycle", Origin::Market),
            ("topology.k8s.aws/zone-id", Origin::Zone),
            ("topology.k8s.aws/network-node-layer-1", Origin::Node),
            ("kubernetes.io/hostname", Origin::Node),
            ("karpenter.k8s.aws/instance-family", Origin::Type),
            ("eks.amazonaws.com/instance-category", Origin::Type),
            ("feature.node.kubernetes.io/cpu-cpuid.AVX512F", Origin::Type),
            ("nvidia.com/gpu.count", Origin::Type),
            ("nvidia.com/gpu.product", Origin::Accelerator),
            ("eks.amazonaws.com/nodegroup", Origin::Group),
            ("karpenter.sh/nodepool", Origin::Group),
            ("pool", Origin::Group),
        ] {
            assert_eq!(origin(key), expected, "{key}");
        }
    }
}
