//! TemplateValues of a shell: the templates of each kind of resource, filled in.

use std::fmt::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Resource,
    changes::{Change, TagChanges, text, touches},
    each,
    kind::{Id, Kind},
};
use crate::invisible::{escaped_json, is_invisible};

/// The scope of a script's commands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) partition: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// File of the function's code.
    pub(crate) zip: &'a str,
    /// Resources that the plan writes before this one.
    pub(crate) after: &'a [Id],
}

/// Values for a kind's `commands.txt` and `cloudformation.yaml` beyond the fields of the resource.
pub(crate) trait TemplateValues: Serialize {
    /// An object; null if there are none.
    fn extra_values(&self, _: &[Change]) -> Value {
        Value::Null
    }
}

/// The commands of an action: `create`, `delete`, or `update` of what `changes` touch.
///
/// A section is one command. Its heading is the action and, for an update, the fields that it applies to. `{name}` is a
/// field of the resource or the scope, or an extra value, and is quoted with the word around it. `{to.name}` is the new
/// value of a changed field; `{set}` and `{removed}` are tags.
///
/// | form | as |
/// |---|---|
/// | `{name:listed}` | tags as IAM, EC2 and EventBridge take them |
/// | `{name:mapped}` | tags as the other services take them |
/// | `{name:stdin}`, `{name:input}` | a document, which the command reads |
/// | `{name:raw}` | words as the shell is to read them |
/// | `{name:each}` | an item of a list, in a command for each |
///
/// A command is left out if a value is null; with `{name?}`, only its option is, also if the value is empty.
pub(crate) fn commands(
    resource: &Resource,
    action: &str,
    changes: &[Change],
    context: &Context,
) -> Vec<Shell> {
    let templates = resource.kind().command_templates();
    // Without a section for updates, the create commands overwrite what exists.
    let action = if action == "update" && !templates.contains("## update") { "create" } else { action };
    let values = each!(resource, it => Values::of(it, changes, context));
    let applies = |head: &str| {
        let (of, fields) = head.split_once(' ').unwrap_or((head, ""));
        of == action && (fields.is_empty() || fields.split(' ').any(|field| touches(changes, field)))
    };
    let sections = templates.split("## ").filter_map(|section| section.split_once('\n'));
    let applicable = sections.filter(|(head, _)| applies(head));
    applicable.flat_map(|(_, template)| values.shells(template.trim_end())).collect()
}

/// The values for the templates of a resource.
#[derive(Clone)]
pub(crate) struct Values(Map<String, Value>);

impl Values {
    fn of(resource: &impl TemplateValues, changes: &[Change], context: &Context) -> Self {
        let Context { partition, region, account, zip, after } = context;
        let TagChanges { set, removed } = TagChanges::of(changes);
        let scope = json!({
            "partition": partition,
            "region": region,
            "account": account,
            "zip": zip,
            "role_is_new": after.iter().any(|id| id.kind == Kind::Role).then_some(""),
            "set": (!set.is_empty()).then_some(set),
            "removed": (!removed.is_empty()).then_some(removed),
        });
        let to = changes.iter().map(|change| (format!("to.{}", change.field), json!(change.to)));
        let parts = [json!(resource), scope, resource.extra_values(changes)];
        let objects = parts.into_iter().filter_map(|part| part.as_object().cloned());
        Self(objects.flatten().chain(to).collect())
    }

    /// Names in the templates that have no value.
    #[cfg(test)]
    pub(crate) fn unknown(resource: &Resource, context: &Context) -> Vec<String> {
        let Self(known) = each!(resource, it => Self::of(it, &[], context));
        let places =
            resource.kind().command_templates().split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        let names =
            places.map(|(place, _)| place.trim_end_matches('?').split(':').next().unwrap_or_default());
        let is_unknown = |name: &&str| !name.starts_with("to.") && !known.contains_key(*name);
        names.filter(is_unknown).map(str::to_owned).collect()
    }

    /// The commands of a template: one, or one for each item of a list.
    fn shells(&self, template: &str) -> Vec<Shell> {
        let Some((name, _)) = template.split('{').find_map(|rest| rest.split_once(":each}")) else {
            return self.shell(template).into_iter().collect();
        };
        let items = self.0.get(name).and_then(Value::as_array).into_iter().flatten();
        let with = |item: &Value| {
            let mut values = self.clone();
            values.0.insert(name.to_owned(), item.clone());
            values.shell(template)
        };
        items.filter_map(with).collect()
    }

    /// The command of a template; None where it names what is missing.
    fn shell(&self, template: &str) -> Option<Shell> {
        let mut input = None;
        if !["aws ", "kubectl "].iter().any(|program| template.starts_with(program)) {
            return self.words(template, &mut input).map(Shell::Verbatim);
        }
        let template = template.replace("\n  ", " ");
        let mut pieces = template.split(" --");
        let start = self.words(pieces.next()?, &mut input)?;
        let mut options = Vec::new();
        for piece in pieces {
            let words = self.words(piece, &mut input)?;
            options.extend((!words.is_empty()).then(|| format!("--{words}")));
        }
        Some(Shell::Command { start, options, input })
    }

    /// None where something is missing; empty where something optional is.
    fn words(&self, template: &str, input: &mut Option<String>) -> Option<String> {
        let mut words = Vec::new();
        for word in template.split(' ') {
            let (mut text, mut rest, mut is_raw) = (String::new(), word, !word.contains('{'));
            while let Some((before, (place, after))) =
                rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
            {
                let (place, is_optional) =
                    place.strip_suffix('?').map_or((place, false), |place| (place, true));
                let (name, form) = place.split_once(':').unwrap_or((place, ""));
                let value = self.0.get(name).unwrap_or(&Value::Null);
                if is_optional && (value.is_null() || *value == json!([]) || *value == json!({})) {
                    return Some(String::new());
                }
                is_raw |= value.is_array() || matches!(form, "raw" | "listed" | "stdin" | "input");
                text = text + before + &filled(form, value, input)?;
                rest = after;
            }
            text += rest;
            words.push(if is_raw { text } else { quoted(&text) });
        }
        Some(words.join(" "))
    }
}

fn filled(form: &str, value: &Value, input: &mut Option<String>) -> Option<String> {
    let all = |words: Vec<String>| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    Some(match (form, value) {
        (_, Value::Null) => return None,
        ("stdin" | "input", document) => {
            *input = Some(escaped_json(&format!("{document:#}")));
            if form == "stdin" { "file:///dev/stdin" } else { "-" }.to_owned()
        }
        ("listed", Value::Object(tags)) => {
            all(tags.iter().map(|(key, value)| format!("Key={key},Value={}", text(value))).collect())
        }
        ("mapped", Value::Object(tags)) => {
            tags.iter().map(|(key, value)| format!("{key}={}", text(value))).collect::<Vec<_>>().join(",")
        }
        (_, Value::Array(values)) => all(values.iter().map(text).collect()),
        // It is not quoted, so nothing can escape an invisible character.
        ("raw", value) => text(value).replace(|c| c != '\n' && is_invisible(c), "\u{fffd}"),
        (_, value) => text(value),
    })
}

/// A line that can be copied: a command with its options, or a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shell {
    /// A command, its options each on a line of its own, and what it reads.
    Command { start: String, options: Vec<String>, input: Option<String> },
    /// Anything else, as it is.
    Verbatim(String),
}

/// Longer commands have their options below each other.
const WIDTH: usize = 100;
/// What ends a here-document.
const END: &str = "JSON";

impl fmt::Display for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verbatim(text) => f.write_str(text),
            Self::Command { start, options, input } => {
                f.write_str(start)?;
                let length = start.len() + options.iter().map(|option| option.len() + 1).sum::<usize>();
                let between = if length <= WIDTH { " " } else { " \\\n  " };
                for (index, option) in options.iter().enumerate() {
                    f.write_str(if index == 0 { " " } else { between })?;
                    f.write_str(option)?;
                }
                match input {
                    Some(text) => write!(f, " <<'{END}'\n{text}\n{END}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// As one word of the shell, on one line and without invisible characters: `printf` makes them, as POSIX has no quotes
/// that do. Of line feeds at its end the shell keeps none.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let literal = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    if !text.contains(is_invisible) {
        return literal(text);
    }
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str(r"\\"),
            c if is_invisible(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(escaped, r"\0{byte:03o}");
                }
            }
            c => escaped.push(c),
        }
    }
    format!("\"$(printf %b {})\"", literal(&escaped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_survives_the_shell() {
        for (text, word) in [
            ("arn:aws:iam::1:role/a-b_c", "arn:aws:iam::1:role/a-b_c"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("system:node:{{EC2PrivateDNSName}}", "'system:node:{{EC2PrivateDNSName}}'"),
            ("", "''"),
            ("a\u{1b}]0;x\u{7}\\n", r#""$(printf %b 'a\0033]0;x\0007\\n')""#),
        ] {
            assert_eq!(quoted(text), word);
        }
    }

    #[test]
    fn a_hostile_word_survives_the_shell_unseen() {
        for text in ["a\n# b", "it's \u{1b}[2J $(id) `id` \"\\0101\" %s", "\u{202e}\u{9b}\u{e0041}ä\t"] {
            let word = quoted(text);
            assert!(!word.contains(is_invisible), "{word:?}");
            let script = format!("printf %s {word}");
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "{script}");
        }
    }

    #[test]
    fn no_invisible_character_is_in_a_command() {
        let evil = "x\u{1b}]0;y\u{7}\u{202e}";
        let values = Values(Map::from_iter([
            ("name".into(), evil.into()),
            ("tags".into(), json!({ (evil): evil })),
            ("list".into(), json!([evil])),
        ]));
        for template in [
            "aws a --b {name} --c {tags:listed} --d {tags:mapped} --e {list} --f {tags:stdin}",
            "# {name:raw} {name}",
        ] {
            let text = values.shell(template).unwrap().to_string();
            assert!(text.chars().all(|c| c == '\n' || !is_invisible(c)), "{text:?}");
        }
        let comment = Values(Map::from_iter([("name".into(), "a\nrm -r b".into())]));
        assert_eq!(comment.shell("# {name}").unwrap().to_string().lines().count(), 1);
    }

    #[test]
    fn a_long_command_has_one_option_per_line() {
        let shell = |name: &str| {
            let values =
                Values(Map::from_iter([("name".into(), name.into()), ("doc".into(), json!({"a": 1}))]));
            values.shell("aws iam create-role --role-name {name} --doc {doc:stdin}").unwrap().to_string()
        };
        let document = "--doc file:///dev/stdin <<'JSON'\n{\n  \"a\": 1\n}\nJSON";
        assert_eq!(shell("r"), format!("aws iam create-role --role-name r {document}"));
        let long = "r".repeat(WIDTH);
        assert_eq!(shell(&long), format!("aws iam create-role --role-name {long} \\\n  {document}"));
    }
}
