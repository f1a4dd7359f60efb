//! Requests to AWS, and whether a set of policies allows them according to the crate iam-rs.
//!
//! iam-rs 0.8 replaces policy variables in resources only, and a variable without a value by an empty string, where in
//! AWS the statement does not match ("IAM policy elements: Variables and tags" in the IAM User Guide). Both are
//! corrected here, before the evaluation.

use std::collections::BTreeMap;

use iam_rs::{
    Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId, evaluate_policies,
    interpolate_variables,
};
use serde_json::{Value, json};

use crate::documents::{of_aws, statements, strings};

/// One authorization: AWS makes one for each action and resource of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) action: String,
    pub(crate) resource: String,
    context: BTreeMap<String, Value>,
}

impl Request {
    pub(crate) fn new(action: &str, resource: &str) -> Self {
        let region = match resource.split(':').nth(3) {
            // IAM is in one region ("aws:RequestedRegion" in the IAM User Guide).
            None | Some("") => "us-east-1",
            Some(region) => region,
        };
        let new = Self { action: action.to_owned(), resource: resource.to_owned(), context: BTreeMap::new() };
        new.with("aws:RequestedRegion", region)
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.context.insert(key.to_owned(), value.into());
        self
    }

    /// The same request, on a resource with this tag.
    pub(crate) fn has(self, key: &str, value: &str) -> Self {
        self.with(&format!("aws:ResourceTag/{key}"), value)
    }

    /// The same request, setting this tag.
    pub(crate) fn sets(self, key: &str, value: &str) -> Self {
        let mut keys = match self.context.get("aws:TagKeys") {
            Some(Value::Array(keys)) => keys.clone(),
            _ => Vec::new(),
        };
        keys.push(key.into());
        self.with(&format!("aws:RequestTag/{key}"), value).with("aws:TagKeys", keys)
    }
}

/// A caller, with tags and policies.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) policies: Vec<Value>,
    /// Managed policies of AWS, by their names, which are as they are.
    pub(crate) of_aws: Vec<&'static str>,
}

impl Caller {
    /// All its policies.
    pub(crate) fn all(&self) -> Vec<Value> {
        self.policies.iter().cloned().chain(self.of_aws.iter().map(|name| of_aws(name))).collect()
    }

    /// Whether the policies allow it.
    pub(crate) fn may(&self, request: &Request) -> bool {
        let mut context = Context::new();
        for (tag, value) in &self.tags {
            context.insert(format!("aws:PrincipalTag/{tag}"), ContextValue::String(value.clone()));
        }
        for (key, value) in &request.context {
            context.insert(key.clone(), serde_json::from_value(value.clone()).unwrap());
        }
        // Statements about other services have no effect, and there are many.
        let service = &request.action[..=request.action.find(':').unwrap()];
        let about = |statement: &Value| {
            strings(&statement["Action"]).iter().any(|action| action.starts_with(service))
        };
        let all = self.all();
        let policies: Vec<IAMPolicy> =
            all.iter().map(|policy| with_variables(policy, &context, about)).collect();
        let service = !self.arn.starts_with("arn:");
        let name = PrincipalId::String(self.arn.clone());
        let asked = IAMRequest {
            principal: if service { Principal::Service(name) } else { Principal::Aws(name) },
            action: request.action.clone(),
            resource: Arn::parse(&request.resource).unwrap(),
            context,
        };
        evaluate_policies(&policies, &asked).unwrap() == Decision::Allow
    }
}

/// The policy with variables filled in, without the statements that have one without a value.
fn with_variables(policy: &Value, context: &Context, about: impl Fn(&Value) -> bool) -> IAMPolicy {
    let statements = statements(policy).iter().filter(|statement| about(statement));
    let filled: Value = statements.filter_map(|statement| filled(statement, context)).collect();
    serde_json::from_value(json!({ "Version": policy["Version"], "Statement": filled })).unwrap()
}

fn filled(value: &Value, context: &Context) -> Option<Value> {
    Some(match value {
        Value::String(text) => {
            let keys = text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap());
            if keys.into_iter().any(|key| context.get(key).is_none()) {
                return None;
            }
            interpolate_variables(text, context).unwrap().into()
        }
        Value::Array(values) => {
            Value::Array(values.iter().map(|value| filled(value, context)).collect::<Option<_>>()?)
        }
        Value::Object(parts) => {
            let parts = parts.iter().map(|(key, value)| Some((key.clone(), filled(value, context)?)));
            Value::Object(parts.collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}
