//! The partitions of AWS: which one a region is in, and what differs by it.
//!
//! A table and not the data, `infra/aws/partitions.json`, so that the function parses nothing at its start; a test
//! holds it to the data, and `tests/infra_contract.rs` holds the endpoints of the SDK to both.

/// A partition of AWS ("Partitions" in the AWS General Reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// The second part of its ARNs.
    pub name: &'static str,
    /// Ending of the host names of its services.
    pub dns_suffix: &'static str,
    /// Service principal of EC2, the only one of those used here that differs. The suffix is not that of the hosts
    /// everywhere: IAM of `aws-eusc` refuses `ec2.amazonaws.eu`.
    pub ec2_service: &'static str,
    /// ISO 4217 code of its prices.
    pub currency: &'static str,
    /// What its regions begin with, before `-<place>-<number>`.
    region_prefixes: &'static [&'static str],
}

const AWS: Partition = Partition {
    name: "aws",
    dns_suffix: "amazonaws.com",
    ec2_service: "ec2.amazonaws.com",
    currency: "USD",
    region_prefixes: &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
};

/// All partitions, in the order of the data.
pub const ALL: [Partition; 8] = [
    AWS,
    Partition {
        name: "aws-cn",
        dns_suffix: "amazonaws.com.cn",
        ec2_service: "ec2.amazonaws.com.cn",
        currency: "CNY",
        region_prefixes: &["cn"],
    },
    Partition {
        name: "aws-eusc",
        dns_suffix: "amazonaws.eu",
        currency: "EUR",
        region_prefixes: &["eusc-de"],
        ..AWS
    },
    Partition {
        name: "aws-iso",
        dns_suffix: "c2s.ic.gov",
        ec2_service: "ec2.c2s.ic.gov",
        region_prefixes: &["us-iso"],
        ..AWS
    },
    Partition {
        name: "aws-iso-b",
        dns_suffix: "sc2s.sgov.gov",
        ec2_service: "ec2.sc2s.sgov.gov",
        region_prefixes: &["us-isob"],
        ..AWS
    },
    Partition { name: "aws-iso-e", dns_suffix: "cloud.adc-e.uk", region_prefixes: &["eu-isoe"], ..AWS },
    Partition { name: "aws-iso-f", dns_suffix: "csp.hci.ic.gov", region_prefixes: &["us-isof"], ..AWS },
    Partition { name: "aws-us-gov", region_prefixes: &["us-gov"], ..AWS },
];

impl Partition {
    /// The partition of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|partition| partition.name == name)
    }

    /// The partition whose regions have names like `region`, also for a region younger than the data.
    #[must_use]
    pub fn of_region(region: &str) -> Option<Self> {
        ALL.into_iter().find(|partition| partition.region_prefixes.iter().any(|prefix| fits(region, prefix)))
    }

    /// The same; `aws` for all other names, as in the SDKs.
    #[must_use]
    pub fn of_region_or_aws(region: &str) -> Self {
        Self::of_region(region).unwrap_or(AWS)
    }
}

/// Whether `region` is `<prefix>-<word>-<number>`.
fn fits(region: &str, prefix: &str) -> bool {
    let rest = region.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    let Some((word, number)) = rest.and_then(|rest| rest.split_once('-')) else { return false };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !word.is_empty()
        && word.chars().all(is_word)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_table_says_what_the_data_say() {
        let data: Value = serde_json::from_str(include_str!("../aws/partitions.json")).unwrap();
        let data = data["partitions"].as_array().unwrap();
        assert_eq!(data.len(), ALL.len());
        for (own, entry) in ALL.iter().zip(data) {
            let prefixes = own.region_prefixes;
            let prefix = match own.name {
                "aws" => format!("({})", prefixes.join("|")),
                "aws-eusc" => "eusc\\-(de)".to_owned(),
                _ => prefixes[0].replace('-', "\\-"),
            };
            let regex = format!("^{prefix}\\-\\w+\\-\\d+$");
            let expected =
                [&entry["id"], &entry["dnsSuffix"], &entry["regionRegex"]].map(|value| value.as_str());
            assert_eq!([own.name, own.dns_suffix, &regex].map(Some), expected);
            for region in entry["regions"].as_array().unwrap() {
                assert_eq!(Partition::of_region(region.as_str().unwrap()), Some(*own), "{region}");
            }
        }
    }

    #[test]
    fn a_younger_region_is_known_by_its_name_and_others_are_not() {
        for (region, partition) in [
            ("eu-newest-9", Some("aws")),
            ("us-gov-north-7", Some("aws-us-gov")),
            ("us-isob-north-7", Some("aws-iso-b")),
            ("eusc-de-west-2", Some("aws-eusc")),
            ("eusc-fr-west-1", None),
            ("us-east", None),
            ("us-east-1a", None),
            ("us-east-1.evil.example", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(Partition::of_region(region).map(|found| found.name), partition, "{region}");
        }
        assert_eq!(Partition::of_region_or_aws("nz-north-1"), AWS);
        assert_eq!(Partition::named("aws-iso-f").map(|found| found.dns_suffix), Some("csp.hci.ic.gov"));
        assert_eq!(Partition::named("nonsense"), None);
    }
}
