//! The kinds of resources, and what a resource is known by.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

/// Tags, or labels.
pub type Tags = BTreeMap<String, String>;

/// The list of all kinds: the folder of each, its type, its API and its label. Calls a macro with it, after the macro's
/// own arguments.
macro_rules! every_kind {
    ([$($macro:tt)+] $($arguments:tt)*) => {
        $($macro)+! {
            [$($arguments)*]
            policy: Policy, Iam, "policy";
            role: Role, Iam, "role";
            user: User, Iam, "user";
            attachment: Attachment, Iam, "attachment";
            inline_policy: InlinePolicy, Iam, "inline policy";
            instance_profile: InstanceProfile, Iam, "instance profile";
            access_key: AccessKey, Iam, "access key";
            log_group: LogGroup, Logs, "log group";
            queue: Queue, Sqs, "queue";
            security_group: SecurityGroup, Ec2, "security group";
            ingress: Ingress, Ec2, "ingress rule";
            function: Function, Lambda, "function";
            layer: Layer, Lambda, "layer";
            invoke_config: InvokeConfig, Lambda, "invoke config";
            permission: Permission, Lambda, "permission";
            rule: Rule, Events, "rule";
            target: Target, Events, "target";
            access_entry: AccessEntry, Eks, "access entry";
            aws_auth: AwsAuth, Kubernetes, "aws-auth entry";
            manifest: Manifest, Kubernetes, "object";
        }
    };
}

macro_rules! kinds {
    ([] $($folder:ident: $kind:ident, $service:ident, $label:literal;)*) => {
        /// Kinds of resources.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "documented where the type of the kind is")]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// All kinds, each with its folder in `resource`.
            pub const ALL: &[(Self, &str)] = &[$((Self::$kind, stringify!($folder)),)*];

            /// The kind, as it is shown.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$kind => $label,)*
                }
            }

            /// The API that it belongs to.
            #[must_use]
            pub fn service(self) -> Service {
                match self {
                    $(Self::$kind => Service::$service,)*
                }
            }
        }
    };
}
pub(crate) use every_kind;

every_kind!([kinds]);

/// The API that a kind belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// AWS Identity and Access Management.
    Iam,
    /// Amazon EKS.
    Eks,
    /// AWS Lambda.
    Lambda,
    /// Amazon EventBridge.
    Events,
    /// Amazon CloudWatch Logs.
    Logs,
    /// Amazon SQS.
    Sqs,
    /// Amazon EC2.
    Ec2,
    /// The API server of the cluster.
    Kubernetes,
}

/// The identity of a resource: its kind and name. The name of a part begins with that of its whole.
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
    pub fn labels(&self) -> (&str, &str) {
        let own = || self.name.split_once('/').filter(|_| self.kind == Kind::Manifest);
        own().unwrap_or((self.kind.label(), &self.name))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.labels();
        write!(f, "{kind} {name}")
    }
}
