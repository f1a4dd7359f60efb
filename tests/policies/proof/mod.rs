//! A proof for all requests. What the policies allow and what a cluster owns are formulas over the context that AWS's
//! Service Authorization Reference lists for each action and resource type: each key absent, or of any value that the
//! policies tell apart, and any other; and every ARN. z3 searches for a request that is allowed and breaks the promise.
//!
//! "All requests" are those of that table, beside the global keys and the tags of the principal, which are the
//! cluster's. IAM's evaluation is modelled by its documentation; each request that z3 finds is given to iam-rs as well,
//! which has to agree. What a service checks beyond IAM is not modelled, nor are policies that others attach.
//!
//! ```text
//! translation   policies ──► condition ─┐
//! callers      promise  ──► condition ─┤
//! table, cases  request  ──► variables ─┴─► requests ──► solver ──► search: a request in words, or none
//! ```

mod belongs;
mod bounds;
mod callers;
mod cases;
mod expression;
mod promise;
mod requests;
mod search;
mod solver;
pub(crate) mod table;
mod tables;
mod translation;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Write as _, stderr},
    time::Duration,
};

use cast_spot_provisioner::policy::{self, AdminMode};
use expression::{Expression, all, not, yes};
use promise::Promise;
use search::{Found, Search, granted};
use table::{Pair, Table};
use tokio::time::Instant;
use translation::{Statement, allowed, translated};

use crate::{
    administrator::administrator,
    calls::{A, ACCOUNT, LAMBDA_ROLE},
    evaluation::Caller,
    weakened::{conditions, denials, exemptions, grants, resources, without},
};

/// A caller, and what it must not break.
struct Subject {
    name: &'static str,
    caller: Caller,
    promise: Promise,
}

fn subjects() -> Vec<Subject> {
    let function = Caller {
        arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{LAMBDA_ROLE}/cast-spot"),
        tags: BTreeMap::new(),
        policies: vec![policy::handler_reads(&A.scope()), policy::handler_cluster(&A.scope())],
        of_aws: Vec::new(),
    };
    let mut private = function.clone();
    private.policies.push(policy::handler_vpc(&A.scope()));
    private.of_aws = vec!["AWSLambdaVPCAccessExecutionRole"];
    let nodes = Caller {
        arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/i-0a", A.node_role),
        tags: BTreeMap::new(),
        policies: vec![policy::node_vpc(&A.scope())],
        of_aws: vec![
            "AmazonEKSWorkerNodePolicy",
            "AmazonEC2ContainerRegistryReadOnly",
            "AmazonEKS_CNI_Policy",
        ],
    };
    let administrator = |mode| administrator(mode, &A);
    vec![
        Subject { name: "principal", caller: A.principal(), promise: callers::principal(&A, false) },
        Subject {
            name: "principal, documented",
            caller: A.documented_principal(),
            promise: callers::principal(&A, true),
        },
        Subject { name: "function", caller: function, promise: callers::function(&A) },
        Subject { name: "function in a VPC", caller: private, promise: callers::private_function(&A) },
        Subject { name: "nodes", caller: nodes, promise: callers::nodes(&A) },
        Subject {
            name: "administrator with a role",
            caller: administrator(AdminMode::Role),
            promise: callers::administrator(&A),
        },
        Subject {
            name: "administrator with a user",
            caller: administrator(AdminMode::User),
            promise: callers::administrator(&A),
        },
    ]
}

/// Prints what a run has shown, past the test harness, which keeps the output of tests that pass for itself.
fn say(text: &str, took: Duration) {
    let mut shown = stderr();
    writeln!(shown, "proof: {text}, {:.1} s", took.as_secs_f64()).unwrap();
}

#[test]
#[ignore = "needs z3, which `cargo xtask test` sets up"]
fn no_request_leaves_the_cluster() {
    let started = Instant::now();
    let (table, mut search) = (Table::read(), Search::start());
    let (mut statements, mut pairs, mut broken) = (0, 0, Vec::new());
    for Subject { name, caller, promise } in subjects() {
        let policies = translated(&caller);
        let granted = granted(&table, &policies, &mut search.known);
        (statements, pairs) = (statements + policies.len(), pairs + granted.len());
        for pair in granted.iter().filter(|pair| pair.writes) {
            for (what, breaks) in promise.broken(pair) {
                let condition = all([allowed(&policies, pair.action), breaks]);
                let Some(found) = search.request(pair, &condition) else { continue };
                assert_ne!(agreed(&caller, &found), Some(false), "iam-rs refuses {found}");
                broken.push(format!("\n{name}, not true: {what}\n    {found}"));
            }
        }
    }
    let found = broken.len();
    say(
        &format!("{statements} statements, {pairs} (action, resource type) pairs, {found} counter-examples"),
        started.elapsed(),
    );
    assert!(broken.is_empty(), "{}", broken.concat());
}

/// A rule that nothing needs would let something through unseen, once a policy allows it.
#[test]
#[ignore = "needs z3, which `cargo xtask test` sets up"]
fn every_rule_of_what_belongs_is_needed() {
    let (table, mut search) = (Table::read(), Search::start());
    for Subject { name, caller, promise } in subjects() {
        let policies = translated(&caller);
        let pairs = granted(&table, &policies, &mut search.known);
        let idle = promise.belongs.iter().filter(|rule| {
            let mut writes = pairs.iter().filter(|pair| pair.writes);
            !writes.any(|pair| {
                let outside = not(promise.belongs(pair, Some(rule)));
                search.request(pair, &all([allowed(&policies, pair.action), outside])).is_some()
            })
        });
        let idle: Vec<_> = idle.map(|rule| rule.name).collect();
        assert!(idle.is_empty(), "{name}: {idle:#?}");
    }
}

/// Whether iam-rs allows the request, if it takes one without a resource.
fn agreed(caller: &Caller, found: &Found) -> Option<bool> {
    found.request().map(|request| caller.may(&request))
}

/// What the first policies allow and the second do not.
fn gained(more: &[Statement], less: &[Statement], action: &str) -> Expression {
    all([allowed(more, action), not(allowed(less, action))])
}

/// Most statements of the administrator are the same in both modes.
fn group(name: &'static str) -> &'static str {
    name.split(' ').next().unwrap()
}

/// A request of one of these actions that the first caller may make, the second may not, and that is in one of the cases
/// of `which`. iam-rs has to agree.
fn difference(
    search: &mut Search,
    table: &Table,
    (more, less): (&Caller, &Caller),
    actions: &[String],
    which: impl Fn(&Pair) -> Vec<(&'static str, Expression)>,
) -> Option<String> {
    let (all_of_more, all_of_less) = (translated(more), translated(less));
    for pair in actions.iter().flat_map(|action| table.pairs(action, "aws")) {
        if allowed(&all_of_more, pair.action) == allowed(&all_of_less, pair.action) {
            continue;
        }
        for (what, case) in which(&pair) {
            let condition = all([gained(&all_of_more, &all_of_less, pair.action), case]);
            if let Some(found) = search.request(&pair, &condition) {
                let agrees = agreed(more, &found) != Some(false) && agreed(less, &found) != Some(true);
                assert!(agrees, "iam-rs does not agree: {found}");
                return Some(format!("{what}\n    {found}"));
            }
        }
    }
    None
}

#[test]
#[ignore = "needs z3, which `cargo xtask test` sets up"]
fn no_grant_can_go() {
    let started = Instant::now();
    let (table, mut search) = (Table::read(), Search::start());
    let (mut needed, mut idle, mut seen) = (0, Vec::new(), BTreeSet::new());
    for Subject { name, caller, .. } in subjects() {
        for variant in [grants, exemptions].into_iter().flat_map(|parts| without(&caller, parts)) {
            if !seen.insert((group(name), variant.what.clone())) {
                continue;
            }
            let callers = (&caller, &variant.caller);
            match difference(&mut search, &table, callers, &variant.actions, |_| vec![("", yes())]) {
                Some(_) => needed += 1,
                None => idle.push(format!("{name}, {}", variant.what)),
            }
        }
    }
    say(&format!("{needed} grants, each with a request that it alone allows"), started.elapsed());
    assert!(idle.is_empty(), "without these the same is allowed: {idle:#?}");
}

#[test]
#[ignore = "needs z3, which `cargo xtask test` sets up"]
fn without_any_one_limit_a_request_leaves_the_cluster() {
    let started = Instant::now();
    let (table, mut search) = (Table::read(), Search::start());
    let (mut needed, mut idle, mut seen) = (0, Vec::new(), BTreeSet::new());
    for Subject { name, caller, promise } in subjects() {
        let limits = [conditions, denials, resources].map(|parts| without(&caller, parts));
        for variant in limits.into_iter().flatten() {
            if !seen.insert((group(name), variant.what.clone())) {
                continue;
            }
            let mut gained = |which: &dyn Fn(&Pair) -> Vec<(&'static str, Expression)>| {
                difference(&mut search, &table, (&variant.caller, &caller), &variant.actions, which)
            };
            match gained(&|pair| promise.broken(pair)) {
                Some(found) => {
                    needed += 1;
                    let how = if variant.widens { "with" } else { "without" };
                    println!("{name}, {how} {}, not true: {found}", variant.what);
                }
                // A name that is wider by nothing: another limit holds, or the resource has no other names.
                None if variant.widens && gained(&|_| vec![("", yes())]).is_none() => {}
                None => idle.push(format!("{name}, {}", variant.what)),
            }
        }
    }
    say(&format!("{needed} limits, without each of which one is broken"), started.elapsed());
    assert!(idle.is_empty(), "limits that keep nothing out: {idle:#?}");
}
