//! The closed set of resources that onboarding manages: a folder for each kind, with its fields, its identity, its
//! order among the others and its comparison.

#![expect(missing_docs, reason = "fields of resources carry the names of the AWS and Kubernetes APIs")]

use serde::{Deserialize, Serialize};

mod access_entry;
mod access_key;
mod attachment;
mod aws_auth;
mod changes;
mod code;
mod describe;
pub(crate) mod function;
mod ingress;
mod inline_policy;
mod instance_profile;
mod invoke_config;
mod kind;
pub(crate) mod layer;
mod log_group;
mod manifest;
mod permission;
mod policy;
mod principal;
mod queue;
mod role;
mod rule;
mod security_group;
mod shell;
mod target;
mod user;

pub use crate::aws_auth::Mapping;
pub use changes::{Change, Changes, TagChanges, touches};
pub use code::{Code, CodeRecord};
pub use describe::Describe;
pub(crate) use describe::{compared, named, needs, tagged};
pub use function::Network;
pub use kind::{Id, Kind, Service, Tags};
pub(crate) use manifest::manifest_id;
pub use manifest::{HIDDEN, RECREATE_REASON};
pub use principal::Principal;
#[cfg(test)]
pub(crate) use shell::Values;
pub(crate) use shell::{Context, TemplateValues, commands, quoted};
pub use target::input_paths;

/// Matches a [`Resource`] of any kind: `each!(resource, it => it.tags())`.
macro_rules! each {
    ($($arguments:tt)*) => { $crate::resource::every_kind!([$crate::resource::match_resource] $($arguments)*) };
}
macro_rules! match_resource {
    ([$resource:expr, $it:ident => $then:expr] $($folder:ident: $kind:ident, $service:ident, $label:literal;)*) => {
        match $resource { $($crate::resource::Resource::$kind($it) => $then,)* }
    };
}

macro_rules! resources {
    ([] $($folder:ident: $kind:ident, $service:ident, $label:literal;)*) => {
        $(pub use $folder::$kind;)*

        /// A resource, desired or observed. Secrets and the code of a function are not in its JSON.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        #[expect(clippy::large_enum_variant, reason = "a plan has some fifty, one of them a function")]
        pub enum Resource {
            $($kind($kind),)*
        }

        $(impl From<$kind> for Resource {
            fn from(resource: $kind) -> Self {
                Self::$kind(resource)
            }
        })*

        impl Kind {
            /// The templates of its commands.
            pub(crate) fn command_templates(self) -> &'static str {
                match self { $(Self::$kind => include_str!(concat!(stringify!($folder), "/commands.txt")),)* }
            }

            /// The template of what CloudFormation makes of it.
            pub(crate) fn cloudformation_template(self) -> &'static str {
                match self { $(Self::$kind => include_str!(concat!(stringify!($folder), "/cloudformation.yaml")),)* }
            }

            /// See [`Describe::SERVES_ALL`].
            #[must_use]
            pub fn serves_all(self) -> bool {
                match self { $(Self::$kind => $kind::SERVES_ALL,)* }
            }
        }

        impl Resource {
            /// Kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            /// The fields in which `found`, of the same kind, differs from what is wanted.
            #[must_use]
            pub fn changes(&self, found: &Self) -> Vec<Change> {
                let mut changes = Changes::default();
                match (self, found) {
                    $((Self::$kind(wanted), Self::$kind(found)) => wanted.compare(found, &mut changes),)*
                    _ => {}
                }
                if let (Some(wanted), Some(found)) = (self.tags(), found.tags()) {
                    changes.tags(wanted, found);
                }
                changes.0
            }
        }
    };
}
pub(crate) use {each, kind::every_kind, match_resource};

every_kind!([resources]);

impl Resource {
    /// Its identity.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::new(self.kind(), each!(self, it => it.id_name()))
    }

    /// See [`Describe::tags`].
    #[must_use]
    pub fn tags(&self) -> Option<&Tags> {
        each!(self, it => it.tags())
    }

    /// See [`Describe::tags_mut`].
    pub fn tags_mut(&mut self) -> Option<&mut Tags> {
        each!(self, it => it.tags_mut())
    }

    /// See [`Describe::owner_label`].
    #[must_use]
    pub fn owner_label(&self) -> Option<&'static str> {
        each!(self, it => it.owner_label())
    }

    /// See [`Describe::needs`].
    #[must_use]
    pub fn needs(&self) -> Vec<Id> {
        each!(self, it => it.needs())
    }

    /// See [`Describe::follows`].
    #[must_use]
    pub fn follows(&self) -> &'static [Kind] {
        each!(self, it => it.follows())
    }

    /// Why the resource has to be replaced, if one of the changes is in a field that cannot be changed.
    #[must_use]
    pub fn immutable_change(&self, changes: &[Change]) -> Option<String> {
        let immutable = each!(self, it => it.immutable());
        let change = changes.iter().find(|change| immutable.contains(&change.field.as_str()))?;
        Some(format!("{} cannot be changed from {} to {}", change.field, change.from, change.to))
    }
}

/// The part of an ARN behind its last slash.
#[must_use]
pub fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Kind;

    #[test]
    fn each_kind_has_its_folder() {
        for (kind, folder) in Kind::ALL {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/resource").join(folder).join("mod.rs");
            assert!(file.is_file(), "{kind:?}: {}", file.display());
        }
    }
}
