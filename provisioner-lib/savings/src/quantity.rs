//! Kubernetes quantities and sums of them.

use std::{borrow::Borrow, collections::BTreeMap, iter::Sum};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;

/// Resources of a node, or requests of a pod. Pods, volumes and ports are counted elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Resources {
    /// Thousandths of a CPU.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes of the kubelet's volume.
    pub ephemeral_storage: u64,
    /// Devices or pages by resource name: `nvidia.com/gpu`, `hugepages-2Mi` (bytes).
    pub extended: BTreeMap<String, u64>,
}

impl Resources {
    /// Reads a Kubernetes resource list without `pods`. Fractions are rounded up, as by the scheduler.
    #[must_use]
    pub fn read(list: &BTreeMap<String, Quantity>) -> Self {
        let mut this = Self::default();
        for (name, quantity) in list {
            let milli = milli(&quantity.0).unwrap_or(0);
            let whole = u64::try_from(milli.div_ceil(1000)).unwrap_or(u64::MAX);
            match name.as_str() {
                "cpu" => this.cpu = u64::try_from(milli).unwrap_or(u64::MAX),
                "memory" => this.memory = whole,
                "ephemeral-storage" => this.ephemeral_storage = whole,
                "pods" => {}
                _ if whole > 0 => _ = this.extended.insert(name.clone(), whole),
                _ => {}
            }
        }
        this
    }

    /// Whether CPU or memory is not requested.
    #[must_use]
    pub fn lack_cpu_or_memory(&self) -> bool {
        self.cpu == 0 || self.memory == 0
    }

    /// The sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.combine(other, u64::saturating_add)
    }

    /// The greater amount of each.
    #[must_use]
    pub fn greater(&self, other: &Self) -> Self {
        self.combine(other, u64::max)
    }

    /// The smaller amount of each, where zero stands for one that is not known.
    #[must_use]
    pub fn least_known(&self, other: &Self) -> Self {
        self.combine(other, |one, other| if one == 0 || other == 0 { one.max(other) } else { one.min(other) })
    }

    /// The difference; zero where `other` is greater.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.combine(other, u64::saturating_sub)
    }

    fn combine(&self, other: &Self, with: fn(u64, u64) -> u64) -> Self {
        let names = self.extended.keys().chain(other.extended.keys());
        let of = |resources: &Self, name: &str| resources.extended.get(name).copied().unwrap_or(0);
        let extended = names.map(|name| (name.clone(), with(of(self, name), of(other, name))));
        Self {
            cpu: with(self.cpu, other.cpu),
            memory: with(self.memory, other.memory),
            ephemeral_storage: with(self.ephemeral_storage, other.ephemeral_storage),
            extended: extended.filter(|(_, amount)| *amount > 0).collect(),
        }
    }
}

impl<R: Borrow<Self>> Sum<R> for Resources {
    fn sum<I: Iterator<Item = R>>(all: I) -> Self {
        all.fold(Self::default(), |sum, next| sum.plus(next.borrow()))
    }
}

/// Thousandths of a quantity, rounded up; `None` if it is negative or not a quantity. Kubernetes API reference, "Quantity".
#[must_use]
pub fn milli(text: &str) -> Option<u128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() || part.contains('.') || part.len() > 12 {
        return None;
    }
    let digits: u128 = format!("{whole}{part}").parse().ok()?;
    let (times, over) = factor(suffix)?;
    let over = over.checked_mul(10_u128.pow(u32::try_from(part.len()).ok()?))?;
    Some(digits.checked_mul(times)?.checked_mul(1000)?.div_ceil(over))
}

fn factor(suffix: &str) -> Option<(u128, u128)> {
    let (base, power): (u128, i32) = match suffix {
        "n" => (10, -9),
        "u" => (10, -6),
        "m" => (10, -3),
        "" => (10, 0),
        "k" => (10, 3),
        "M" => (10, 6),
        "G" => (10, 9),
        "T" => (10, 12),
        "P" => (10, 15),
        "E" => (10, 18),
        "Ki" => (1024, 1),
        "Mi" => (1024, 2),
        "Gi" => (1024, 3),
        "Ti" => (1024, 4),
        "Pi" => (1024, 5),
        "Ei" => (1024, 6),
        _ => (10, suffix.strip_prefix(['e', 'E'])?.parse().ok().filter(|power| (-18..=18).contains(power))?),
    };
    let factor = base.pow(power.unsigned_abs());
    Some(if power < 0 { (1, factor) } else { (factor, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, expected) in [
            ("1", Some(1000)),
            ("100m", Some(100)),
            ("0.1", Some(100)),
            ("1.5", Some(1500)),
            ("1u", Some(1)),
            ("2Gi", Some(2 * 1024 * 1024 * 1024 * 1000)),
            ("1.5Ki", Some(1_536_000)),
            ("128974848", Some(128_974_848_000)),
            ("129e6", Some(129_000_000_000)),
            ("1E3", Some(1_000_000)),
            ("2E", Some(2_000_000_000_000_000_000_000)),
            (".5", Some(500)),
            ("", None),
            ("-1", None),
            ("1 Gi", None),
            ("one", None),
        ] {
            assert_eq!(milli(text), expected, "{text}");
        }
    }
}
