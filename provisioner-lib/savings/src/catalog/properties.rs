//! Properties of an instance type by the names that Karpenter and EKS Auto Mode give them in labels. Karpenter
//! documentation, "Scheduling"; EKS user guide, "Create a Node Pool for EKS Auto Mode".

use super::{Accelerator, Architecture, InstanceType};

/// Families of current types without Nitro. Amazon EC2 user guide, "Instances built on the AWS Nitro System".
const XEN: [&str; 14] =
    ["c4", "d2", "f1", "g3", "g3s", "h1", "i3", "m4", "p2", "p3", "r4", "t2", "x1", "x1e"];
/// Categories whose names do not tell who made the CPU.
const ACCELERATED: [&str; 8] = ["dl", "f", "g", "gr", "inf", "p", "trn", "vt"];

/// The parts of an instance type's name. Amazon EC2 user guide, "Instance type naming conventions".
struct Name<'n> {
    /// `m5ad`.
    family: &'n str,
    /// `xlarge`.
    size: &'n str,
    /// `m`.
    category: &'n str,
    /// `5`.
    generation: &'n str,
    /// `ad`.
    options: &'n str,
}

impl<'n> Name<'n> {
    /// None if it is not such a name.
    fn parse(name: &'n str) -> Option<Self> {
        let (family, size) = name.split_once('.')?;
        let (category, rest) = split_at(family, |letter| letter.is_ascii_lowercase());
        // `u-6tb1.metal`: the memory comes before the generation.
        let memory = rest.strip_prefix('-').map(|rest| split_at(rest, |digit| digit.is_ascii_digit()).1);
        let rest = memory.and_then(|memory| memory.strip_prefix("tb")).unwrap_or(rest);
        let (generation, options) = split_at(rest, |digit| digit.is_ascii_digit());
        let is_whole = !category.is_empty() && !generation.is_empty();
        is_whole.then_some(Self { family, size, category, generation, options })
    }
}

fn split_at(text: &str, begins: fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !begins(letter)).unwrap_or(text.len()))
}

/// The family of an instance type: `m5` of `m5.large`.
pub(crate) fn family(name: &str) -> &str {
    name.split_once('.').map_or(name, |(family, _)| family)
}

impl InstanceType {
    /// The property behind the label `karpenter.k8s.aws/instance-NAME` or `eks.amazonaws.com/instance-NAME`; none if the
    /// type lacks it or the catalog does not tell.
    pub(crate) fn property(&self, name: &str) -> Option<String> {
        let parts = Name::parse(&self.name);
        let part = |part: fn(&Name<'_>) -> String| parts.as_ref().map(part);
        match name {
            "category" => part(|parts| parts.category.to_owned()),
            "generation" => part(|parts| parts.generation.to_owned()),
            "family" => part(|parts| parts.family.to_owned()),
            "size" => part(|parts| parts.size.to_owned()),
            "cpu" => Some(self.vcpus.to_string()),
            "memory" => Some(self.memory_mib.to_string()),
            "cpu-manufacturer" => {
                let known = self.cpu_manufacturer.as_deref().map(kebab);
                known.or_else(|| self.cpu_manufacturer_by_name(&parts?).map(str::to_owned))
            }
            "hypervisor" => {
                let by_name =
                    || part(|parts| if XEN.contains(&parts.family) { "xen" } else { "nitro" }.to_owned());
                self.hypervisor.clone().or_else(by_name)
            }
            "local-nvme" => self.local_nvme_gb.map(|size| size.to_string()),
            "ebs-bandwidth" => self.ebs_bandwidth_mbps.map(|bandwidth| bandwidth.to_string()),
            _ => self.property_of_accelerator(name),
        }
    }

    fn property_of_accelerator(&self, name: &str) -> Option<String> {
        let (kind, what) = name.split_once('-')?;
        let is_gpu = |resource: &String| resource.ends_with("/gpu");
        let (_, count) = match kind {
            "gpu" => self.devices.iter().find(|(resource, _)| is_gpu(resource))?,
            "accelerator" => self.devices.iter().find(|(resource, _)| !is_gpu(resource))?,
            _ => return None,
        };
        let model = self.accelerator.as_ref();
        match what {
            "count" => Some(count.to_string()),
            "name" => model.map(|model| kebab(&model.name)),
            "manufacturer" => model.map(|model| kebab(&model.manufacturer)),
            "memory" => model?.memory_mib.map(|memory| memory.to_string()),
            _ => None,
        }
    }

    fn cpu_manufacturer_by_name(&self, parts: &Name<'_>) -> Option<&'static str> {
        if self.architecture == Architecture::Arm64 {
            return Some("aws");
        }
        let is_found = !ACCELERATED.contains(&parts.category);
        is_found.then(|| if parts.options.starts_with('a') { "amd" } else { "intel" })
    }

    /// The model of its accelerators, as the value of a label: the catalog's name and memory, else the family, which has
    /// accelerators of one model.
    #[must_use]
    pub fn accelerator_model(&self) -> Option<String> {
        let of_catalog = self.accelerator.as_ref().map(Accelerator::label);
        of_catalog.or_else(|| (!self.devices.is_empty()).then(|| family(&self.name).to_owned()))
    }
}

impl Accelerator {
    fn label(&self) -> String {
        let memory = self.memory_mib.map(|memory| format!("-{memory}mib")).unwrap_or_default();
        format!("{}-{}{memory}", kebab(&self.manufacturer), kebab(&self.name))
    }
}

fn kebab(text: &str) -> String {
    text.to_ascii_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::m5_large;

    fn named(name: &str) -> InstanceType {
        InstanceType { name: name.to_owned(), ..m5_large() }
    }

    #[test]
    fn a_name_tells_category_family_generation_and_size() {
        for (name, expected) in [
            ("m5.large", ["m", "m5", "5", "large"]),
            ("m5ad.xlarge", ["m", "m5ad", "5", "xlarge"]),
            ("x2iedn.32xlarge", ["x", "x2iedn", "2", "32xlarge"]),
            ("hpc7a.12xlarge", ["hpc", "hpc7a", "7", "12xlarge"]),
            ("u-6tb1.56xlarge", ["u", "u-6tb1", "1", "56xlarge"]),
            ("u7i-12tb.224xlarge", ["u", "u7i-12tb", "7", "224xlarge"]),
        ] {
            let found = ["category", "family", "generation", "size"].map(|part| named(name).property(part));
            assert_eq!(found, expected.map(|part| Some(part.to_owned())), "{name}");
        }
        assert_eq!(named("unknown").property("category"), None);
    }

    #[test]
    fn a_name_tells_who_made_the_cpu_unless_it_is_accelerated() {
        for (name, architecture, expected) in [
            ("m5.large", Architecture::Amd64, Some("intel")),
            ("c6a.large", Architecture::Amd64, Some("amd")),
            ("t3a.large", Architecture::Amd64, Some("amd")),
            ("c7gn.large", Architecture::Arm64, Some("aws")),
            ("g5.xlarge", Architecture::Amd64, None),
        ] {
            let found = InstanceType { architecture, ..named(name) };
            assert_eq!(found.property("cpu-manufacturer").as_deref(), expected, "{name}");
        }
        let known = InstanceType { cpu_manufacturer: Some("AMD".to_owned()), ..named("g5.xlarge") };
        assert_eq!(known.property("cpu-manufacturer").as_deref(), Some("amd"));
    }

    #[test]
    fn accelerators_are_of_the_model_in_the_catalog_or_of_the_family() {
        let devices = [("nvidia.com/gpu".to_owned(), 8)];
        let by_family = InstanceType { devices: devices.into(), ..named("p4d.24xlarge") };
        assert_eq!(by_family.accelerator_model().as_deref(), Some("p4d"));
        assert_eq!(by_family.property("gpu-count").as_deref(), Some("8"));
        assert_eq!(by_family.property("gpu-name"), None);
        let model = Accelerator {
            manufacturer: "NVIDIA".to_owned(),
            name: "A100".to_owned(),
            memory_mib: Some(40_960),
        };
        let known = InstanceType { accelerator: Some(model), ..by_family };
        assert_eq!(known.accelerator_model().as_deref(), Some("nvidia-a100-40960mib"));
        let found = ["gpu-name", "gpu-manufacturer", "gpu-memory", "accelerator-name"];
        let found = found.map(|name| known.property(name));
        let expected = [Some("a100"), Some("nvidia"), Some("40960"), None];
        assert_eq!(found, expected.map(|value| value.map(str::to_owned)));
        assert_eq!(named("m5.large").accelerator_model(), None);
    }
}
