//! A [`Spec`] and [`Facts`] with placeholders such as `${VpcId}` for values, so that the desired resources contain the
//! template's parameters.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    desired::desired,
    facts::{AuthenticationMode, Cluster, Facts, Identity, PreviousRuns},
    names::{self, RECORDS},
    package::{Architecture, Package},
    policy::fill,
    resource::{Code, Resource, Service},
    spec::{Access, Privilege, Spec},
};

/// Stand-ins for values that the library parses or computes with. [`Inputs::filled`] replaces them.
const PRINCIPAL: &str = "arn:${Partition}:iam::principal";
/// Occurs nowhere else.
const RETENTION: i32 = 7_777_777;
const VALID: &str = "the inputs are free of faults";
const ENDPOINTS: &str = r#"{"${Cluster}":{"server":"https://","ca":"ca"}}"#;

pub(super) struct Inputs {
    pub(super) spec: Spec,
    pub(super) facts: Facts,
    /// Whether the IAM parts belong to this stack, not to that of another region.
    pub(super) has_account_parts: bool,
    /// Whether a cluster of another region is reached from its VPC alone.
    pub(super) is_private_elsewhere: bool,
}

impl Inputs {
    pub(super) fn new(cluster: &str, settings: BTreeMap<String, String>) -> Self {
        let code = Code { sha256: String::new(), zip: Vec::new() };
        let access =
            Access::Role { principal: PRINCIPAL.to_owned(), external_id: "${ExternalId}".to_owned() };
        let spec = Spec {
            privilege: Some(Privilege::Least),
            log_retention_days: Some(RETENTION),
            settings,
            package: Some(Package { code, architecture: Architecture::X86_64 }),
            move_function: true,
            ..Spec::new(cluster, access)
        };
        let [partition, region, account] = ["${Partition}", "${Region}", "${Account}"].map(str::to_owned);
        let arn = format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}");
        let facts = Facts {
            identity: Identity { partition, account, arn: String::new() },
            region,
            cluster: Cluster {
                status: "ACTIVE".to_owned(),
                endpoint: "https://".to_owned(),
                certificate_authority: "ca".to_owned(),
                authentication_mode: AuthenticationMode::Api,
                vpc_id: "${VpcId}".to_owned(),
                subnet_ids: vec!["${SubnetIds}".to_owned()],
                security_group_id: "${ClusterSecurityGroupId}".to_owned(),
                public_access: true,
                private_access: true,
                ..Cluster::gone(cluster, arn)
            },
            function: None,
            register: BTreeSet::new(),
            earlier: PreviousRuns::default(),
        };
        Self { spec, facts, has_account_parts: true, is_private_elsewhere: false }
    }

    /// Replaces the stand-ins by their parameters.
    pub(super) fn filled(&self, value: Value) -> Value {
        let texts = [
            (PRINCIPAL, "${PrincipalArn}"),
            (&RETENTION.to_string(), "${LogRetentionDays}"),
            (ENDPOINTS, "CAST_SPOT_ENDPOINTS"),
            ("x86_64", "${Architecture}"),
            (&names::suffix(&self.facts.cluster.arn), "${Suffix}"),
            // Last: the library splits ARNs at colons, and these names contain some.
            ("${Partition}", "${AWS::Partition}"),
            ("${Region}", "${AWS::Region}"),
            ("${Account}", "${AWS::AccountId}"),
        ];
        fill(value, &texts)
    }

    /// Registers another cluster.
    pub(super) fn register(&mut self, region: &str) {
        self.facts.register.insert((region.to_owned(), "${OtherClusters}".to_owned()));
    }

    /// The desired resources. The IAM ones are those of a single stack, because IAM has no regions.
    pub(super) fn resources(&self) -> Vec<Resource> {
        let is_iam = |resource: &Resource| resource.kind().service() == Service::Iam;
        let mut everywhere = self.facts.clone();
        everywhere.cluster.public_access &= !self.is_private_elsewhere;
        // Together they are longer than the tag in which the library records them.
        let spec = Spec { settings: BTreeMap::new(), ..self.spec.clone() };
        let mut resources = desired(&spec, &everywhere).expect(VALID).present;
        resources.retain(|resource| is_iam(resource) && self.has_account_parts);
        let mut here = desired(&spec, &self.facts).expect(VALID).present;
        for resource in &mut here {
            if let Resource::Function(function) = resource {
                function.environment.extend(self.spec.settings.clone());
            }
        }
        resources.extend(here.into_iter().filter(|resource| !is_iam(resource)));
        // A stack knows neither the hash of its code nor those of clusters, and does not encode.
        for tags in resources.iter_mut().filter_map(Resource::tags_mut) {
            tags.retain(|key, _| !RECORDS.iter().any(|tag| key.starts_with(tag)));
        }
        resources
    }
}
