//! All choices, as a request to the library and as parameters of the templates.

use std::collections::BTreeSet;

use cast_spot_provisioner::{
    desired::desired,
    facts::{AuthenticationMode, Cluster, Facts, Identity, PreviousRuns},
    names,
    package::{Architecture, Package},
    policy::Scope,
    resource::{Code, Resource},
    spec::{Request, Spec},
};
use serde_json::Value;

use crate::stack::{MADE_GROUP, Stack};

const LONG: &str =
    "cluster-name-of-one-hundred-characters-which-is-the-longest-that-eks-takes-0123456789-0123456789-012";
const ACCOUNT: &str = "123456789012";
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/org/boundary";
const VPC: &str = "vpc-0a";
const SUBNETS: [&str; 2] = ["subnet-0a", "subnet-0b"];
const CLUSTER_GROUP: &str = "sg-0c";
const EXTERNAL_ID: &str = "3f2b:a/b@c,d=e+f.g-h_i";

/// The choices of one onboarding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    partition: &'static str,
    region: &'static str,
    cluster: &'static str,
    mode: &'static str,
    least_privilege: bool,
    boundary: Option<&'static str>,
    authentication_mode: AuthenticationMode,
    is_open: bool,
    /// Other clusters, in alphabetical order, all after `cluster`.
    others: &'static [&'static str],
    /// In the form of the parameter.
    other_regions: &'static str,
    log_retention_days: &'static str,
    /// Settings of the function, with their parameters in the template.
    settings: &'static [(&'static str, &'static str, &'static str)],
    architecture: Architecture,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            partition: "aws",
            region: "eu-west-1",
            cluster: "prod",
            mode: "role",
            least_privilege: true,
            boundary: None,
            authentication_mode: AuthenticationMode::ApiAndConfigMap,
            is_open: true,
            others: &[],
            other_regions: "none",
            log_retention_days: "30",
            settings: &[],
            architecture: Architecture::X86_64,
        }
    }
}

/// Every setting of the handler that the user chooses: its parameter and a value.
pub(crate) const SETTINGS: &[(&str, &str, &str)] = &[
    ("CAST_SPOT_PDB_POLICY", "PdbPolicy", "leave"),
    ("CAST_SPOT_REPLACEMENT", "Replacement", "verify"),
    ("CAST_SPOT_REPLACE_STOPPED", "ReplaceStopped", "true"),
    ("CAST_SPOT_MARGIN_SECONDS", "MarginSeconds", "60"),
    ("CAST_SPOT_STAY", "Stay", "20"),
    ("CAST_SPOT_DRY_RUN", "DryRun", "true"),
    ("CAST_SPOT_LOG_FORMAT", "LogFormat", "text"),
];

/// Partitions in which a few choices are enough: they differ in names alone.
const OTHER_PARTITIONS: [(&str, &str); 5] = [
    ("aws-eusc", "eusc-de-east-1"),
    ("aws-iso", "us-iso-east-1"),
    ("aws-iso-b", "us-isob-east-1"),
    ("aws-iso-e", "eu-isoe-west-1"),
    ("aws-iso-f", "us-isof-south-1"),
];

impl Choice {
    /// All combinations of the choices that change documents and access; the others one by one.
    pub(crate) fn all() -> Vec<Self> {
        let modes =
            [AuthenticationMode::Api, AuthenticationMode::ApiAndConfigMap, AuthenticationMode::ConfigMap];
        let mut all = vec![
            Self { others: &["staging"], ..Self::default() },
            Self::beside("open"),
            Self { others: &["staging", "test"], settings: SETTINGS, ..Self::default() },
            Self { boundary: Some(BOUNDARY), ..Self::default() },
            Self { boundary: Some(BOUNDARY), mode: "user", least_privilege: false, ..Self::default() },
            Self { log_retention_days: "0", architecture: Architecture::Arm64, ..Self::default() },
        ];
        all.extend(OTHER_PARTITIONS.map(|(partition, region)| Self { partition, region, ..Self::default() }));
        for (partition, region) in
            [("aws", "eu-west-1"), ("aws-us-gov", "us-gov-east-1"), ("aws-cn", "cn-north-1")]
        {
            for (mode, cluster) in [("role", "prod"), ("user", "prod"), ("role", LONG), ("user", LONG)] {
                for (least_privilege, is_open) in [(false, false), (false, true), (true, false), (true, true)]
                {
                    all.extend(modes.map(|authentication_mode| Self {
                        partition,
                        region,
                        cluster,
                        mode,
                        least_privilege,
                        authentication_mode,
                        is_open,
                        ..Self::default()
                    }));
                }
            }
        }
        all
    }

    /// A cluster whose API server is reached from its VPC alone.
    pub(crate) fn private() -> Self {
        Self { is_open: false, ..Self::default() }
    }

    /// A cluster in an account that has another one in another region.
    pub(crate) fn beside(other_regions: &'static str) -> Self {
        Self { other_regions, ..Self::default() }
    }

    fn arn(&self) -> String {
        format!("arn:{}:eks:{}:{ACCOUNT}:cluster/{}", self.partition, self.region, self.cluster)
    }

    fn principal(&self) -> String {
        format!("arn:{}:iam::210987654321:user/console-{}", self.partition, self.region)
    }

    fn facts(&self) -> Facts {
        let registered = self.others.iter().map(|other| (self.region.to_owned(), (*other).to_owned()));
        let elsewhere =
            (self.other_regions != "none").then(|| ("us-west-2".to_owned(), "elsewhere".to_owned()));
        Facts {
            identity: Identity {
                partition: self.partition.to_owned(),
                account: ACCOUNT.to_owned(),
                arn: format!("arn:{}:iam::{ACCOUNT}:root", self.partition),
            },
            region: self.region.to_owned(),
            cluster: Cluster {
                status: "ACTIVE".to_owned(),
                endpoint: "https://example".to_owned(),
                certificate_authority: "Y2E=".to_owned(),
                authentication_mode: self.authentication_mode,
                vpc_id: VPC.to_owned(),
                subnet_ids: SUBNETS.map(str::to_owned).into(),
                security_group_id: CLUSTER_GROUP.to_owned(),
                public_access: self.is_open,
                private_access: true,
                ..Cluster::gone(self.cluster, self.arn())
            },
            function: None,
            register: registered.chain(elsewhere).collect::<BTreeSet<_>>(),
            earlier: PreviousRuns::default(),
        }
    }

    fn spec(&self) -> Spec {
        let is_role = self.mode == "role";
        let request = Request {
            cluster: self.cluster.to_owned(),
            mode: self.mode.to_owned(),
            principal: is_role.then(|| self.principal()),
            external_id: is_role.then(|| EXTERNAL_ID.to_owned()),
            documented_privilege: Some(!self.least_privilege),
            permissions_boundary: self.boundary.map(str::to_owned),
            log_retention_days: Some(self.log_retention_days.to_owned()),
            settings: self.settings.iter().map(|(name, _, value)| format!("{name}={value}")).collect(),
            ..Request::default()
        };
        let code = Code { sha256: String::new(), zip: Vec::new() };
        Spec {
            package: Some(Package { code, architecture: self.architecture }),
            ..request.validate().unwrap()
        }
    }

    /// The resources that the library creates.
    pub(crate) fn desired(&self) -> Vec<Resource> {
        desired(&self.spec(), &self.facts()).unwrap().present
    }

    pub(crate) fn scope(&self) -> Scope<'static> {
        let Self { partition, region, cluster, .. } = *self;
        Scope { partition, region, account: ACCOUNT, cluster, vpc_id: VPC, node_role: "", image_owners: &[] }
    }

    /// The templates with the parameters of this choice.
    pub(crate) fn stacks<'t>(&self, account: &'t Value, cluster: &'t Value) -> [Stack<'t>; 2] {
        [
            Stack::new(account, self.scope(), &self.account()),
            Stack::new(cluster, self.scope(), &self.parameters()),
        ]
    }

    /// Parameters of `account.yaml`.
    pub(crate) fn account(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("Cluster", self.cluster.to_owned()),
            ("OtherClusters", self.others.join(",")),
            ("OtherRegions", self.other_regions.to_owned()),
            ("CodeBucket", "bucket".to_owned()),
            ("CodeKey", "bootstrap.zip".to_owned()),
            ("Architecture", self.architecture.to_string()),
            ("Privilege", if self.least_privilege { "least" } else { "documented" }.to_owned()),
            ("LogRetentionDays", self.log_retention_days.to_owned()),
            ("Endpoints", format!(r#"{{"{}":{{"server":"https://example","ca":"Y2E="}}}}"#, self.cluster)),
        ];
        parameters.extend(self.boundary.map(|arn| ("PermissionsBoundary", arn.to_owned())));
        if !self.is_open {
            parameters.push(("VpcId", VPC.to_owned()));
            parameters.push(("SubnetIds", SUBNETS.join(",")));
        }
        parameters
            .extend(self.settings.iter().map(|(_, parameter, value)| (*parameter, (*value).to_owned())));
        parameters
    }

    /// Parameters of `cluster.yaml`.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let (cluster, arn) = (self.cluster, self.arn());
        let mode = match self.authentication_mode {
            AuthenticationMode::Api => "API",
            AuthenticationMode::ApiAndConfigMap => "API_AND_CONFIG_MAP",
            AuthenticationMode::ConfigMap => "CONFIG_MAP",
        };
        let mut parameters = vec![
            ("ClusterName", cluster.to_owned()),
            ("Suffix", names::suffix(&arn)),
            ("VpcId", VPC.to_owned()),
            ("AuthenticationMode", mode.to_owned()),
            ("Mode", self.mode.to_owned()),
            ("Privilege", if self.least_privilege { "least" } else { "documented" }.to_owned()),
        ];
        parameters.extend(self.boundary.map(|arn| ("PermissionsBoundary", arn.to_owned())));
        if self.mode == "role" {
            parameters.push(("PrincipalArn", self.principal()));
            parameters.push(("ExternalId", EXTERNAL_ID.to_owned()));
        }
        if !self.is_open {
            parameters.push(("ClusterSecurityGroupId", CLUSTER_GROUP.to_owned()));
            parameters.push(("HandlerSecurityGroupId", MADE_GROUP.to_owned()));
        }
        if cluster == LONG {
            parameters.push(("PrincipalName", names::principal(cluster, &arn)));
            parameters.push(("NodeRoleName", names::node_role(cluster, &arn)));
            parameters.push(("RestrictedPolicyName", names::restricted_policy(cluster, &arn)));
        }
        parameters
    }
}
