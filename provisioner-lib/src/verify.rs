//! Whether it works: the plan is empty, and what has to work is tried, without changing anything.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{
    RBAC,
    facts::Facts,
    names::{self, HANDLER_GROUP, LAMBDA_ROLE},
    onboard::{PlanError, Planned, plan},
    provider::{Error, Provider},
    resource::Principal,
    spec::{Access, Spec},
};

/// Something that has to work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// A principal may do something (IAM `SimulatePrincipalPolicy`).
    Allowed {
        /// ARN of the user or role.
        principal_arn: String,
        /// The action.
        action: String,
        /// ARN of what it is done to, or `*`.
        resource: String,
        /// Condition keys and their values.
        context: BTreeMap<String, String>,
        /// Whether it has to be allowed, or denied.
        expected: bool,
    },
    /// The handler's group may do something in the cluster (Kubernetes `SubjectAccessReview`).
    Kubernetes {
        /// The group.
        group: String,
        /// The verb.
        verb: String,
        /// API group of the resource.
        api_group: String,
        /// The resource.
        resource: String,
        /// Its subresource.
        subresource: String,
        /// Whether it has to be allowed, or denied.
        expected: bool,
    },
    /// A Deployment has the pods that it is to have.
    Available {
        /// Its namespace.
        namespace: String,
        /// Its name.
        deployment: String,
    },
    /// The deployed function handles a notice in dry run: it starts, reads its settings and reaches its APIs.
    Notice {
        /// The function.
        function: String,
    },
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it works.
    pub passed: bool,
    /// What was answered.
    pub detail: String,
}

/// A check and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The check.
    #[serde(flatten)]
    pub check: Check,
    /// How it went.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// All that `verify` has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// What differs from what is to be.
    pub planned: Planned,
    /// What was tried.
    pub checks: Vec<Checked>,
}

impl Verification {
    /// Whether all is as it is to be, and works.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.planned.plan.is_empty() && self.checks.iter().all(|checked| checked.verdict.passed)
    }
}

/// Compares and tries. Writes nothing. `heard` is told of each check as it ends.
pub async fn verify(
    spec: &Spec,
    provider: &impl Provider,
    heard: &mut (dyn FnMut(&Checked) + Send),
) -> Result<Verification, PlanError> {
    let planned = plan(spec, provider).await?;
    let mut checks = Vec::new();
    for check in checks_of(spec, &planned.facts) {
        let verdict = provider.check(&planned.facts, &check).await.unwrap_or_else(|error| failed(&error));
        let checked = Checked { check, verdict };
        heard(&checked);
        checks.push(checked);
    }
    Ok(Verification { planned, checks })
}

fn failed(error: &Error) -> Verdict {
    let hint = error.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    Verdict { passed: false, detail: format!("{error}{hint}") }
}

/// What has to work, and what must not.
#[must_use]
pub fn checks_of(spec: &Spec, facts: &Facts) -> Vec<Check> {
    let mut checks = function_rights(spec, facts);
    checks.extend(principal_rights(spec, facts));
    checks.extend(kubernetes_rights());
    checks.push(Check::Notice { function: names::FUNCTION.to_owned() });
    checks
}

fn function_rights(spec: &Spec, facts: &Facts) -> Vec<Check> {
    let (partition, account) = (&facts.identity.partition, &facts.identity.account);
    let role = Principal::Role(LAMBDA_ROLE.to_owned()).arn(partition, account);
    let group = format!(
        "arn:{partition}:autoscaling:{}:{account}:autoScalingGroup:*:autoScalingGroupName/any",
        facts.region
    );
    // The simulator knows only what it is told, of a request as well as of who makes it.
    let function = format!("arn:{partition}:lambda:{}:{account}:function:{}", facts.region, names::FUNCTION);
    let called = BTreeMap::from([("lambda:SourceFunctionArn".to_owned(), function)]);
    let tagged = |cluster: &str| {
        let tag = (format!("aws:ResourceTag/kubernetes.io/cluster/{cluster}"), "owned".to_owned());
        called.clone().into_iter().chain([tag]).collect()
    };
    let allowed = |action: &str, resource: &str, context, expected| Check::Allowed {
        principal_arn: role.clone(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        context,
        expected,
    };
    let mut checks: Vec<Check> = [
        "ec2:DescribeInstances",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLifecycleHooks",
    ]
    .map(|action| allowed(action, "*", BTreeMap::new(), true))
    .into();
    checks.push(allowed("eks:DescribeCluster", &facts.cluster.arn, BTreeMap::new(), true));
    for action in ["autoscaling:DetachInstances", "autoscaling:TerminateInstanceInAutoScalingGroup"] {
        checks.push(allowed(action, &group, tagged(&spec.cluster), true));
    }
    checks.push(allowed("autoscaling:DetachInstances", &group, tagged("any-other"), false));
    checks
}

fn principal_rights(spec: &Spec, facts: &Facts) -> Vec<Check> {
    let (partition, account, region) = (&facts.identity.partition, &facts.identity.account, &facts.region);
    let name = names::principal(&spec.cluster, &facts.cluster.arn);
    let principal = match spec.access {
        Access::Role { .. } => Principal::Role(name),
        Access::User { .. } => Principal::User(name),
    };
    let instances = format!("arn:{partition}:ec2:{region}:{account}:instance/*");
    let node_role_name = names::node_role(&spec.cluster, &facts.cluster.arn);
    let node_role = Principal::Role(node_role_name.clone()).arn(partition, account);
    let other_role = Principal::Role("any-other".to_owned()).arn(partition, account);
    let own = format!("kubernetes.io/cluster/{}", spec.cluster);
    let with = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    let passed = || with("iam:PassedToService", "ec2.amazonaws.com");
    let rows = [
        ("ec2:DescribeInstances", "*", Vec::new(), true),
        ("eks:DescribeCluster", facts.cluster.arn.as_str(), Vec::new(), true),
        ("ec2:RunInstances", &instances, with(&format!("aws:RequestTag/{own}"), "owned"), true),
        (
            "ec2:RunInstances",
            &instances,
            with("aws:RequestTag/kubernetes.io/cluster/any-other", "owned"),
            false,
        ),
        ("ec2:TerminateInstances", &instances, with(&format!("aws:ResourceTag/{own}"), "owned"), true),
        (
            "ec2:TerminateInstances",
            &instances,
            with("aws:ResourceTag/kubernetes.io/cluster/any-other", "owned"),
            false,
        ),
        ("iam:PassRole", &node_role, passed(), true),
        ("iam:PassRole", &other_role, passed(), false),
    ];
    let who = [
        (format!("aws:PrincipalTag/{}", names::TAG_CLUSTER), spec.cluster.clone()),
        (format!("aws:PrincipalTag/{}", names::TAG_REGION), region.clone()),
        (format!("aws:PrincipalTag/{}", names::TAG_NODE_ROLE), node_role_name),
        ("aws:RequestedRegion".to_owned(), region.clone()),
    ];
    rows.map(|(action, resource, context, expected)| Check::Allowed {
        principal_arn: principal.arn(partition, account),
        action: action.to_owned(),
        resource: resource.to_owned(),
        context: who.iter().cloned().chain(context).collect(),
        expected,
    })
    .into()
}

/// Each verb of `infra/kubernetes/rbac.yaml`, and what the handler must not.
fn kubernetes_rights() -> Vec<Check> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(RBAC).unwrap_or_default();
    let rules = documents.iter().flat_map(|document| document["rules"].as_array().into_iter().flatten());
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let mut rights: Vec<(String, String, String)> = Vec::new();
    for rule in rules {
        let api_group = list(&rule["apiGroups"]).into_iter().next().unwrap_or_default();
        for resource in list(&rule["resources"]) {
            rights.extend(
                list(&rule["verbs"]).into_iter().map(|verb| (verb, api_group.clone(), resource.clone())),
            );
        }
    }
    let check = |(verb, api_group, resource): (String, String, String), expected| {
        let (resource, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
        Check::Kubernetes {
            group: HANDLER_GROUP.to_owned(),
            verb,
            api_group,
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            expected,
        }
    };
    let denied = |verb: &str, resource: &str| (verb.to_owned(), String::new(), resource.to_owned());
    let never = [denied("get", "secrets"), denied("create", "pods"), denied("delete", "nodes")];
    let allowed = rights.into_iter().map(|right| check(right, true));
    allowed.chain(never.into_iter().map(|right| check(right, false))).collect()
}
