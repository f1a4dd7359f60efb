//! The kinds of resources, and what a resource is known by.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

/// Tags, or labels.
pub type Tags = BTreeMap<String, String>;

/// The list of all kinds: the folder of each, and its type. Calls a macro with it, after the macro's own arguments.
macro_rules! every_kind {
    ([$($macro:tt)+] $($arguments:tt)*) => {
        $($macro)+! {
            [$($arguments)*]
            policy: Policy,
            role: Role,
            user: User,
            attachment: Attachment,
            inline_policy: InlinePolicy,
            instance_profile: InstanceProfile,
            access_key: AccessKey,
            log_group: LogGroup,
            queue: Queue,
            security_group: SecurityGroup,
            ingress: Ingress,
            function: Function,
            layer: Layer,
            invoke_config: InvokeConfig,
            permission: Permission,
            rule: Rule,
            target: Target,
            access_entry: AccessEntry,
            aws_auth: AwsAuth,
            manifest: Manifest,
        }
    };
}

macro_rules! kinds {
    ([] $($folder:ident: $kind:ident,)*) => {
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
