//! The request, read and validated once. Nothing behind it sees a raw string.

mod account;
mod place;

use std::collections::BTreeMap;

use cast_spot_infra::{partitions::Partition, settings::NAMES};
use serde::Serialize;

use crate::{
    endpoints::{ENDPOINTS_VARIABLE, layer::FILE_VARIABLE},
    fault::Faults,
    names::CLUSTERS_VARIABLE,
    package::{Architecture, Package},
    resource::Tags,
};

pub(crate) use account::is_choosable;
pub use account::{boundary, image_owners};
pub(crate) use place::is_account;
pub use place::{account_problem, cluster_problem, region_problem};

const REPLACEMENT_VARIABLE: &str = "CAST_SPOT_REPLACEMENT";

/// How the cluster is managed from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Access {
    /// A role that another account may assume.
    Role {
        /// ARN of the user, role or account root that may.
        principal: String,
        /// `sts:ExternalId`, always required: without it, the owner of the principal could be tricked into
        /// using the role for another customer ("The confused deputy problem" in the IAM User Guide).
        external_id: String,
    },
    /// A user with an access key.
    User {
        /// Make a new key, then disable the old one.
        rotate_key: bool,
        /// Administrator of the cluster, instead of what `infra/kubernetes/manager.yaml` grants.
        cluster_admin: bool,
    },
}

/// What the cluster's principal and the function's role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// The principal manages nodes, and neither functions nor roles; the function's role has what the handler calls.
    #[default]
    Least,
    /// All that CAST AI's documentation grants: the principal may replace the function, and make the node role again;
    /// the function's role has three AWS managed policies.
    Documented,
}

/// A request as it comes from a form, a command line or a file.
#[expect(clippy::struct_excessive_bools, reason = "independent choices, each with each other")]
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Name of the EKS cluster.
    pub cluster: String,
    /// `role` or `user`; empty means `role`.
    pub mode: String,
    /// See [`Access::Role`].
    pub principal: Option<String>,
    /// See [`Access::Role`].
    pub external_id: Option<String>,
    /// See [`Access::User`].
    pub rotate_key: bool,
    /// See [`Access::User`]. It is a choice of each onboarding: one that leaves it out takes it back.
    pub cluster_admin: bool,
    /// See [`Privilege`]; None: as it was chosen, else least.
    pub documented_privilege: Option<bool>,
    /// Days for which the function's log is kept; None: as it is, else 30.
    pub log_retention_days: Option<String>,
    /// Settings of the function, `NAME=VALUE`.
    pub settings: Vec<String>,
    /// The function's zip.
    pub package: Option<Vec<u8>>,
    /// Where the zip was looked for, for messages.
    pub package_name: String,
    /// `x86_64` or `arm64`; empty means the zip's own.
    pub architecture: Option<String>,
    /// Make objects of the same names ours.
    pub adopt: bool,
    /// Put a function that serves other clusters into the VPC of this one.
    pub move_function: bool,
    /// See [`Spec::permissions_boundary`].
    pub permissions_boundary: Option<String>,
    /// See [`Spec::tags`]; `KEY=VALUE`.
    pub tags: Vec<String>,
    /// See [`Spec::image_owners`].
    pub image_owners: Vec<String>,
}

/// A request that can be worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Name of the EKS cluster.
    pub cluster: String,
    /// How the cluster is managed from outside.
    pub access: Access,
    /// What the principal and the function's role may do; None: as it was chosen for this cluster, else least.
    pub privilege: Option<Privilege>,
    /// Days for which the function's log is kept, of all clusters of the region; 0: forever. None, and it stays as
    /// it is.
    pub log_retention_days: Option<i32>,
    /// Settings of the function.
    pub settings: BTreeMap<String, String>,
    /// The function, where it was given: an existing one then keeps its code.
    pub package: Option<Package>,
    /// Make objects of the same names ours.
    pub adopt: bool,
    /// Put a function that serves other clusters into the VPC of this one: its subnets have a way out to them.
    pub move_function: bool,
    /// ARN of the permissions boundary of all roles and users; None: that of the function's role, if it has one.
    pub permissions_boundary: Option<String>,
    /// Tags of everything that is made and can have tags, beside our own.
    pub tags: Tags,
    /// Accounts whose images the principal may launch, beside Amazon's; None: as it was chosen, else none.
    pub image_owners: Option<Vec<String>>,
}

impl Spec {
    /// A request without any choice but these.
    #[must_use]
    pub fn new(cluster: impl Into<String>, access: Access) -> Self {
        Self {
            cluster: cluster.into(),
            access,
            privilege: None,
            log_retention_days: None,
            settings: BTreeMap::new(),
            package: None,
            adopt: false,
            move_function: false,
            permissions_boundary: None,
            tags: Tags::new(),
            image_owners: None,
        }
    }
}

/// What CloudWatch Logs takes (`PutRetentionPolicy` in its API reference).
const RETENTIONS: [i32; 23] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    0,
];

impl Request {
    /// Reads it, or says all that is wrong.
    pub fn validate(self) -> Result<Spec, Faults> {
        let mut faults = Faults::default();
        if let Some(problem) = cluster_problem(&self.cluster) {
            faults.add("cluster", &self.cluster, problem, "`aws eks list-clusters` shows the names");
        }
        let access = access(&self, &mut faults);
        let log_retention_days = retention(self.log_retention_days.as_deref(), &mut faults);
        let settings = settings(&self.settings, &mut faults);
        let tags = account::tags(&self.tags, &mut faults);
        let image_owners = account::image_owners(&self.image_owners, &mut faults);
        let permissions_boundary = account::boundary(self.permissions_boundary.as_deref(), &mut faults);
        let package = self.package.as_deref().and_then(|zip| {
            let wanted = self.architecture.as_deref().map(str::parse::<Architecture>).transpose();
            let read = wanted.and_then(|wanted| Package::read(zip, wanted));
            read.map_err(|problem| {
                faults.add(
                    "zip",
                    &self.package_name,
                    problem,
                    "`cargo build-lambda --output-format zip` builds it; with --arm64 for Graviton",
                );
            })
            .ok()
        });
        let Some(access) = access else { return Err(faults) };
        let privilege = |documented| if documented { Privilege::Documented } else { Privilege::Least };
        faults.or(Spec {
            cluster: self.cluster,
            access,
            privilege: self.documented_privilege.map(privilege),
            log_retention_days,
            settings,
            package,
            adopt: self.adopt,
            move_function: self.move_function,
            permissions_boundary,
            tags,
            image_owners,
        })
    }
}

fn access(request: &Request, faults: &mut Faults) -> Option<Access> {
    match request.mode.as_str() {
        "" | "role" => {
            let trusted =
                trusted(request.principal.as_deref(), request.external_id.as_deref(), "mode `role`", faults);
            if request.rotate_key {
                let problem = "a role has no access key";
                faults.add("rotate-key", "", problem, "give `--mode user` with it");
            }
            if request.cluster_admin {
                let problem = "a role does not get into the cluster";
                faults.add("cluster-admin", "", problem, "leave it out, or give `--mode user` with it");
            }
            let (principal, external_id) = trusted?;
            (!request.rotate_key && !request.cluster_admin).then_some(Access::Role { principal, external_id })
        }
        "user" => {
            for (field, value) in [("principal", &request.principal), ("external-id", &request.external_id)] {
                if let Some(value) = value {
                    let hint = "leave it out, or give `--mode role`";
                    faults.add(field, value, "only a role is assumed by a principal", hint);
                }
            }
            Some(Access::User { rotate_key: request.rotate_key, cluster_admin: request.cluster_admin })
        }
        other => {
            faults.add("mode", other, "neither `role` nor `user`", "`role` is the usual one");
            None
        }
    }
}

const PRINCIPAL_HINT: &str = "the console that will manage the cluster shows it, such as arn:aws:iam::123456789012:user/cast-crossrole-prod";
const EXTERNAL_ID_HINT: &str =
    "use the cluster's id in the console, or any text that only the two sides know";

/// The principal and the external id of a trust policy, or all that is wrong with them. `place` is where both are needed.
pub(crate) fn trusted(
    principal: Option<&str>,
    external_id: Option<&str>,
    place: &str,
    faults: &mut Faults,
) -> Option<(String, String)> {
    let before = faults.0.len();
    let mut required = |field: &str, value: Option<&str>, hint: &str| {
        let given = value.map(str::trim).filter(|value| !value.is_empty());
        if given.is_none() {
            faults.add(field, "", format!("missing, and needed in {place}"), hint);
        }
        given.map(str::to_owned)
    };
    let principal = required("principal", principal, PRINCIPAL_HINT);
    let external_id = required("external-id", external_id, EXTERNAL_ID_HINT);
    if let Some(arn) = &principal
        && !is_principal(arn)
    {
        let problem = "not the ARN of an IAM user, role or account root";
        faults.add("principal", arn, problem, PRINCIPAL_HINT);
    }
    // `AssumeRole` in the STS API reference.
    if let Some(id) = &external_id
        && (id.len() < 2 || id.len() > 1224 || !id.chars().all(is_external_id))
    {
        let problem = "not 2 to 1,224 letters, digits and +=,.@:/-_";
        faults.add("external-id", id, problem, EXTERNAL_ID_HINT);
    }
    let trusted = (principal?, external_id?);
    (faults.0.len() == before).then_some(trusted)
}

/// Partition of the ARN of an IAM principal.
pub(crate) fn partition_of(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or_default()
}

fn is_principal(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [arn, partition, "iam", "", account, resource] = parts[..] else { return false };
    let path = resource.strip_prefix("user/").or_else(|| resource.strip_prefix("role/"));
    arn == "arn"
        && Partition::named(partition).is_some()
        && is_account(account)
        && (resource == "root" || path.is_some_and(is_iam_name))
}

/// A name with its path: no `*` of a pattern, no `$` of a variable ("IAM identifiers" in the IAM User Guide).
fn is_iam_name(path: &str) -> bool {
    !path.is_empty() && path.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_/-".contains(c))
}

fn is_external_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@:/-_".contains(c)
}

fn retention(text: Option<&str>, faults: &mut Faults) -> Option<i32> {
    let text = text?;
    let days = text.parse().ok().filter(|days| RETENTIONS.contains(days));
    if days.is_none() {
        let hint = "1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 and some more; 0 keeps it forever";
        faults.add("log-retention-days", text, "not a retention of CloudWatch Logs", hint);
    }
    days
}

fn settings(given: &[String], faults: &mut Faults) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for setting in given {
        let hint = "docs/configuration.md lists the settings";
        match setting.split_once('=') {
            Some((CLUSTERS_VARIABLE | ENDPOINTS_VARIABLE | FILE_VARIABLE, _)) => {
                let problem = "follows from the clusters that are onboarded";
                faults.add("env", setting, problem, "leave it out");
            }
            Some((REPLACEMENT_VARIABLE, "launch")) => {
                let problem = "needs rights that the function's role does not have";
                faults.add("env", setting, problem, "use CAST_SPOT_REPLACEMENT=auto");
            }
            Some((name, _)) if name.starts_with(OWN) && !NAMES.contains(&name) => {
                faults.add("env", setting, "not a setting of the function", hint);
            }
            Some((name, value)) if is_variable(name) => {
                settings.insert(name.to_owned(), value.to_owned());
            }
            _ => faults.add("env", setting, "not NAME=VALUE", hint),
        }
    }
    settings
}

/// Start of the names of the handler's own settings.
const OWN: &str = "CAST_SPOT_";

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests;
