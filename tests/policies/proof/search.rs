//! Requests that a condition is true of, in words.

use std::{collections::BTreeMap, fmt};

use serde_json::json;

use super::{
    cases::OTHER,
    expression::{Expression, RESOURCE},
    requests::{Known, Requests, Value},
    solver::Solver,
    table::{Pair, Table},
    translation::{Statement, allowed},
};
use crate::evaluation::Request;

/// A request, as the solver has found it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) action: String,
    pub(crate) kind: String,
    values: BTreeMap<String, Value>,
}

pub(crate) struct Search {
    solver: Solver,
    pub(crate) known: Known,
}

impl Search {
    pub(crate) fn start() -> Self {
        Self { solver: Solver::start(), known: Known::new() }
    }

    /// A request of the pair of which the condition is true.
    pub(crate) fn request(&mut self, pair: &Pair, condition: &Expression) -> Option<Found> {
        let requests = Requests::of(pair, condition, &mut self.known);
        let formula = requests.formula(condition);
        if formula == "false" {
            return None;
        }
        let model = self.solver.model(&requests.declared(), &formula, &requests.symbols())?;
        let values = requests.values(&model);
        Some(Found { action: pair.action.to_owned(), kind: pair.kind.to_owned(), values })
    }
}

/// The pairs of which the statements allow any request at all.
pub(crate) fn granted<'a>(table: &'a Table, statements: &[Statement], known: &mut Known) -> Vec<Pair<'a>> {
    let may_be = |pair: &Pair| {
        let condition = allowed(statements, pair.action);
        Requests::of(pair, &condition, known).formula(&condition) != "false"
    };
    table.pairs("*", "aws").into_iter().filter(may_be).collect()
}

impl Found {
    /// The same request for the second implementation of IAM; none where it has no resource, which that one requires.
    pub(crate) fn request(&self) -> Option<Request> {
        let Value::One(arn) = &self.values[RESOURCE] else { return None };
        // It takes no account but of twelve digits.
        let part = |(index, part)| if (index, part) == (4, "~") { "000000000000" } else { part };
        let arn = arn.split(':').enumerate().map(part).collect::<Vec<_>>().join(":");
        let mut request = Request::new(&self.action, &arn);
        for (key, value) in self.values.iter().filter(|(key, _)| *key != RESOURCE) {
            request = match value {
                Value::Absent => request,
                Value::One(value) => request.with(key, &value[..]),
                Value::Several(values) if values.is_empty() => request,
                Value::Several(values) => request.with(key, json!(values)),
            };
        }
        (arn != "*").then_some(request)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { action, kind, values } = self;
        let kind = if kind.is_empty() { "no resource" } else { kind };
        write!(f, "{action} on {kind}")?;
        let mut others = false;
        for (key, value) in values {
            let text = match value {
                Value::Absent => "is absent".to_owned(),
                Value::Several(values) if values.is_empty() => "is absent".to_owned(),
                Value::One(value) => format!("is {value:?}"),
                Value::Several(values) => format!("is {values:?}"),
            };
            others |= text.contains(OTHER);
            write!(f, "\n      {key} {text}")?;
        }
        if others {
            write!(f, "\n      ({OTHER} stands for any other text)")?;
        }
        Ok(())
    }
}
