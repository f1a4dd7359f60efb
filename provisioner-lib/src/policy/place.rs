//! What a policy is printed for, checked before it is filled in: a `*` or a `${…}` in a value would widen the policy.

use cast_spot_infra::partitions::{ALL, Partition};
use serde_json::Value;

use super::{Scope, principal_trust};
use crate::{
    fault::Faults,
    names,
    spec::{account_problem, cluster_problem, region_problem, trusted},
};

/// What a policy is printed for, as it was given or found. What a policy does not contain stays open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Name of the partition. While it is open, it is that of the region.
    pub partition: Option<String>,
    /// Region of the cluster.
    pub region: Option<String>,
    /// Account id.
    pub account: Option<String>,
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// Its VPC.
    pub vpc_id: Option<String>,
}

impl Place {
    /// Everything that is wrong with what is known.
    #[must_use]
    pub fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        let mut check =
            |field: &str, value: &Option<String>, problem: fn(&str) -> Option<&'static str>, hint: &str| {
                if let Some(value) = value
                    && let Some(problem) = problem(value)
                {
                    faults.add(field, value, problem, hint);
                }
            };
        check("cluster", &self.cluster, cluster_problem, "`aws eks list-clusters` shows the names");
        check("region", &self.region, region_problem, "such as eu-west-1");
        check("account", &self.account, account_problem, "`aws sts get-caller-identity` shows yours");
        check("vpc-id", &self.vpc_id, vpc_problem, "`aws eks describe-cluster --name NAME` shows it");
        let region = self.region.as_deref().filter(|region| region_problem(region).is_none());
        let own = region.and_then(Partition::of_region);
        match (&self.partition, region) {
            (Some(given), _) if Partition::named(given).is_none() => {
                let names = ALL.map(|partition| partition.name).join(", ");
                faults.add("partition", given, "not a partition of AWS", format!("one of {names}"));
            }
            (Some(given), Some(region)) if own.is_some_and(|own| own.name != given) => {
                let problem = format!("{region} is in {}", own.map_or("", |own| own.name));
                faults.add("partition", given, problem, "leave it out, or give another region");
            }
            (None, Some(region)) if own.is_none() => {
                faults.add("region", region, "not in a partition that is known", "give --partition with it");
            }
            _ => {}
        }
        faults
    }

    /// Name of the role of the cluster's nodes.
    #[must_use]
    pub fn node_role(&self) -> String {
        names::node_role(self.scope("").cluster, &self.cluster_arn())
    }

    /// ARN of the cluster.
    #[must_use]
    pub fn cluster_arn(&self) -> String {
        self.scope("").cluster_arn()
    }

    /// What the placeholders stand for, with the name of [`Place::node_role`].
    #[must_use]
    pub fn scope<'a>(&'a self, node_role: &'a str) -> Scope<'a> {
        let text = |part: &'a Option<String>| part.as_deref().unwrap_or_default();
        let of_region = || Partition::of_region_or_aws(text(&self.region)).name;
        Scope {
            partition: self.partition.as_deref().unwrap_or_else(of_region),
            region: text(&self.region),
            account: text(&self.account),
            cluster: text(&self.cluster),
            vpc_id: text(&self.vpc_id),
            node_role,
            image_owners: &[],
        }
    }
}

/// Who may assume the cluster's role, from what was given, or all that is wrong with it.
pub fn trust_of(principal: Option<&str>, external_id: Option<&str>) -> Result<Value, Faults> {
    let mut faults = Faults::default();
    let trusted = trusted(principal, external_id, "`trust`", &mut faults);
    trusted.map(|(principal, external_id)| principal_trust(&principal, &external_id)).ok_or(faults)
}

fn vpc_problem(id: &str) -> Option<&'static str> {
    let digits = id.strip_prefix("vpc-").unwrap_or_default();
    let reads_well =
        !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (!reads_well).then_some("not the id of a VPC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(parts: [&str; 5]) -> Vec<String> {
        let [partition, region, account, cluster, vpc_id] =
            parts.map(|part| (part != "-").then(|| part.to_owned()));
        let faults = Place { partition, region, account, cluster, vpc_id }.faults();
        faults.0.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn no_pattern_and_no_variable_gets_into_a_policy() {
        let good = ["aws-eusc", "eusc-de-east-1", "123456789012", "prod", "vpc-0a"];
        assert!(faults(good).is_empty());
        let fields = ["partition", "region", "account", "cluster", "vpc-id"];
        for (place, field) in fields.into_iter().enumerate() {
            for bad in ["*", "${aws:username}", "a*", "\"", "<cluster>", ""] {
                let mut parts = good;
                parts[place] = bad;
                assert_eq!(faults(parts), [field], "{bad}");
            }
        }
        assert_eq!(faults(["*"; 5]), ["cluster", "region", "account", "vpc-id", "partition"], "all at once");
    }

    #[test]
    fn partition_and_region_have_to_agree() {
        for (partition, region, wrong) in [
            ("-", "eusc-de-east-1", None),
            ("aws", "eu-west-1", None),
            ("aws-cn", "eu-west-1", Some("partition")),
            ("-", "nz-north-1", Some("region")),
            ("aws", "nz-north-1", None),
        ] {
            let found = faults([partition, region, "-", "-", "-"]);
            assert_eq!(found.first().map(String::as_str), wrong, "{partition} {region}");
        }
    }

    #[test]
    fn a_trust_has_one_principal_and_an_external_id() {
        assert!(trust_of(Some("arn:aws-iso-f:iam::123456789012:role/path/x"), Some("x-1")).is_ok());
        for principal in
            ["*", "111122223333", "arn:aws:iam::123456789012:user/*", "arn:awz:iam::123456789012:root"]
        {
            let faults = trust_of(Some(principal), Some("")).unwrap_err();
            let fields: Vec<_> = faults.0.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, ["external-id", "principal"], "{principal}");
        }
        assert_eq!(trust_of(None, None).unwrap_err().0.len(), 2);
    }
}
