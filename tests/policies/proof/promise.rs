//! What a caller promises, in the language of conditions. Of each write that a policy allows, one of the rules of
//! `belongs` is true, and all of `bounds`.

use super::{
    cases::Pattern,
    expression::{Expression, Over, RESOURCE, any, not, test},
    table::Pair,
};
use crate::calls::ACCOUNT;

/// A rule for some actions on some resource types; without types, on all.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    actions: &'static [&'static str],
    kinds: &'static [&'static str],
    when: Expression,
}

#[derive(Debug, Clone)]
pub(crate) struct Promise {
    /// What a write may touch: one of them.
    pub(crate) belongs: Vec<Rule>,
    /// What a write may hand over or set: all of them.
    pub(crate) bounds: Vec<Rule>,
}

pub(crate) const OUTSIDE: &str = "touches nothing outside of the cluster";

impl Rule {
    fn concerns(&self, pair: &Pair) -> bool {
        let acts = |wanted: &&str| Pattern::glob(wanted).matches(pair.action);
        let is = self.kinds.is_empty() || self.kinds.contains(&pair.kind);
        is && self.actions.iter().any(acts)
    }
}

impl Promise {
    /// The parts of the promise that concern the pair, each with the requests that break it.
    pub(crate) fn broken(&self, pair: &Pair) -> Vec<(&'static str, Expression)> {
        let concern = |rule: &&Rule| rule.concerns(pair);
        let bounds = self.bounds.iter().filter(concern).map(|rule| (rule.name, not(rule.when.clone())));
        [(OUTSIDE, not(self.belongs(pair, None)))].into_iter().chain(bounds).collect()
    }

    /// Whether the request's resource belongs to the cluster by one of the rules, leaving one out.
    pub(crate) fn belongs(&self, pair: &Pair, without: Option<&Rule>) -> Expression {
        let counts =
            |rule: &&Rule| rule.concerns(pair) && without.is_none_or(|without| without.name != rule.name);
        any(self.belongs.iter().filter(counts).map(|rule| rule.when.clone()))
    }
}

pub(crate) const ALL: &[&str] = &["*"];

pub(crate) fn rule(
    name: &'static str,
    actions: &'static [&'static str],
    kinds: &'static [&'static str],
    when: Expression,
) -> Rule {
    Rule { name, actions, kinds, when }
}

pub(crate) fn is(key: &str, values: &[&str]) -> Expression {
    test(key, Over::One, values.iter().map(|value| Pattern::exact(value)).collect())
}

pub(crate) fn each(key: &str, values: &[&str]) -> Expression {
    test(key, Over::Each, values.iter().map(|value| Pattern::glob(value)).collect())
}

/// The resource's tag.
pub(crate) fn has(key: &str, values: &[&str]) -> Expression {
    is(&format!("aws:ResourceTag/{key}"), values)
}

/// A tag that the request sets.
pub(crate) fn sets(key: &str, value: &str) -> Expression {
    is(&format!("aws:RequestTag/{key}"), &[value])
}

pub(crate) fn resource(arns: &[String]) -> Expression {
    test(RESOURCE, Over::One, arns.iter().map(|arn| Pattern::arn(arn)).collect())
}

pub(crate) fn named(kind: &str, name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}")
}
