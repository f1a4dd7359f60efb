//! A template of `infra/cloudformation/` as JSON, with CloudFormation's short forms written out: `!Ref a` is
//! `{"Ref": "a"}` ("Intrinsic function reference" in the CloudFormation User Guide).

use std::fs;

use cast_spot_tests::root;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, json};
use serde_saphyr::Tagged;

/// Reads a template by its name.
pub(crate) fn read(name: &str) -> Value {
    let text = fs::read_to_string(root().join("infra/cloudformation").join(name)).unwrap();
    parse(&text)
}

fn parse(yaml: &str) -> Value {
    let Node(template) = serde_saphyr::from_str(yaml).unwrap();
    template
}

/// A value with its tag written out.
struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(Plain(value), tag) = Tagged::deserialize(deserializer)?;
        Ok(Self(match tag.as_deref().and_then(|tag| tag.strip_prefix('!')) {
            None => value,
            Some(name @ ("Ref" | "Condition")) => json!({ name: value }),
            Some("GetAtt") => {
                json!({ "Fn::GetAtt": value.as_str().unwrap().split('.').collect::<Vec<_>>() })
            }
            Some(name) => json!({ format!("Fn::{name}"): value }),
        }))
    }
}

/// A value whose parts are [`Node`]s.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Parts).map(Self)
    }
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a scalar, a list or a map")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Node(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Node(value))) = entries.next_entry::<String, _>()? {
            assert!(map.insert(key.clone(), value).is_none(), "{key} twice");
        }
        Ok(map.into())
    }
}

#[test]
fn short_forms_are_written_out() {
    let template = parse("a: !If [C, !GetAtt R.Arn, {b: !Sub '${x}', c: [!Ref AWS::NoValue, 1, true]}]");
    let other = json!({ "b": { "Fn::Sub": "${x}" }, "c": [{ "Ref": "AWS::NoValue" }, 1, true] });
    assert_eq!(template, json!({ "a": { "Fn::If": ["C", { "Fn::GetAtt": ["R", "Arn"] }, other] } }));
}
