//! Conditions on a request, in one form for what policies allow and for what they should allow.

use std::collections::{BTreeMap, BTreeSet};

use super::cases::Pattern;

/// The resource's ARN, as if it were a key of the context.
pub(crate) const RESOURCE: &str = "resource";

/// How the values of a key are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The value, of a key that has one.
    One,
    /// Each value; true without any.
    Each,
    /// One of the values.
    Some,
}

/// A key of the request's context.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// One name for keys that are the same to IAM: letter case has no meaning, and services have names of their own for
    /// the tags of a resource.
    pub(crate) id: String,
    /// As the policy has it.
    pub(crate) name: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    /// Whether values of the key match one of the patterns.
    Test {
        key: Key,
        over: Over,
        patterns: Vec<Pattern>,
    },
}

pub(crate) const fn yes() -> Expression {
    Expression::All(Vec::new())
}

pub(crate) const fn no() -> Expression {
    Expression::Any(Vec::new())
}

pub(crate) fn all(parts: impl IntoIterator<Item = Expression>) -> Expression {
    Expression::All(parts.into_iter().collect())
}

pub(crate) fn any(parts: impl IntoIterator<Item = Expression>) -> Expression {
    Expression::Any(parts.into_iter().collect())
}

pub(crate) fn not(part: Expression) -> Expression {
    Expression::Not(Box::new(part))
}

pub(crate) fn test(key: &str, over: Over, patterns: Vec<Pattern>) -> Expression {
    let id = key.to_ascii_lowercase();
    let id = match id.split_once(":resourcetag/") {
        Some((_, tag)) => format!("aws:resourcetag/{tag}"),
        None => id,
    };
    Expression::Test { key: Key { id, name: key.to_owned() }, over, patterns }
}

/// Whether the key has a value.
pub(crate) fn present(key: &str) -> Expression {
    test(key, Over::Some, vec![Pattern::any()])
}

/// The key in the table: `aws:resourcetag/a` is `aws:resourcetag`.
pub(crate) fn plain(key: &str) -> &str {
    key.split_once("tag/").map_or(key, |(before, _)| &key[..before.len() + 3])
}

/// By the id of a key: its name, and what it is compared with.
pub(crate) type Compared = BTreeMap<String, (String, BTreeSet<Pattern>)>;

impl Expression {
    /// Adds the name and the patterns of each key to `found`.
    pub(crate) fn collect(&self, found: &mut Compared) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.collect(found)),
            Self::Not(part) => part.collect(found),
            Self::Test { key, patterns, .. } => {
                let (_, known) =
                    found.entry(key.id.clone()).or_insert_with(|| (key.name.clone(), BTreeSet::new()));
                known.extend(patterns.iter().cloned());
            }
        }
    }
}
