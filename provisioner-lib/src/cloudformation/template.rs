//! The templates of the kinds, their `cloudformation.yaml`, filled in.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::resource::{Id, Resource, TemplateValues, each};

/// EC2's service principal, the only one of those used here that differs between partitions.
const EC2: &str = "ec2.amazonaws.com";

/// The CloudFormation types of a resource with their properties; for a part of another resource, the list property of that
/// resource and the item.
///
/// `<name>` is a field of the resource, or one of [`TemplateValues::extra_values`]; `<network.subnet_ids>` is within one. What is null, or
/// has nothing but null in it, is left out.
///
/// | form | as |
/// |---|---|
/// | `<name:role>`, `<name:role.Arn>` | `Ref` or attribute of the role that it names, where the stack makes it |
/// | `<name:tags>`, `<name:policies>` | a list of them |
/// | `<name:document>` | a policy: as text where keys are filled in, because CloudFormation fills in values only |
/// | `<name:trust>` | a trust policy |
/// | `<name:text>` | its JSON |
/// | `<name:split>` | the list that a parameter stands for |
/// | `<name:days>` | days; 0 keeps it forever |
pub(super) fn made(resource: &Resource, ids: &BTreeMap<Id, String>) -> Map<String, Value> {
    let parts = [json!(resource), each!(resource, it => it.extra_values(&[]))];
    let values = parts.into_iter().filter_map(|part| part.as_object().cloned()).flatten().collect();
    let template =
        serde_saphyr::from_str(resource.kind().cloudformation_template()).expect("a template is YAML");
    let made = Values { values, ids }.filled(&template);
    made.as_object().cloned().unwrap_or_default()
}

struct Values<'a> {
    values: Value,
    ids: &'a BTreeMap<Id, String>,
}

impl Values<'_> {
    fn filled(&self, template: &Value) -> Value {
        match template {
            Value::String(text) => {
                let place = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
                place.map_or_else(|| template.clone(), |place| self.value(place))
            }
            Value::Array(items) if !items.is_empty() => {
                let items: Vec<_> =
                    items.iter().map(|item| self.filled(item)).filter(|item| !item.is_null()).collect();
                if items.is_empty() { Value::Null } else { items.into() }
            }
            Value::Object(parts) => {
                let parts = parts.iter().map(|(key, part)| (key.clone(), self.filled(part)));
                let parts: Map<_, _> = parts.filter(|(_, part)| !part.is_null()).collect();
                if parts.is_empty() { Value::Null } else { parts.into() }
            }
            other => other.clone(),
        }
    }

    fn value(&self, place: &str) -> Value {
        let (path, form) = place.split_once(':').unwrap_or((place, ""));
        let value = self.values.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null);
        let fills_key = || value.to_string().contains("}\":");
        match (form, value) {
            (_, Value::Null) => Value::Null,
            ("tags", Value::Object(tags)) => {
                tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
            }
            ("policies", Value::Array(arns)) => arns
                .iter()
                .map(|arn| json!({ "PolicyArn": arn, "AccessScope": { "Type": "cluster" } }))
                .collect(),
            ("document", document) if fills_key() => format!("{document:#}").into(),
            ("text", document) => format!("{document:#}").into(),
            ("trust", trust) => by_partition(trust),
            ("split", Value::Array(list)) => json!({ "Fn::Split": [",", list[0]] }),
            ("days", days) => json!((*days != 0).then(|| days.to_string())),
            ("" | "document", value) => value.clone(),
            (form, name) => self.reference(form, name.as_str().unwrap_or_default()),
        }
    }

    /// By the last part of a name or an ARN.
    fn reference(&self, form: &str, name: &str) -> Value {
        let (kinds, attribute) = form.split_once('.').unwrap_or((form, ""));
        let last = |name: &str| name.rsplit([':', '/']).next().map(str::to_owned);
        let is_meant =
            |id: &Id| kinds.split('|').any(|kind| kind == id.kind.label()) && last(&id.name) == last(name);
        match self.ids.iter().find(|(id, _)| is_meant(id)) {
            None => name.into(),
            Some((_, logical)) if attribute.is_empty() => json!({ "Ref": logical }),
            Some((_, logical)) => json!({ "Fn::GetAtt": format!("{logical}.{attribute}") }),
        }
    }
}

/// The trust policy with EC2's service principal from the frame's mapping.
fn by_partition(trust: &Value) -> Value {
    match trust {
        Value::String(text) if text == EC2 => {
            json!({ "Fn::FindInMap": ["Partitions", { "Ref": "AWS::Partition" }, "Ec2Service"] })
        }
        Value::Array(items) => items.iter().map(by_partition).collect(),
        Value::Object(parts) => {
            parts.iter().map(|(key, part)| (key.clone(), by_partition(part))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
