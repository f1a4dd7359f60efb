//! Amazon EC2: instance types, where they are offered, Spot prices, and how instances were bought.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_ec2::{
    Client,
    primitives::DateTime,
    types::{
        ArchitectureType, AttachmentLimitType, EphemeralNvmeSupport, Filter, GpuInfo, InstanceTypeInfo,
        LocationType, NetworkCardInfo, NetworkInfo, NeuronInfo, SpotPrice, UsageClassType,
    },
};
use cast_spot_cloud::{Error, from_sdk};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{
    catalog::{Accelerator, Architecture, InstanceType},
    prices::SpotPoint,
};

/// Instances, types or values of a filter that one call asks for ("Filters" in the EC2 API reference allow 200).
const AT_ONCE: usize = 100;
/// Calls side by side: EC2 lets few such calls through each second.
const SIDE_BY_SIDE: usize = 4;
/// What a Linux node in a VPC pays.
const PRODUCT: &str = "Linux/UNIX";

/// EC2 of the region.
pub(super) struct Ec2 {
    client: Client,
}

impl Ec2 {
    pub(super) fn of(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// All types that EKS could run on.
    pub(super) async fn types(&self) -> Result<Vec<InstanceType>, Error> {
        let pages = self.client.describe_instance_types().into_paginator().items().send();
        let types = pages.try_collect().await.map_err(from_sdk("ec2:DescribeInstanceTypes"))?;
        let mut types: Vec<InstanceType> = types.iter().filter_map(instance_type).collect();
        types.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(types)
    }

    /// Pairs of type and zone.
    pub(super) async fn offered(
        &self,
        zones: &BTreeSet<String>,
    ) -> Result<BTreeSet<(String, String)>, Error> {
        let call =
            self.client.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
        let pages = call.set_filters(in_zones("location", zones)).into_paginator().items().send();
        let offered = pages.try_collect().await.map_err(from_sdk("ec2:DescribeInstanceTypeOfferings"))?;
        let offered = offered.into_iter();
        Ok(offered
            .filter_map(|found| Some((found.instance_type?.as_str().to_owned(), found.location?)))
            .collect())
    }

    /// All changes of the prices of these types, and those that stood before.
    pub(super) async fn spot_prices(
        &self,
        types: &[String],
        zones: &BTreeSet<String>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SpotPoint>, Error> {
        let points = stream::iter(types.chunks(AT_ONCE)).map(async |types| {
            let types = types.iter().map(|name| name.as_str().into()).collect();
            let call = self.client.describe_spot_price_history().product_descriptions(PRODUCT);
            let call = call.set_instance_types(Some(types)).set_filters(in_zones("availability-zone", zones));
            let call = call
                .start_time(DateTime::from_secs(from.as_second()))
                .end_time(DateTime::from_secs(to.as_second()));
            let prices = call.into_paginator().items().send().try_collect().await;
            prices.map_err(from_sdk("ec2:DescribeSpotPriceHistory"))
        });
        let prices: Vec<Vec<SpotPrice>> = points.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
        Ok(prices.into_iter().flatten().filter_map(point).collect())
    }

    /// `spot` or `on-demand`, by instance.
    pub(super) async fn lifecycles(&self, instances: &[String]) -> Result<BTreeMap<String, String>, Error> {
        let mut lifecycles = BTreeMap::new();
        for instances in instances.chunks(AT_ONCE) {
            // By a filter: an instance that is gone meanwhile is no error then.
            let filter = Filter::builder().name("instance-id").set_values(Some(instances.to_vec())).build();
            let pages = self.client.describe_instances().filters(filter).into_paginator().items().send();
            let reservations = pages.try_collect().await.map_err(from_sdk("ec2:DescribeInstances"))?;
            let found = reservations.into_iter().flat_map(|found| found.instances.unwrap_or_default());
            lifecycles.extend(found.filter_map(|found| {
                let lifecycle = found.instance_lifecycle.as_ref().map_or("on-demand", |found| found.as_str());
                Some((found.instance_id?, lifecycle.to_owned()))
            }));
        }
        Ok(lifecycles)
    }
}

/// Without zones nothing is left out.
fn in_zones(name: &str, zones: &BTreeSet<String>) -> Option<Vec<Filter>> {
    let values = zones.iter().cloned().collect();
    (!zones.is_empty()).then(|| vec![Filter::builder().name(name).set_values(Some(values)).build()])
}

fn point(price: SpotPrice) -> Option<SpotPoint> {
    let since = Timestamp::from_second(price.timestamp?.secs()).ok()?;
    Some(SpotPoint {
        instance_type: price.instance_type?.as_str().to_owned(),
        zone: price.availability_zone?,
        since,
        hourly: price.spot_price?.parse().ok()?,
    })
}

/// None for what EKS does not run on: 32 bit, macOS, or only as a capacity block.
fn instance_type(info: &InstanceTypeInfo) -> Option<InstanceType> {
    let architectures = info.processor_info()?.supported_architectures();
    let architecture = architectures.iter().find_map(|found| match found {
        ArchitectureType::X8664 => Some(Architecture::Amd64),
        ArchitectureType::Arm64 => Some(Architecture::Arm64),
        _ => None,
    })?;
    if !info.supported_usage_classes().contains(&UsageClassType::OnDemand) {
        return None;
    }
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let storage = info.instance_storage_info();
    let nvme = storage.filter(|storage| {
        storage.nvme_support().is_some_and(|support| *support != EphemeralNvmeSupport::Unsupported)
    });
    let hypervisor = info.hypervisor().map(|hypervisor| hypervisor.as_str().to_owned());
    let network = info.network_info()?;
    let ebs = info.ebs_info();
    let own_limit = ebs.and_then(|ebs| ebs.attachment_limit_type()) == Some(&AttachmentLimitType::Dedicated);
    Some(InstanceType {
        name: info.instance_type()?.as_str().to_owned(),
        vcpus: number(info.v_cpu_info()?.default_v_cpus())?,
        memory_mib: u64::try_from(info.memory_info()?.size_in_mib()?).ok()?,
        architecture,
        network_interfaces: number(interfaces(network))?,
        addresses_per_interface: number(network.ipv4_addresses_per_interface())?,
        ebs_attachments: ebs.and_then(|ebs| number(ebs.maximum_ebs_attachments())).filter(|_| own_limit),
        local_disks: storage.map_or(0, |storage| {
            storage.disks().iter().filter_map(|disk| number(disk.count())).fold(0, u32::saturating_add)
        }),
        local_nvme_gb: nvme.and_then(|storage| u64::try_from(storage.total_size_in_gb()?).ok()),
        devices: devices(info),
        accelerator: accelerator(info),
        cpu_manufacturer: info.processor_info()?.manufacturer().map(str::to_owned),
        hypervisor: hypervisor.filter(|name| !name.is_empty()),
        ebs_bandwidth_mbps: ebs
            .and_then(|ebs| ebs.ebs_optimized_info())
            .and_then(|optimized| number(optimized.maximum_bandwidth_in_mbps())),
        bare_metal: info.bare_metal().unwrap_or(false),
        burstable: info.burstable_performance_supported().unwrap_or(false),
        current_generation: info.current_generation().unwrap_or(true),
    })
}

/// Of the default network card, the one that the VPC CNI uses; older answers have no cards.
fn interfaces(network: &NetworkInfo) -> Option<i32> {
    let default = network.default_network_card_index().unwrap_or(0);
    let card = network.network_cards().iter().find(|card| card.network_card_index() == Some(default));
    card.and_then(NetworkCardInfo::maximum_network_interfaces).or(network.maximum_network_interfaces())
}

/// Accelerators under the names that their device plugins give them ("Schedule GPUs" in the Kubernetes documentation;
/// "Neuron device plugin" in the AWS Neuron documentation).
fn devices(info: &InstanceTypeInfo) -> BTreeMap<String, u64> {
    let mut devices = BTreeMap::new();
    let count = |value: Option<i32>| u64::try_from(value.unwrap_or(0)).unwrap_or(0);
    let mut add = |name: &str, number: u64| {
        let sum: &mut u64 = devices.entry(name.to_owned()).or_default();
        *sum = sum.saturating_add(number);
    };
    for gpu in info.gpu_info().map(GpuInfo::gpus).unwrap_or_default() {
        let name = match gpu.manufacturer() {
            Some("NVIDIA") => "nvidia.com/gpu",
            Some("AMD") => "amd.com/gpu",
            _ => continue,
        };
        add(name, count(gpu.count()));
    }
    for device in info.neuron_info().map(NeuronInfo::neuron_devices).unwrap_or_default() {
        add("aws.amazon.com/neuron", count(device.count()));
    }
    devices
}

/// The model of its accelerators; none if they are of several models.
fn accelerator(info: &InstanceTypeInfo) -> Option<Accelerator> {
    let gpus = info.gpu_info().map(GpuInfo::gpus).unwrap_or_default().iter().filter_map(|gpu| {
        let memory = gpu.memory_info().and_then(aws_sdk_ec2::types::GpuDeviceMemoryInfo::size_in_mib);
        Some(Accelerator {
            manufacturer: gpu.manufacturer()?.to_owned(),
            name: gpu.name()?.to_owned(),
            memory_mib: memory.and_then(|memory| u64::try_from(memory).ok()),
        })
    });
    let neuron = info.neuron_info().map(NeuronInfo::neuron_devices).unwrap_or_default().iter();
    let neuron = neuron.filter_map(|device| {
        let memory = device.memory_info().and_then(aws_sdk_ec2::types::NeuronDeviceMemoryInfo::size_in_mib);
        Some(Accelerator {
            manufacturer: "AWS".to_owned(),
            name: device.name()?.to_owned(),
            memory_mib: memory.and_then(|memory| u64::try_from(memory).ok()),
        })
    });
    let mut models = gpus.chain(neuron);
    let first = models.next()?;
    models.all(|other| other == first).then_some(first)
}
