//! One command of a shell.

use std::fmt;

use serde_json::Value;

/// A line that can be copied: a command with its options, or a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shell {
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
    pub(super) fn aws(service: &str, operation: &str) -> Self {
        Self::Command { start: format!("aws {service} {operation}"), options: Vec::new(), input: None }
    }

    /// `kubectl ..`, as it is.
    pub(super) fn kubectl(words: &str) -> Self {
        Self::Command { start: format!("kubectl {words}"), options: Vec::new(), input: None }
    }

    /// A comment.
    pub(super) fn comment(text: &str) -> Self {
        Self::Verbatim(format!("# {text}"))
    }

    /// An option and its value, quoted.
    pub(super) fn with(self, option: &str, value: impl AsRef<str>) -> Self {
        self.raw(format!("{option} {}", quoted(value.as_ref())))
    }

    /// An option and its values, each quoted.
    pub(super) fn all(self, option: &str, values: &[String]) -> Self {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.raw(format!("{option} {}", values.join(" ")))
    }

    /// Words as the shell is to read them.
    pub(super) fn raw(mut self, words: impl Into<String>) -> Self {
        if let Self::Command { options, .. } = &mut self {
            options.push(words.into());
        }
        self
    }

    /// An option whose value is a document, which the command reads.
    pub(super) fn document(self, option: &str, document: &Value) -> Self {
        self.raw(format!("{option} file:///dev/stdin")).reading(document)
    }

    /// A document on standard input.
    pub(super) fn reading(mut self, document: &Value) -> Self {
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

/// As one word of the shell.
pub(super) fn quoted(text: &str) -> String {
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
    fn a_long_command_has_its_options_below_each_other_and_a_document_at_the_end() {
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
