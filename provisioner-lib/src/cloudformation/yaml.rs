//! YAML with the short forms of CloudFormation's functions.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use serde_saphyr::{DoubleQuoted, FlowSeq, Tagged, ser_options};

/// Lists of at most so many characters stand in one line.
const SHORT: usize = 100;

/// The lines of an entry of a section.
pub(super) fn yaml(name: &str, value: &Value) -> String {
    let options = ser_options! { compact_list_indent: false };
    let section = json!({ "Resources": { name: value } });
    let text = serde_saphyr::to_string_with_options(&Yaml(&section), options).unwrap_or_default();
    text.split_once('\n').map_or_else(String::new, |(_, entry)| entry.to_owned())
}

struct Yaml<'a>(&'a Value);

impl Serialize for Yaml<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(parts) => {
                let function = parts.iter().find(|(name, _)| *name == "Ref" || name.starts_with("Fn::"));
                if let Some((name, argument)) = function {
                    let tag = format!("!{}", name.trim_start_matches("Fn::"));
                    return Tagged(Yaml(argument), Some(tag)).serialize(serializer);
                }
                let nothing = [json!(null), json!([]), json!({ "Ref": "AWS::NoValue" })];
                let parts = parts.iter().filter(|(_, part)| !nothing.contains(part));
                serializer.collect_map(parts.map(|(key, part)| (key, Yaml(part))))
            }
            Value::Array(items) if self.0.to_string().len() <= SHORT => {
                FlowSeq(items.iter().map(Yaml).collect::<Vec<_>>()).serialize(serializer)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Yaml)),
            // In a list of one line, older parsers take the colon for that of a key.
            Value::String(text)
                if text.contains(':') && !text.contains('\n') && !text.starts_with("AWS::") =>
            {
                DoubleQuoted(text).serialize(serializer)
            }
            other => other.serialize(serializer),
        }
    }
}
