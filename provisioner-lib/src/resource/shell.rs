//! Commands of a shell, and how each kind of resource is managed with them.

use std::fmt;

use serde_json::Value;

use super::{
    changes::{Change, TagChanges},
    kind::{Id, Tags},
};

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

impl Context<'_> {
    /// The ARN of a resource in the region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// The commands of `aws` and `kubectl` for one resource.
pub(crate) trait Commands {
    fn create(&self, context: &Context) -> Vec<Shell>;

    /// By default, to create it again puts it in the place of what was found.
    fn update(&self, _: &[Change], context: &Context) -> Vec<Shell> {
        self.create(context)
    }

    fn delete(&self) -> Vec<Shell>;
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

impl Shell {
    /// `aws SERVICE OPERATION`.
    pub(crate) fn aws(service: &str, operation: &str) -> Self {
        Self::Command { start: format!("aws {service} {operation}"), options: Vec::new(), input: None }
    }

    /// `kubectl ..`, as it is.
    pub(crate) fn kubectl(words: &str) -> Self {
        Self::Command { start: format!("kubectl {words}"), options: Vec::new(), input: None }
    }

    /// A comment.
    pub(crate) fn comment(text: &str) -> Self {
        Self::Verbatim(format!("# {text}"))
    }

    /// An option and its value, quoted.
    pub(crate) fn with(self, option: &str, value: impl AsRef<str>) -> Self {
        self.raw(format!("{option} {}", quoted(value.as_ref())))
    }

    /// An option and its values, each quoted.
    pub(crate) fn all(self, option: &str, values: &[String]) -> Self {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.raw(format!("{option} {}", values.join(" ")))
    }

    /// Tags as IAM, EC2 and EventBridge take them.
    pub(crate) fn listed(self, tags: &Tags) -> Self {
        let tags: Vec<String> = tags.iter().map(|(key, value)| format!("Key={key},Value={value}")).collect();
        self.all("--tags", &tags)
    }

    /// Tags as the other services take them.
    pub(crate) fn mapped(self, tags: &Tags) -> Self {
        let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        self.with("--tags", tags.join(","))
    }

    /// Words as the shell is to read them.
    pub(crate) fn raw(mut self, words: impl Into<String>) -> Self {
        if let Self::Command { options, .. } = &mut self {
            options.push(words.into());
        }
        self
    }

    /// An option whose value is a document, which the command reads.
    pub(crate) fn document(self, option: &str, document: &Value) -> Self {
        self.raw(format!("{option} file:///dev/stdin")).reading(document)
    }

    /// A document on standard input.
    pub(crate) fn reading(mut self, document: &Value) -> Self {
        if let Self::Command { input, .. } = &mut self {
            *input = Some(format!("{document:#}"));
        }
        self
    }
}

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

/// The commands that tag and untag what `option` names, in the words of the service for it.
pub(crate) fn retag(
    service: &str,
    noun: &str,
    option: &str,
    name: &str,
    tagged: fn(Shell, &Tags) -> Shell,
    changes: &[Change],
) -> Vec<Shell> {
    let shell = |verb: &str| Shell::aws(service, &format!("{verb}-{noun}")).with(option, name);
    let tags = TagChanges::of(changes);
    let set = (!tags.set.is_empty()).then(|| tagged(shell("tag"), &tags.set));
    let removed = (!tags.removed.is_empty()).then(|| shell("untag").all("--tag-keys", &tags.removed));
    set.into_iter().chain(removed).collect()
}

/// As one word of the shell.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        ] {
            assert_eq!(quoted(text), word);
        }
    }

    #[test]
    fn a_long_command_has_one_option_per_line() {
        let shell = |name: &str| {
            let create = Shell::aws("iam", "create-role").with("--role-name", name);
            create.document("--doc", &json!({"a": 1})).to_string()
        };
        let document = "--doc file:///dev/stdin <<'JSON'\n{\n  \"a\": 1\n}\nJSON";
        assert_eq!(shell("r"), format!("aws iam create-role --role-name r {document}"));
        let long = "r".repeat(WIDTH);
        assert_eq!(shell(&long), format!("aws iam create-role --role-name {long} \\\n  {document}"));
    }
}
