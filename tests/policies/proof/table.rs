//! AWS's Service Authorization Reference, as service-authorization.py has written it: what each action works on, and
//! which condition keys its requests carry.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use cast_spot_tests::root;
use serde::Deserialize;

use super::{cases::Pattern, expression::plain};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) package: String,
    pub(crate) date: String,
    /// The actions for which it was written, with their wildcards.
    pub(crate) asked: BTreeSet<String>,
    /// Keys that have several values in a request.
    several: BTreeSet<String>,
    /// Forms of ARNs, by `service:resource type`.
    arns: BTreeMap<String, String>,
    actions: BTreeMap<String, Action>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    access: String,
    /// Keys on every resource type.
    keys: BTreeSet<String>,
    /// Further keys of each resource type.
    on: BTreeMap<String, BTreeSet<String>>,
}

/// An action on a resource type: the unit of IAM's authorization.
#[derive(Debug, Clone)]
pub(crate) struct Pair<'a> {
    pub(crate) action: &'a str,
    /// Empty, if the action has no resource.
    pub(crate) kind: &'a str,
    /// The form of the resource's ARN.
    pub(crate) form: Pattern,
    /// Whether it is more than a read.
    pub(crate) writes: bool,
    /// Keys that its requests may carry, in lower case.
    keys: BTreeSet<String>,
    several: BTreeSet<String>,
}

/// Keys that the table has for no action. "AWS global condition context keys" in the IAM User Guide, and "Using source
/// function ARN to control function access behavior" in the Lambda Developer Guide.
pub(crate) const REGION: &str = "aws:requestedregion";
const EVERYWHERE: [&str; 3] = [REGION, "aws:principaltag", "lambda:sourcefunctionarn"];

impl Table {
    pub(crate) fn read() -> Self {
        let file = root().join("tests/policies/service-authorization.json");
        serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
    }

    /// All pairs of the actions that match, which may have wildcards.
    pub(crate) fn pairs(&self, action: &str, partition: &str) -> Vec<Pair<'_>> {
        let wanted = Pattern::glob(action).ignoring_case();
        let actions = self.actions.iter().filter(|(name, _)| wanted.matches(name));
        let pairs = actions.flat_map(|(name, action)| {
            let service = name.split(':').next().unwrap();
            action.on.iter().map(move |(kind, more)| {
                let arn = self.arns.get(&format!("{service}:{kind}")).map_or("*", String::as_str);
                // All but the actions on tags name a log group so ("CloudWatch Logs resources and operations" in the
                // CloudWatch Logs User Guide).
                let end = if kind == "log-group" && !name.contains("Tag") { ":*" } else { "" };
                Pair {
                    action: name,
                    kind,
                    form: Pattern::form(&format!("{arn}{end}"), partition),
                    writes: !["Read", "List"].contains(&&action.access[..]),
                    keys: action.keys.union(more).map(|key| key.to_ascii_lowercase()).collect(),
                    several: self.several.iter().map(|key| key.to_ascii_lowercase()).collect(),
                }
            })
        });
        pairs.collect()
    }
}

impl Pair<'_> {
    pub(crate) fn carries(&self, key: &str) -> bool {
        self.keys.contains(plain(key)) || EVERYWHERE.contains(&plain(key))
    }

    /// Whether the key has several values in a request.
    pub(crate) fn has_several(&self, key: &str) -> bool {
        self.several.contains(key)
    }
}
