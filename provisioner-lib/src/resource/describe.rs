//! What each kind of resource states about itself.

use super::{
    changes::Changes,
    kind::{Id, Kind, Tags},
};

/// The properties of a kind that plans follow.
pub trait Describe {
    /// Whether one of them serves all clusters, so that a cluster's tag on it does not make it that cluster's.
    const SERVES_ALL: bool = false;

    /// The name in its [`Id`].
    fn id_name(&self) -> String;

    /// Tags, where it can have any.
    fn tags(&self) -> Option<&Tags> {
        None
    }

    /// The same, to be changed.
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        None
    }

    /// The label that marks an object of Kubernetes as managed by cast-spot.
    fn owner_label(&self) -> Option<&'static str> {
        None
    }

    /// Resources that have to exist before it is created, and may go only after it. AWS managed policies are in no
    /// plan and never waited for. The first one is the whole that a part belongs to.
    fn needs(&self) -> Vec<Id> {
        Vec::new()
    }

    /// Kinds of which everything that is created or updated in the same plan comes before it is.
    fn follows(&self) -> &'static [Kind] {
        &[]
    }

    /// Adds the fields in which `found` differs, tags aside.
    fn compare(&self, found: &Self, changes: &mut Changes);

    /// Fields that cannot be changed: the resource has to be replaced.
    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The tags of a type with a field of this name.
macro_rules! tagged {
    () => {
        fn tags(&self) -> Option<&super::Tags> {
            Some(&self.tags)
        }

        fn tags_mut(&mut self) -> Option<&mut super::Tags> {
            Some(&mut self.tags)
        }
    };
}

/// The name of a type: its fields of these names.
macro_rules! named {
    ($($field:ident)/+) => {
        fn id_name(&self) -> String {
            [$(&*self.$field),+].join("/")
        }
    };
}

/// What a type needs: the resources that its fields of these names name.
macro_rules! needs {
    ($($kind:ident: $field:ident),+) => {
        fn needs(&self) -> Vec<super::Id> {
            vec![$(super::Id::new(super::Kind::$kind, &self.$field)),+]
        }
    };
}

/// The fields that are compared, and how: each by the function of [`Changes`] of that name.
macro_rules! compared {
    ($($field:ident: $how:ident),+) => {
        fn compare(&self, found: &Self, changes: &mut super::Changes) {
            compared!(changes, self, found; $($field: $how),+);
        }
    };
    ($changes:ident, $wanted:expr, $found:expr; $($field:ident: $how:ident),+) => {
        $($changes.$how(stringify!($field), &$wanted.$field, &$found.$field);)+
    };
}
pub(crate) use {compared, named, needs, tagged};
