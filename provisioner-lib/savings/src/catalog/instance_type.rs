//! An instance type, and what a node of it holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GIB, MIB};
use crate::quantity::Resources;

/// Processor architecture, in Kubernetes' spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// x86_64.
    Amd64,
    /// Graviton.
    Arm64,
}

impl Architecture {
    /// Value of the label `kubernetes.io/arch`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// A model of accelerators, of GpuInfo or NeuronInfo. All accelerators of an instance type are of one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accelerator {
    /// `NVIDIA`, `AMD` or `AWS`.
    pub manufacturer: String,
    /// `A10G`.
    pub name: String,
    /// Memory of one in MiB.
    #[serde(default)]
    pub memory_mib: Option<u64>,
}

/// An EC2 instance type, from DescribeInstanceTypes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceType {
    /// `m5.large`.
    pub name: String,
    /// VCpuInfo.DefaultVCpus.
    pub vcpus: u32,
    /// MemoryInfo.SizeInMiB.
    pub memory_mib: u64,
    /// The first of ProcessorInfo.SupportedArchitectures that EKS runs on.
    pub architecture: Architecture,
    /// Of NetworkInfo.NetworkCards the default one's MaximumNetworkInterfaces: the VPC CNI uses no other card.
    pub network_interfaces: u32,
    /// NetworkInfo.Ipv4AddressesPerInterface.
    pub addresses_per_interface: u32,
    /// EbsInfo.MaximumEbsAttachments where they are not shared with network interfaces; `None`: they are, 28 in
    /// all.
    #[serde(default)]
    pub ebs_attachments: Option<u32>,
    /// Disks of the instance store.
    #[serde(default)]
    pub local_disks: u32,
    /// InstanceStorageInfo.TotalSizeInGB of NVMe disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_nvme_gb: Option<u64>,
    /// Accelerators, by their Kubernetes resource name (`nvidia.com/gpu`).
    #[serde(default)]
    pub devices: BTreeMap<String, u64>,
    /// The model of its accelerators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<Accelerator>,
    /// ProcessorInfo.Manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_manufacturer: Option<String>,
    /// Hypervisor: `nitro` or `xen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
    /// EbsInfo.EbsOptimizedInfo.MaximumBandwidthInMbps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ebs_bandwidth_mbps: Option<u32>,
    /// BareMetal.
    #[serde(default)]
    pub bare_metal: bool,
    /// BurstablePerformanceSupported: a CPU of it is not always a whole one.
    #[serde(default)]
    pub burstable: bool,
    /// CurrentGeneration.
    #[serde(default = "yes")]
    pub current_generation: bool,
}

const fn yes() -> bool {
    true
}

impl InstanceType {
    /// Pods at most: those that the VPC CNI has addresses for, and no more than a node of its size keeps up with.
    /// Amazon EKS user guide, "How maxPods is determined": at most 110 below 30 vCPUs, and 250 from there on.
    #[must_use]
    pub fn max_pods(&self) -> u32 {
        self.pods_with_addresses().min(self.most_pods())
    }

    fn most_pods(&self) -> u32 {
        if self.vcpus < 30 { 110 } else { 250 }
    }

    /// The same if the VPC CNI assigns prefixes of 16 addresses, of which even the smallest types have enough.
    #[must_use]
    pub fn max_pods_with_prefixes(&self) -> u32 {
        let addresses = self.pods_with_addresses().saturating_sub(2).saturating_mul(16).saturating_add(2);
        addresses.min(self.most_pods())
    }

    /// Secondary addresses, one for each pod, and two pods of the host's network (`kube-proxy`, `aws-node`).
    pub(crate) fn pods_with_addresses(&self) -> u32 {
        let of_one = self.addresses_per_interface.saturating_sub(1);
        self.network_interfaces.saturating_mul(of_one).saturating_add(2)
    }

    /// EBS volumes beside the root volume, with every network interface in use. Amazon EC2 user guide, "Volume
    /// limits": on Nitro 28 attachments are shared by volumes, network interfaces and local disks.
    #[must_use]
    pub fn max_volumes(&self) -> u32 {
        match self.ebs_attachments {
            Some(attachments) => attachments.saturating_sub(1),
            None => 27_u32.saturating_sub(self.network_interfaces).saturating_sub(self.local_disks).max(1),
        }
    }

    /// The allocatable resources of a node, as AL2023's nodeadm sets the kubelet up: kube-reserved CPU 6 % of the first
    /// core, 1 % of the second, 0.5 % of the next two, 0.25 % of the others; kube-reserved memory 255 MiB and
    /// 11 MiB for each pod that there are addresses for, whatever the most pods are, 100 MiB eviction threshold; 1 GiB
    /// of the volume reserved, 10 % eviction threshold. The volume is `root_volume` bytes big.
    ///
    /// The kernel and the hypervisor keep memory, too: `kept` hundredths of a percent, as running nodes show. If none do,
    /// 64 MiB on Graviton and 7.5 % of the rest are taken off, as Karpenter does it, and never more (Karpenter
    /// documentation, "VM_MEMORY_OVERHEAD_PERCENT").
    #[must_use]
    pub fn allocatable(&self, root_volume: u64, kept: Option<u64>) -> Resources {
        let cores = u64::from(self.vcpus);
        // Hundredths of a thousandth of a CPU.
        let reserved = cores.min(1) * 6000
            + cores.saturating_sub(1).min(1) * 1000
            + cores.saturating_sub(2).min(2) * 500
            + cores.saturating_sub(4) * 250;
        let of_graviton = match self.architecture {
            Architecture::Amd64 => 0,
            Architecture::Arm64 => 64,
        };
        let at_least = self.memory_mib.saturating_sub(of_graviton).saturating_mul(MIB) / 1000 * 925;
        let seen = |kept: u64| self.memory_mib.saturating_mul(MIB) / 10_000 * 10_000_u64.saturating_sub(kept);
        let memory = kept.map_or(at_least, |kept| seen(kept).max(at_least));
        Resources {
            cpu: (cores * 1000).saturating_sub(reserved.div_ceil(100)),
            memory: memory.saturating_sub((255 + 11 * u64::from(self.pods_with_addresses()) + 100) * MIB),
            ephemeral_storage: (root_volume - root_volume / 10).saturating_sub(GIB),
            extended: self.devices.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn m5_large() -> InstanceType {
        InstanceType {
            name: "m5.large".into(),
            vcpus: 2,
            memory_mib: 8192,
            architecture: Architecture::Amd64,
            network_interfaces: 3,
            addresses_per_interface: 10,
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
        }
    }

    #[test]
    fn a_node_keeps_what_al2023_reserves() {
        let small = m5_large();
        assert_eq!((small.max_pods(), small.max_volumes()), (29, 24));
        let found = small.allocatable(20 * GIB, None);
        assert_eq!(found.cpu, 1930);
        assert_eq!(found.memory / MIB, 8192 * 925 / 1000 - 255 - 11 * 29 - 100);
        assert_eq!(found.ephemeral_storage, 17 * GIB);
        let graviton = InstanceType { architecture: Architecture::Arm64, ..small.clone() };
        assert_eq!(
            graviton.allocatable(20 * GIB, None).memory / MIB,
            (8192 - 64) * 925 / 1000 - 255 - 11 * 29 - 100
        );
        let big = InstanceType {
            vcpus: 96,
            memory_mib: 384 * 1024,
            network_interfaces: 15,
            addresses_per_interface: 50,
            ..small
        };
        // 60 + 10 + 2 × 5 + 92 × 2.5
        assert_eq!(big.allocatable(20 * GIB, None).cpu, 96_000 - 310);
        // nodeadm reserves for all addresses (737), and not for the 250 pods that may run.
        let reserved = 255 + 11 * 737 + 100;
        assert_eq!(big.allocatable(20 * GIB, None).memory, 384 * GIB / 1000 * 925 - reserved * MIB);
    }

    /// A t3.small of EKS has 1,959,264 Ki and reserves 255 + 11 × 11 + 100 MiB, so that 1,471,840 Ki are left.
    #[test]
    fn a_running_t3_small_has_what_is_calculated_for_it() {
        let small = InstanceType { memory_mib: 2_048, addresses_per_interface: 4, ..m5_large() };
        let found = small.allocatable(20 * GIB, Some(10_000 - 1_959_264 * 10_000 / (2_048 * 1_024)));
        assert_eq!((found.cpu, small.max_pods()), (1_930, 11));
        // A hundredth of a percent is 210 Ki.
        assert!((found.memory / 1_024).abs_diff(1_471_840) < 210, "{}", found.memory / 1_024);
    }

    #[test]
    fn memory_kept_of_running_nodes_holds_for_others() {
        let reserved = (255 + 11 * 29 + 100) * MIB;
        for (kept, left) in [(Some(350), 9650), (Some(900), 9250), (None, 9250)] {
            let found = m5_large().allocatable(20 * GIB, kept).memory + reserved;
            assert!(found.abs_diff(8192 * MIB / 10_000 * left) < MIB, "{kept:?}: {found}");
        }
    }

    /// Amazon EKS AMI, `eni-max-pods.txt`, and what the guide's most is where that is more.
    #[test]
    fn max_pods_are_bounded_by_addresses_and_size() {
        for (name, vcpus, network_interfaces, addresses_per_interface, listed, most) in [
            ("t3.micro", 2, 2, 2, 4, 4),
            ("t3.medium", 2, 3, 6, 17, 17),
            ("m5.large", 2, 3, 10, 29, 29),
            ("m5.xlarge", 4, 4, 15, 58, 58),
            ("m5.2xlarge", 8, 4, 15, 58, 58),
            ("c6a.4xlarge", 16, 8, 30, 234, 110),
            ("m5.8xlarge", 32, 8, 30, 234, 234),
            ("m5.24xlarge", 96, 15, 50, 737, 250),
        ] {
            let found = InstanceType { vcpus, network_interfaces, addresses_per_interface, ..m5_large() };
            assert_eq!((found.pods_with_addresses(), found.max_pods()), (listed, most), "{name}");
        }
    }
}
