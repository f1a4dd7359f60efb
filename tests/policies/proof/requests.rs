//! All requests of one action on one resource type, as variables of an SMT problem: the ARN, and each condition key that
//! they may carry, over its finite cases.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    rc::Rc,
};

use super::{
    cases::{Cases, Pattern, cases},
    expression::{Compared, Expression, Over, RESOURCE, all, any, not, present, test},
    table::{Pair, REGION},
};

/// Cases that were computed before: most pairs share theirs.
pub(crate) type Known = BTreeMap<(Pattern, BTreeSet<Pattern>), Rc<Cases>>;

#[derive(Debug)]
pub(crate) struct Variable {
    name: String,
    cases: Rc<Cases>,
    /// Of the SMT problem. With several values, there is a truth value for each case, else a number: 0 is absent.
    symbol: String,
    several: bool,
    /// Whether every request has it.
    required: bool,
    patterns: BTreeSet<Pattern>,
}

#[derive(Debug)]
pub(crate) struct Requests {
    variables: BTreeMap<String, Variable>,
    /// What AWS grants about the keys of a request.
    facts: Expression,
}

const TAG_KEYS: &str = "aws:tagkeys";
const CREATES: &str = "ec2:CreateAction";
const REQUEST_TAG: &str = "aws:requesttag/";
const RESOURCE_TAG: &str = "aws:resourcetag/";

impl Requests {
    /// Variables for all that `condition` tells apart.
    pub(crate) fn of(pair: &Pair, condition: &Expression, known: &mut Known) -> Self {
        let facts = all([tags_are_listed(pair, condition), new_resources_have_no_tags(condition)]);
        let mut compared = Compared::new();
        all([condition.clone(), facts.clone()]).collect(&mut compared);
        let regions = compared.get(REGION).map(|(_, patterns)| patterns.clone()).unwrap_or_default();
        let resource =
            compared.entry(RESOURCE.to_owned()).or_insert_with(|| (RESOURCE.to_owned(), BTreeSet::new()));
        resource.1.extend(regions.iter().map(Pattern::in_region));
        let mut variables = BTreeMap::new();
        for (key, (name, patterns)) in compared {
            if key != RESOURCE && !pair.carries(&key) {
                continue;
            }
            let form = if key == RESOURCE { pair.form.clone() } else { Pattern::any() };
            let symbol = format!("v{}", variables.len());
            let cases = known
                .entry((form.clone(), patterns.clone()))
                .or_insert_with(|| Rc::new(cases(&form, &patterns)))
                .clone();
            let required = [RESOURCE, REGION].contains(&&key[..]);
            let several = pair.has_several(&key);
            variables.insert(key, Variable { name, cases, symbol, several, required, patterns });
        }
        Self { variables, facts }
    }

    /// The formula of a condition.
    pub(crate) fn formula(&self, condition: &Expression) -> String {
        match condition {
            Expression::All(parts) => {
                joined("and", "true", "false", parts.iter().map(|part| self.formula(part)))
            }
            Expression::Any(parts) => {
                joined("or", "false", "true", parts.iter().map(|part| self.formula(part)))
            }
            Expression::Not(part) => match &self.formula(part)[..] {
                "true" => "false".to_owned(),
                "false" => "true".to_owned(),
                formula => format!("(not {formula})"),
            },
            Expression::Test { key, over, patterns } => match self.variables.get(&key.id) {
                // A key that the requests do not carry.
                None => (*over == Over::Each).to_string(),
                Some(variable) => variable.compared(*over, patterns),
            },
        }
    }

    /// Declarations of the variables, and what holds for them in every request.
    pub(crate) fn declared(&self) -> String {
        let mut text = String::new();
        for Variable { symbol, cases, several, required, .. } in self.variables.values() {
            if *several {
                for index in 0..cases.texts.len() {
                    writeln!(text, "(declare-const {symbol}_{index} Bool)").unwrap();
                }
            } else {
                writeln!(text, "(declare-const {symbol} Int)").unwrap();
                writeln!(text, "(assert (<= {} {symbol} {}))", u8::from(*required), cases.texts.len())
                    .unwrap();
            }
        }
        let facts = [self.formula(&self.facts), self.regions_agree()];
        for fact in facts {
            writeln!(text, "(assert {fact})").unwrap();
        }
        text
    }

    /// All symbols, to ask for their values.
    pub(crate) fn symbols(&self) -> Vec<String> {
        let all = self.variables.values().flat_map(|Variable { symbol, cases, several, .. }| {
            if *several {
                (0..cases.texts.len()).map(|index| format!("{symbol}_{index}")).collect()
            } else {
                vec![symbol.clone()]
            }
        });
        all.collect()
    }

    /// The values of each key in a model, by the key's name; none where it is absent.
    pub(crate) fn values(&self, model: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
        let all = self.variables.values().map(|Variable { name, symbol, cases, several, .. }| {
            let value = if *several {
                let is_there = |(index, _): &(usize, &String)| model[&format!("{symbol}_{index}")] == "true";
                Value::Several(
                    cases.texts.iter().enumerate().filter(is_there).map(|(_, case)| case.clone()).collect(),
                )
            } else {
                match model[symbol].parse::<usize>().unwrap() {
                    0 => Value::Absent,
                    number => Value::One(cases.texts[number - 1].clone()),
                }
            };
            (name.clone(), value)
        });
        all.collect()
    }

    /// The region of the request is that of the resource, where its ARN has one ("aws:RequestedRegion" in the IAM User
    /// Guide).
    fn regions_agree(&self) -> String {
        let Some(region) = self.variables.get(REGION) else { return "true".to_owned() };
        let resource = &self.variables[RESOURCE];
        let of = |(index, arn): (usize, &String)| {
            let found = arn.split(':').nth(3).filter(|found| !found.is_empty())?;
            let is_same = |case: &String| {
                region.patterns.iter().all(|pattern| pattern.matches(case) == pattern.matches(found))
            };
            let number = region.cases.texts.iter().position(is_same)? + 1;
            Some(format!("(=> (= {} {}) (= {} {number}))", resource.symbol, index + 1, region.symbol))
        };
        joined("and", "true", "false", resource.cases.texts.iter().enumerate().filter_map(of))
    }
}

/// What a request has of a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Absent,
    One(String),
    Several(Vec<String>),
}

impl Variable {
    fn compared(&self, over: Over, patterns: &[Pattern]) -> String {
        let Self { symbol, name, .. } = self;
        let matched: Vec<(usize, bool)> = self.cases.matched(patterns).into_iter().enumerate().collect();
        if !self.several {
            let is = |(index, _): &(usize, bool)| format!("(= {symbol} {})", index + 1);
            let values = matched.iter().filter(|(_, matches)| *matches).map(is);
            let absent = (over == Over::Each && !self.required).then(|| format!("(= {symbol} 0)"));
            return joined("or", "false", "true", values.chain(absent));
        }
        assert!(over != Over::One, "{name} has several values: ForAllValues or ForAnyValue");
        let listed = |wanted: bool| {
            let these = matched.iter().filter(move |(_, matches)| *matches == wanted);
            these.map(|(index, _)| format!("{symbol}_{index}"))
        };
        match over {
            Over::Each => joined("and", "true", "false", listed(false).map(|value| format!("(not {value})"))),
            _ => joined("or", "false", "true", listed(true)),
        }
    }
}

/// `(and a b)`, without what does not count.
fn joined(operator: &str, neutral: &str, decides: &str, parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.filter(|part| part != neutral).collect();
    match &parts[..] {
        [] => neutral.to_owned(),
        [one] => one.clone(),
        parts if parts.iter().any(|part| part == decides) => decides.to_owned(),
        parts => format!("({operator} {})", parts.join(" ")),
    }
}

/// A tag that is set is among the keys, whatever its letter case; a key that is among them has a value, unless tags are
/// taken away ("Controlling access during AWS requests" in the IAM User Guide).
fn tags_are_listed(pair: &Pair, condition: &Expression) -> Expression {
    let mut compared = Compared::new();
    condition.collect(&mut compared);
    let removes = [":Untag", ":DeleteTags"].iter().any(|verb| pair.action.contains(verb));
    let tags = compared.into_iter().filter(|_| pair.carries(TAG_KEYS)).filter_map(|(key, (name, _))| {
        let tag = key.strip_prefix(REQUEST_TAG)?;
        let listed = test("aws:TagKeys", Over::Some, vec![Pattern::exact(tag).ignoring_case()]);
        let back = if removes { all([]) } else { any([present(&name), not(listed.clone())]) };
        Some(all([any([not(present(&name)), listed]), back]))
    });
    all(tags.collect::<Vec<_>>())
}

/// What is created in the same call has no tags yet ("Grant permission to tag Amazon EC2 resources during creation" in the
/// EC2 User Guide).
fn new_resources_have_no_tags(condition: &Expression) -> Expression {
    let mut compared = Compared::new();
    condition.collect(&mut compared);
    let tags = compared.into_iter().filter(|(key, _)| key.starts_with(RESOURCE_TAG));
    any([not(present(CREATES)), all(tags.map(|(_, (name, _))| not(present(&name))).collect::<Vec<_>>())])
}
