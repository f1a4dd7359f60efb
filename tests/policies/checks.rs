//! The checks of `cast-spot status` on rights in AWS, which follow from the policies: the expected answer of each,
//! compared with the second evaluation.

use std::collections::{BTreeMap, BTreeSet};

use cast_spot_provisioner::{
    facts::{Cluster as EksCluster, Facts, Identity, PreviousRuns},
    names,
    policy::{self, Scope},
    spec::{Request as Onboarding, Spec},
    verify::{Check, checks_of},
};
use serde_json::{Value, json};

use crate::{
    calls::{ACCOUNT, LAMBDA_ROLE},
    documents::{statements, strings},
    evaluation::{Caller, Request},
    proof::table::{Pair, Table},
};

const NAME: &str = "prod";
/// The resource of actions that have none.
const ANY: &str = "whatever";

fn facts(partition: &str) -> Facts {
    let region = if partition == "aws" { "eu-west-1" } else { "cn-north-1" };
    let arn = format!("arn:{partition}:eks:{region}:{ACCOUNT}:cluster/{NAME}");
    let mut cluster = EksCluster::gone(NAME, arn);
    (cluster.status, cluster.vpc_id) = ("ACTIVE".to_owned(), "vpc-0a".to_owned());
    Facts {
        identity: Identity {
            partition: partition.to_owned(),
            account: ACCOUNT.to_owned(),
            arn: format!("arn:{partition}:iam::{ACCOUNT}:root"),
        },
        region: region.to_owned(),
        cluster,
        function: None,
        register: BTreeSet::new(),
        earlier: PreviousRuns::default(),
    }
}

fn spec() -> Spec {
    let request = Onboarding {
        cluster: NAME.to_owned(),
        principal: Some("arn:aws:iam::210987654321:root".to_owned()),
        external_id: Some("e-1".to_owned()),
        ..Onboarding::default()
    };
    request.validate().unwrap()
}

/// A check of IAM: who, the request, and whether it has to be allowed.
struct Row {
    arn: String,
    request: Request,
    expected: bool,
}

fn rows(facts: &Facts) -> Vec<Row> {
    let row = |check| match check {
        Check::Allowed { principal_arn, action, resource, context, expected } => {
            let list = |key: &str| key == "aws:TagKeys" || key == "events:TargetArn";
            // iam-rs requires an ARN in every request.
            let resource = if resource == "*" { format!("arn:aws:any:::{ANY}") } else { resource };
            let value = |key: &str, value: String| if list(key) { json!([value]) } else { json!(value) };
            let request =
                context.into_iter().fold(Request::new(&action, &resource), |request, (key, text)| {
                    let value = value(&key, text);
                    request.with(&key, value)
                });
            Some(Row { arn: principal_arn, request, expected })
        }
        _ => None,
    };
    checks_of(&spec(), facts).into_iter().filter_map(row).collect()
}

/// The policies of the function's role and of the principal.
fn documents(facts: &Facts) -> [(String, Vec<Value>); 2] {
    let node_role = names::node_role(NAME, &facts.cluster.arn);
    let partition = &facts.identity.partition;
    let scope = Scope {
        partition,
        region: &facts.region,
        account: ACCOUNT,
        cluster: NAME,
        vpc_id: &facts.cluster.vpc_id,
        node_role: &node_role,
        image_owners: &[],
    };
    let role = |name: &str| format!("arn:{partition}:iam::{ACCOUNT}:role/{name}");
    [
        (role(LAMBDA_ROLE), vec![policy::handler_reads(&scope), policy::handler_cluster(&scope)]),
        (role("cast-eks-prod"), vec![policy::cast_eks(&scope), policy::restricted(&scope)]),
    ]
}

#[test]
fn required_actions_are_allowed_in_the_own_cluster_only() {
    for partition in ["aws", "aws-cn"] {
        let facts = facts(partition);
        let callers = documents(&facts).map(|(arn, policies)| Caller {
            arn,
            tags: BTreeMap::new(),
            policies,
            of_aws: Vec::new(),
        });
        let wrong: Vec<_> = rows(&facts)
            .into_iter()
            .filter(|row| {
                let caller = callers.iter().find(|caller| caller.arn == row.arn).unwrap();
                caller.may(&row.request) != row.expected
            })
            .map(|row| (row.expected, row.request))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn every_allowed_action_and_foreign_write_is_checked() {
    let facts = facts("aws");
    let rows = rows(&facts);
    for (arn, policies) in documents(&facts) {
        let of = |action: &str, expected: bool| {
            rows.iter().any(|row| {
                row.arn == arn
                    && row.expected == expected
                    && action
                        .strip_suffix('*')
                        .map_or(row.request.action == action, |start| row.request.action.starts_with(start))
            })
        };
        for policy in &policies {
            for statement in statements(policy).iter().filter(|statement| statement["Effect"] == "Allow") {
                let is_a_clusters = statement.to_string().contains(NAME)
                    || statement.to_string().contains("${aws:PrincipalTag/");
                for action in strings(&statement["Action"]) {
                    assert!(of(action, true), "{action} is not checked");
                    let reads =
                        ["Describe", "Get", "List"].iter().any(|verb| action.contains(&format!(":{verb}")));
                    assert!(reads || !is_a_clusters || of(action, false), "{action} in another cluster");
                }
            }
        }
    }
}

#[test]
fn an_action_is_checked_on_a_resource_that_it_supports() {
    let table = Table::read();
    let lost: Vec<_> = rows(&facts("aws"))
        .into_iter()
        .map(|row| row.request)
        .filter(|Request { action, resource, .. }| {
            let pairs = table.pairs(action, "aws");
            let works_on = |pair: &Pair| match resource.strip_suffix(ANY) {
                // Such an action has no resource, or is asked for all of them.
                Some(_) => pair.kind.is_empty() || !pair.writes,
                None => pair.form.matches(resource),
            };
            !pairs.iter().any(works_on)
        })
        .map(|request| (request.action, request.resource))
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
}
