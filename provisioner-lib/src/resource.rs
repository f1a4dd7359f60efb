//! The closed set of things that onboarding makes: what each is called, what it needs first, what it looks like.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws_auth::{Mapping, Section};

mod manifest;
mod needs;

pub(crate) use manifest::id as manifest_id;
pub use manifest::{HIDDEN, Manifest};

/// The handler's setting that lists its clusters (docs/configuration.md).
pub const CLUSTERS_VARIABLE: &str = "CAST_SPOT_CLUSTERS";
/// AWS managed policy of functions in a VPC.
pub const VPC_ACCESS: &str = "AWSLambdaVPCAccessExecutionRole";

/// Tags, or labels.
pub type Tags = BTreeMap<String, String>;

/// Kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Customer managed IAM policy.
    Policy,
    /// IAM role.
    Role,
    /// IAM user.
    User,
    /// Managed policy on a role or user.
    Attachment,
    /// Inline policy of a role.
    InlinePolicy,
    /// Instance profile.
    InstanceProfile,
    /// Access key of a user.
    AccessKey,
    /// CloudWatch Logs log group.
    LogGroup,
    /// SQS queue.
    Queue,
    /// EC2 security group.
    SecurityGroup,
    /// Ingress rule of a security group.
    Ingress,
    /// Lambda function.
    Function,
    /// Version of a Lambda layer.
    Layer,
    /// Settings of a function's asynchronous invocations.
    InvokeConfig,
    /// Statement of a function's resource policy.
    Permission,
    /// EventBridge rule.
    Rule,
    /// Target of a rule.
    Target,
    /// EKS access entry.
    AccessEntry,
    /// Entry of the ConfigMap `aws-auth`.
    AwsAuth,
    /// Kubernetes ClusterRole.
    ClusterRole,
    /// Kubernetes ClusterRoleBinding.
    ClusterRoleBinding,
    /// Any object of Kubernetes; its name begins with what Kubernetes calls its kind.
    Manifest,
}

impl Kind {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Role => "role",
            Self::User => "user",
            Self::Attachment => "attachment",
            Self::InlinePolicy => "inline policy",
            Self::InstanceProfile => "instance profile",
            Self::AccessKey => "access key",
            Self::LogGroup => "log group",
            Self::Queue => "queue",
            Self::SecurityGroup => "security group",
            Self::Ingress => "ingress rule",
            Self::Function => "function",
            Self::Layer => "layer",
            Self::InvokeConfig => "invoke config",
            Self::Permission => "permission",
            Self::Rule => "rule",
            Self::Target => "target",
            Self::AccessEntry => "access entry",
            Self::AwsAuth => "aws-auth entry",
            Self::ClusterRole => "ClusterRole",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::Manifest => "object",
        }
    }
}

/// What a resource is known by: its kind and name. The name of a part has that of its whole in front.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Id {
    /// Kind.
    pub kind: Kind,
    /// Name.
    pub name: String,
}

impl Id {
    /// The id of `name`.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// Kind and name, as they are shown.
    #[must_use]
    pub fn words(&self) -> (&str, &str) {
        let own = || self.name.split_once('/').filter(|_| self.kind == Kind::Manifest);
        own().unwrap_or((self.kind.words(), &self.name))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.words();
        write!(f, "{kind} {name}")
    }
}

/// Who can have policies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// A role, by name.
    Role(String),
    /// A user, by name.
    User(String),
}

impl Principal {
    /// Name of the role or user.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Role(name) | Self::User(name) => name,
        }
    }

    /// Id of the role or user.
    #[must_use]
    pub fn id(&self) -> Id {
        match self {
            Self::Role(name) => Id::new(Kind::Role, name),
            Self::User(name) => Id::new(Kind::User, name),
        }
    }

    /// Its ARN in an account.
    #[must_use]
    pub fn arn(&self, partition: &str, account: &str) -> String {
        match self {
            Self::Role(name) => format!("arn:{partition}:iam::{account}:role/{name}"),
            Self::User(name) => format!("arn:{partition}:iam::{account}:user/{name}"),
        }
    }
}

/// The code of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// SHA-256 of the zip in base64, as Lambda shows it.
    pub sha256: String,
    /// The zip.
    #[serde(skip)]
    pub zip: Vec<u8>,
}

/// A function's place in a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The VPC.
    pub vpc_id: String,
    /// Its subnets.
    pub subnet_ids: Vec<String>,
    /// Name of the security group, in this VPC.
    pub security_group: String,
}

/// A resource, desired or observed. What is secret, and the code of a function, is not in its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields carry the names of the AWS and Kubernetes APIs")]
pub enum Resource {
    /// Customer managed IAM policy.
    Policy { arn: String, name: String, description: String, document: Value, tags: Tags },
    /// IAM role.
    Role { name: String, description: String, trust: Value, tags: Tags },
    /// IAM user.
    User { name: String, tags: Tags },
    /// Managed policy on a role or user.
    Attachment { principal: Principal, policy_arn: String },
    /// Inline policy of a role.
    InlinePolicy { role: String, name: String, document: Value },
    /// Instance profile with its one role.
    InstanceProfile { name: String, role: String, tags: Tags },
    /// Access key of a user. Its secret is shown once and kept nowhere.
    AccessKey { user: String, rotate: bool },
    /// CloudWatch Logs log group.
    LogGroup { name: String, retention_days: i32, tags: Tags },
    /// SQS queue.
    Queue { name: String, retention_seconds: u32, policy: Value, tags: Tags },
    /// EC2 security group.
    SecurityGroup { name: String, vpc_id: String, description: String, tags: Tags },
    /// TCP from the group called `from` into the group `to`.
    Ingress { from: String, vpc_id: String, to: String, port: u16 },
    /// Lambda function. Foreign environment variables and tags are left as they are.
    Function {
        name: String,
        role_arn: String,
        runtime: String,
        /// None: what is there is right.
        architecture: Option<String>,
        handler: String,
        memory_mb: i32,
        timeout_seconds: i32,
        environment: BTreeMap<String, String>,
        /// None: what is there is right.
        code: Option<Code>,
        dead_letter_arn: String,
        /// None: where it is, is right.
        network: Option<Network>,
        /// SHA-256 of our layer, if it has one. Other layers are left as they are.
        layer: Option<String>,
        tags: Tags,
    },
    /// Version of a Lambda layer. It cannot be changed: other content is another version.
    Layer { name: String, code: Code },
    /// Settings of a function's asynchronous invocations.
    InvokeConfig { function: String, maximum_event_age_seconds: i32, maximum_retry_attempts: i32 },
    /// Statement of a function's resource policy: a rule may invoke it.
    Permission { function: String, statement_id: String, principal: String, source_arn: String },
    /// EventBridge rule of the default bus: a pattern (else null) or a schedule.
    Rule { name: String, pattern: Value, schedule: Option<String>, description: String, tags: Tags },
    /// Target of a rule. With an input it is sent that, `<id>`, `<time>`, `<account>` and `<region>` filled in from
    /// the event; else the event.
    Target { rule: String, target_id: String, arn: String, dead_letter_arn: String, input: Option<Value> },
    /// EKS access entry, with the access policies (ARNs) that it has on the whole cluster.
    AccessEntry {
        cluster: String,
        principal: Principal,
        principal_arn: String,
        entry_type: String,
        groups: Vec<String>,
        policies: Vec<String>,
        tags: Tags,
    },
    /// Entry of the ConfigMap `aws-auth`.
    AwsAuth { principal: Principal, mapping: MappingFields },
    /// Kubernetes ClusterRole.
    ClusterRole { name: String, manifest: Value },
    /// Kubernetes ClusterRoleBinding.
    ClusterRoleBinding { name: String, manifest: Value },
    /// Any object of Kubernetes, by server-side apply. Fields that it does not name are left as they are.
    Manifest { manifest: Manifest },
}

/// [`Mapping`], as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields of aws-auth")]
pub struct MappingFields {
    pub users: bool,
    pub arn: String,
    pub username: String,
    pub groups: Vec<String>,
}

impl From<&MappingFields> for Mapping {
    fn from(fields: &MappingFields) -> Self {
        Self {
            section: if fields.users { Section::MapUsers } else { Section::MapRoles },
            arn: fields.arn.clone(),
            username: fields.username.clone(),
            groups: fields.groups.clone(),
        }
    }
}

impl Resource {
    /// What it is known by.
    #[must_use]
    pub fn id(&self) -> Id {
        match self {
            Self::Policy { name, .. } => Id::new(Kind::Policy, name),
            Self::Role { name, .. } => Id::new(Kind::Role, name),
            Self::User { name, .. } => Id::new(Kind::User, name),
            Self::Attachment { principal, policy_arn } => attachment(principal, policy_arn),
            Self::InlinePolicy { role, name, .. } => Id::new(Kind::InlinePolicy, format!("{role}/{name}")),
            Self::InstanceProfile { name, .. } => Id::new(Kind::InstanceProfile, name),
            Self::AccessKey { user, .. } => Id::new(Kind::AccessKey, user),
            Self::LogGroup { name, .. } => Id::new(Kind::LogGroup, name),
            Self::Queue { name, .. } => Id::new(Kind::Queue, name),
            Self::SecurityGroup { name, vpc_id, .. } => {
                Id::new(Kind::SecurityGroup, format!("{vpc_id}/{name}"))
            }
            Self::Ingress { from, to, port, .. } => Id::new(Kind::Ingress, format!("{to}/{from}:{port}")),
            Self::Function { name, .. } => Id::new(Kind::Function, name),
            Self::Layer { name, code } => layer(name, &code.sha256),
            Self::InvokeConfig { function, .. } => Id::new(Kind::InvokeConfig, function),
            Self::Permission { function, statement_id, .. } => {
                Id::new(Kind::Permission, format!("{function}/{statement_id}"))
            }
            Self::Rule { name, .. } => Id::new(Kind::Rule, name),
            Self::Target { rule, target_id, .. } => Id::new(Kind::Target, format!("{rule}/{target_id}")),
            Self::AccessEntry { cluster, principal, .. } => {
                Id::new(Kind::AccessEntry, format!("{cluster}/{}", principal.name()))
            }
            Self::AwsAuth { principal, .. } => Id::new(Kind::AwsAuth, principal.name()),
            Self::ClusterRole { name, .. } => Id::new(Kind::ClusterRole, name),
            Self::ClusterRoleBinding { name, .. } => Id::new(Kind::ClusterRoleBinding, name),
            Self::Manifest { manifest } => manifest.id(),
        }
    }

    /// Its tags, where it can have any.
    #[must_use]
    pub fn tags(&self) -> Option<&Tags> {
        match self {
            Self::Policy { tags, .. }
            | Self::Role { tags, .. }
            | Self::User { tags, .. }
            | Self::InstanceProfile { tags, .. }
            | Self::LogGroup { tags, .. }
            | Self::Queue { tags, .. }
            | Self::SecurityGroup { tags, .. }
            | Self::Function { tags, .. }
            | Self::Rule { tags, .. }
            | Self::AccessEntry { tags, .. } => Some(tags),
            _ => None,
        }
    }
}

/// Fields of an event that an input of a target can name as `<field>`, and where they are in the event.
#[must_use]
pub fn input_paths() -> BTreeMap<String, String> {
    ["account", "id", "region", "time"].map(|field| (field.to_owned(), format!("$.{field}"))).into()
}

/// Id of the version of a layer that has this content. It shows as much of the hash as tells it apart.
#[must_use]
pub fn layer(name: &str, sha256: &str) -> Id {
    Id::new(Kind::Layer, format!("{name}/{}", sha256.get(..12).unwrap_or(sha256)))
}

/// Id of a managed policy on a role or user.
#[must_use]
pub fn attachment(principal: &Principal, policy_arn: &str) -> Id {
    // A user may be called as a role is.
    let whole = match principal {
        Principal::Role(name) => name.clone(),
        Principal::User(name) => format!("user/{name}"),
    };
    Id::new(Kind::Attachment, format!("{whole}/{}", last(policy_arn)))
}

/// What stands behind the last slash of an ARN.
#[must_use]
pub fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
