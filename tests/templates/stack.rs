//! Evaluates a template with values for its parameters: the intrinsic functions that the templates use. Any other one
//! is a panic.

use std::collections::BTreeMap;

use cast_spot_provisioner::policy::Scope;
use serde_json::{Map, Value};

/// The group id that [`Stack::attribute`] returns for a security group of the stack.
pub(crate) const MADE_GROUP: &str = "sg-0123456789abcdef0";

/// A stack to be created.
pub(crate) struct Stack<'a> {
    template: &'a Value,
    parameters: BTreeMap<&'a str, Value>,
    scope: Scope<'a>,
}

impl<'a> Stack<'a> {
    /// A stack with the template's defaults for parameters that are not given, in the partition, region and account of
    /// `scope`.
    pub(crate) fn new(template: &'a Value, scope: Scope<'a>, given: &[(&'a str, String)]) -> Self {
        let known = template["Parameters"].as_object().unwrap();
        let defaults = known
            .iter()
            .filter_map(|(name, parameter)| Some((name.as_str(), parameter.get("Default")?.clone())));
        let mut parameters: BTreeMap<_, _> = defaults.collect();
        for (name, value) in given {
            assert!(known.contains_key(*name), "no parameter {name}");
            parameters.insert(name, Value::String(value.clone()));
        }
        Self { template, parameters, scope }
    }

    /// Type and properties of each resource whose condition holds.
    pub(crate) fn resources(&self) -> Vec<(&'a str, Value)> {
        let resources = self.section("Resources").iter().filter(|(_, resource)| self.is_there(resource));
        let made = |resource: &'a Value| {
            (resource["Type"].as_str().unwrap(), self.value(&resource["Properties"]).unwrap())
        };
        resources.map(|(_, resource)| made(resource)).collect()
    }

    /// An output, if it exists and its condition holds.
    pub(crate) fn output(&self, name: &str) -> Option<String> {
        let output = self.section("Outputs").get(name)?;
        self.is_there(output).then(|| self.text(&output["Value"]))
    }

    /// Descriptions of the violated assertions of the section Rules.
    pub(crate) fn refusals(&self) -> Vec<&'a str> {
        let applies = |rule: &&Value| self.truth(&rule["RuleCondition"]);
        let rules = self.section("Rules").values().filter(applies);
        let assertions = rules.flat_map(|rule| rule["Assertions"].as_array().unwrap());
        let broken = assertions.filter(|assertion| !self.truth(&assertion["Assert"]));
        broken.map(|assertion| assertion["AssertDescription"].as_str().unwrap()).collect()
    }

    fn section(&self, name: &str) -> &'a Map<String, Value> {
        self.template[name].as_object().unwrap()
    }

    fn is_there(&self, part: &Value) -> bool {
        part.get("Condition").is_none_or(|name| self.condition(name.as_str().unwrap()))
    }

    fn condition(&self, name: &str) -> bool {
        self.truth(&self.section("Conditions")[name])
    }

    fn truth(&self, expression: &Value) -> bool {
        let (function, argument) = call(expression).unwrap();
        let parts = || argument.as_array().unwrap().iter();
        match function {
            "Condition" => self.condition(argument.as_str().unwrap()),
            "Fn::Not" => !self.truth(&argument[0]),
            "Fn::And" => parts().all(|part| self.truth(part)),
            "Fn::Or" => parts().any(|part| self.truth(part)),
            // As text: parameters have no other type inside CloudFormation.
            "Fn::Equals" => self.text(&argument[0]) == self.text(&argument[1]),
            other => panic!("{other} in a condition"),
        }
    }

    /// Evaluates a value; `None` is `AWS::NoValue`.
    fn value(&self, node: &Value) -> Option<Value> {
        if let Some((function, argument)) = call(node) {
            return self.function(function, argument);
        }
        Some(match node {
            Value::Array(items) => items.iter().filter_map(|item| self.value(item)).collect(),
            Value::Object(parts) => {
                let parts = parts.iter().filter_map(|(key, part)| Some((key.clone(), self.value(part)?)));
                Value::Object(parts.collect())
            }
            other => other.clone(),
        })
    }

    fn function(&self, name: &str, argument: &Value) -> Option<Value> {
        match name {
            "Ref" if argument == "AWS::NoValue" => None,
            "Ref" => Some(self.reference(argument.as_str().unwrap())),
            "Fn::GetAtt" => {
                let part = |index: usize| argument[index].as_str().unwrap();
                Some(self.attribute(part(0), part(1)).into())
            }
            "Fn::If" => {
                let chosen = if self.condition(argument[0].as_str().unwrap()) { 1 } else { 2 };
                self.value(&argument[chosen])
            }
            "Fn::Sub" => Some(self.substituted(argument.as_str().unwrap()).into()),
            "Fn::Split" => {
                let text = self.text(&argument[1]);
                Some(text.split(argument[0].as_str().unwrap()).map(Value::from).collect())
            }
            "Fn::FindInMap" => {
                let key = |index: usize| self.text(&argument[index]);
                Some(self.section("Mappings")[&key(0)][key(1)][key(2)].clone())
            }
            other => panic!("{other} in a value"),
        }
    }

    fn text(&self, node: &Value) -> String {
        match self.value(node).unwrap() {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    fn substituted(&self, template: &str) -> String {
        let mut pieces = template.split("${");
        let mut text = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap();
            match (name.strip_prefix('!'), name.split_once('.')) {
                (Some(literal), _) => text.extend(["${", literal, "}"]),
                (None, Some((resource, attribute))) => text += &self.attribute(resource, attribute),
                (None, None) => text += self.reference(name).as_str().unwrap(),
            }
            text += rest;
        }
        text
    }

    /// A pseudo parameter, a parameter, or what `Ref` returns of a resource ("Return values" of each type in the
    /// CloudFormation Template Reference).
    fn reference(&self, name: &str) -> Value {
        match name {
            "AWS::Partition" => self.scope.partition.into(),
            "AWS::Region" => self.scope.region.into(),
            "AWS::AccountId" => self.scope.account.into(),
            _ if self.section("Parameters").contains_key(name) => {
                self.parameters.get(name).unwrap_or_else(|| panic!("{name} is not given")).clone()
            }
            _ => {
                let (kind, property) = self.made(name);
                match kind {
                    "AWS::IAM::ManagedPolicy" => self.iam("policy", &property("ManagedPolicyName")),
                    "AWS::IAM::Role" => property("RoleName"),
                    "AWS::IAM::User" => property("UserName"),
                    "AWS::IAM::InstanceProfile" => property("InstanceProfileName"),
                    "AWS::Lambda::Function" => property("FunctionName"),
                    "AWS::SQS::Queue" => format!("https://sqs/{}", property("QueueName")),
                    other => panic!("Ref of {other}"),
                }
                .into()
            }
        }
    }

    fn attribute(&self, name: &str, attribute: &str) -> String {
        let (kind, property) = self.made(name);
        let Scope { partition, region, account, .. } = self.scope;
        let arn =
            |service: &str, rest: String| format!("arn:{partition}:{service}:{region}:{account}:{rest}");
        match (kind, attribute) {
            ("AWS::IAM::Role", "Arn") => self.iam("role", &property("RoleName")),
            ("AWS::IAM::User", "Arn") => self.iam("user", &property("UserName")),
            ("AWS::SQS::Queue", "Arn") => arn("sqs", property("QueueName")),
            ("AWS::Lambda::Function", "Arn") => {
                arn("lambda", format!("function:{}", property("FunctionName")))
            }
            ("AWS::Events::Rule", "Arn") => arn("events", format!("rule/{}", property("Name"))),
            ("AWS::EC2::SecurityGroup", "GroupId") => MADE_GROUP.to_owned(),
            other => panic!("GetAtt of {other:?}"),
        }
    }

    /// A resource that is referred to; panics if it does not exist.
    fn made(&self, name: &str) -> (&'a str, impl Fn(&str) -> String) {
        let resource = &self.section("Resources")[name];
        assert!(self.is_there(resource), "{name} is referred to and not there");
        let property = |property: &str| self.text(&resource["Properties"][property]);
        (resource["Type"].as_str().unwrap(), property)
    }

    fn iam(&self, kind: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{kind}/{name}", self.scope.partition, self.scope.account)
    }
}

/// The one key of an intrinsic function, and what it is called with.
fn call(node: &Value) -> Option<(&str, &Value)> {
    let parts = node.as_object().filter(|parts| parts.len() == 1)?;
    let (name, argument) = parts.iter().next()?;
    // `Condition` with a name; a policy statement's has an object.
    let is_function =
        name.starts_with("Fn::") || name == "Ref" || (name == "Condition" && argument.is_string());
    is_function.then_some((name.as_str(), argument))
}
