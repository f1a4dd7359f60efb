//! Checks of the policies: for each action that they allow, under a context that meets its conditions; and for each
//! write the same in another cluster, which has to be denied. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Check;
use crate::{
    facts::Facts,
    names::{self, LAMBDA_ROLE},
    policy::{self, Scope, texts},
    resource::Principal,
    spec::{Access, Spec},
};

/// A cluster that does not exist, with its VPC and node role.
const OTHER: &str = "any-other";
const OTHER_VPC: &str = "vpc-00000000000000000";
const OTHER_NODE_ROLE: &str = "cast-any-other-eks-0000000";

/// Examples for the wildcards of our policies: the simulator accepts none in actions ("SimulatePrincipalPolicy" in the
/// IAM API Reference).
const EXAMPLES: [(&str, &[&str]); 2] = [
    ("eks:Describe*", &["eks:DescribeCluster", "eks:DescribeNodegroup"]),
    ("eks:List*", &["eks:ListNodegroups"]),
];

/// Kinds of resources of actions whose names mislead (Service Authorization Reference). A launch is authorized on each
/// resource that it uses or creates.
const KINDS: [(&str, &str); 3] =
    [("ec2:RunInstances", "*"), ("eks:CreateNodegroup", "cluster"), ("eks:ListNodegroups", "cluster")];

type Context = BTreeMap<String, String>;

/// An action on a resource, in a context.
#[derive(PartialEq)]
struct Call {
    action: String,
    resource: String,
    context: Context,
}

/// Checks of the function's role: all that the handler calls, whichever policies grant it.
pub(super) fn of_function(spec: &Spec, facts: &Facts) -> Vec<Check> {
    let role = Principal::Role(LAMBDA_ROLE.to_owned());
    let documents = |scope: &Scope| vec![policy::handler_reads(scope), policy::handler_cluster(scope)];
    checks(spec, facts, &role, &Context::new(), documents)
}

/// Checks of the principal that manages the cluster.
pub(super) fn of_principal(spec: &Spec, facts: &Facts) -> Vec<Check> {
    let name = facts.principal();
    let principal = match spec.access {
        Access::Role { .. } => Principal::Role(name),
        Access::User { .. } => Principal::User(name),
    };
    let node_role = names::node_role(&spec.cluster, &facts.cluster.arn);
    // The simulator does not look up the tags of a principal.
    let mut who = tags_of(&facts.scope(&spec.cluster, &node_role));
    who.insert("aws:RequestedRegion".to_owned(), facts.region.clone());
    let documents = |scope: &Scope| vec![policy::cast_eks(scope), policy::restricted(scope)];
    checks(spec, facts, &principal, &who, documents)
}

/// The tags by which the shared policy recognises a cluster's principal, as condition keys.
fn tags_of(scope: &Scope) -> Context {
    [
        (names::TAG_CLUSTER, scope.cluster),
        (names::TAG_REGION, scope.region),
        (names::TAG_NODE_ROLE, scope.node_role),
    ]
    .into_iter()
    .map(|(tag, value)| (format!("aws:PrincipalTag/{tag}"), value.to_owned()))
    .collect()
}

fn checks(
    spec: &Spec,
    facts: &Facts,
    principal: &Principal,
    who: &Context,
    documents: impl Fn(&Scope) -> Vec<Value>,
) -> Vec<Check> {
    let node_role = names::node_role(&spec.cluster, &facts.cluster.arn);
    let own = facts.scope(&spec.cluster, &node_role);
    let other = Scope { cluster: OTHER, vpc_id: OTHER_VPC, node_role: OTHER_NODE_ROLE, ..own };
    let calls = |scope: &Scope| {
        let mut calls: Vec<Call> = Vec::new();
        for call in documents(scope).iter().flat_map(|document| calls_of(document, scope)) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        calls
    };
    let allowed = calls(&own);
    // What belongs to no cluster, like an image, is the same call in both.
    let denied: Vec<_> =
        calls(&other).into_iter().filter(|call| !call.reads() && !allowed.contains(call)).collect();
    let arn = principal.arn(own.partition, own.account);
    let check = |call: Call, expected| Check::Allowed {
        principal_arn: arn.clone(),
        action: call.action,
        resource: call.resource,
        context: who.iter().map(|(key, value)| (key.clone(), value.clone())).chain(call.context).collect(),
        expected,
    };
    let allowed = allowed.into_iter().map(|call| (call, true));
    let denied = denied.into_iter().map(|call| (call, false));
    allowed.chain(denied).map(|(call, expected)| check(call, expected)).collect()
}

impl Call {
    fn reads(&self) -> bool {
        let verb = self.action.split(':').nth(1).unwrap_or_default();
        ["Describe", "Get", "List"].iter().any(|reads| verb.starts_with(reads))
    }
}

/// The calls that a policy allows.
fn calls_of(document: &Value, scope: &Scope) -> Vec<Call> {
    let statements = document["Statement"].as_array().into_iter().flatten();
    let mut calls = Vec::new();
    for statement in statements.filter(|statement| statement["Effect"] == "Allow") {
        let resources: Vec<String> =
            texts(&statement["Resource"]).map(|text| concrete(text, scope)).collect();
        let actions = texts(&statement["Action"]);
        for action in actions.flat_map(|action| examples(action).unwrap_or_else(|| vec![action])) {
            calls.extend(authorized_on(action, &resources).into_iter().map(|resource| Call {
                action: action.to_owned(),
                resource: resource.clone(),
                context: circumstances(&statement["Condition"], resource, scope),
            }));
        }
    }
    calls
}

fn examples(action: &str) -> Option<Vec<&'static str>> {
    EXAMPLES.iter().find(|(pattern, _)| *pattern == action).map(|(_, examples)| examples.to_vec())
}

/// An ARN with its variables filled in, and without wildcards for region, account and kind of resource.
fn concrete(text: &str, scope: &Scope) -> String {
    let filled = tags_of(scope)
        .iter()
        .fold(text.to_owned(), |text, (key, value)| text.replace(&format!("${{{key}}}"), value));
    let parts: Vec<&str> = filled.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, resource] = parts[..] else { return filled };
    let region = if region == "*" { scope.region } else { region };
    let account = if account == "*" { scope.account } else { account };
    let resource = if resource == "*/*" { "instance/*" } else { resource };
    format!("arn:{partition}:{service}:{region}:{account}:{resource}")
}

/// Those of a statement's resources that the action applies to: of its service, and of the kind that its name contains.
fn authorized_on<'a>(action: &str, resources: &'a [String]) -> Vec<&'a String> {
    let (service, name) = action.split_once(':').unwrap_or((action, ""));
    let name = name.to_ascii_lowercase();
    let of_service: Vec<&String> =
        resources.iter().filter(|arn| *arn == "*" || arn.split(':').nth(2) == Some(service)).collect();
    let known = KINDS.iter().find(|(known, _)| *known == action).map(|(_, kind)| *kind);
    let says = |kind: &str| match known {
        Some(known) => known == kind,
        None => name.contains(&kind.replace('-', "")),
    };
    let longest =
        of_service.iter().map(|arn| kind(arn)).filter(|kind| says(kind)).max_by_key(|kind| kind.len());
    match longest {
        Some(longest) => of_service.iter().copied().filter(|arn| kind(arn) == longest).collect(),
        None => of_service,
    }
}

/// The kind of resource of an ARN.
fn kind(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    resource.split([':', '/']).next().unwrap_or_default()
}

/// A context in which all conditions hold.
fn circumstances(condition: &Value, resource: &str, scope: &Scope) -> Context {
    let mut context = Context::new();
    let operators = || condition.as_object().into_iter().flatten();
    let keys = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for (_, tested) in operators().filter(|(operator, _)| *operator != "Null") {
        for (key, values) in keys(tested) {
            // Of several values, the one that the resource contains.
            let fitting = texts(&values).find(|value| resource.contains(value)).or(texts(&values).next());
            context.insert(key, concrete(fitting.unwrap_or_default(), scope));
        }
    }
    // The key has to exist, with any value.
    for (_, tested) in operators().filter(|(operator, _)| *operator == "Null") {
        for (key, _) in keys(tested).into_iter().filter(|(_, absent)| absent == "false") {
            context.entry(key).or_insert_with(|| "owned".to_owned());
        }
    }
    context
}
