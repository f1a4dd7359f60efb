//! Tags as they are to be, from the changes of a plan: what goes in, what goes out, and nothing foreign.

use crate::{
    resource::Change,
    resource::{Resource, Tags},
};

/// What is done about tags.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TagChanges {
    /// Put on, or changed.
    pub(super) set: Tags,
    /// Taken off.
    pub(super) removed: Vec<String>,
}

impl TagChanges {
    /// Those among `changes`.
    pub(super) fn of(wanted: &Resource, changes: &[Change]) -> Self {
        let mut tags = Self::default();
        for key in changes.iter().filter_map(|change| change.field.strip_prefix("tags.")) {
            match wanted.tags().and_then(|tags| tags.get(key)) {
                Some(value) => {
                    tags.set.insert(key.to_owned(), value.clone());
                }
                None => tags.removed.push(key.to_owned()),
            }
        }
        tags
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

/// Whether one of `changes` is in `field`, or in a part of it.
pub(super) fn touches(changes: &[Change], field: &str) -> bool {
    changes.iter().any(|change| {
        change.field.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::User;

    #[test]
    fn tags_that_are_not_among_the_changes_stay() {
        let tags = Tags::from(
            [("cast-spot:managed", "cast-spot"), ("cast-spot:region", "r")]
                .map(|(k, v)| (k.into(), v.into())),
        );
        let user = Resource::User(User { name: "u".into(), tags });
        let change = |field: &str| Change { field: field.into(), from: String::new(), to: String::new() };
        let found = TagChanges::of(
            &user,
            &[change("tags.cast-spot:region"), change("tags.cast-spot:old"), change("trust")],
        );
        assert_eq!(found.set, Tags::from([("cast-spot:region".to_owned(), "r".to_owned())]));
        assert_eq!(found.removed, ["cast-spot:old"]);
        assert!(
            touches(&[change("manifest.rules")], "manifest") && !touches(&[change("policies")], "policy")
        );
    }
}
