//! The paths that a source file names: a scanner that is just good enough for the rules of the
//! architecture. It sees `use` trees and paths in code, not what a macro makes of them.

/// A name that a file brings into scope by `use`.
pub(crate) struct Import {
    pub(crate) path: String,
    pub(crate) name: String,
    /// Whether the file hands it on (`pub use`).
    pub(crate) is_public: bool,
}

/// What a file names outside of its tests, comments and strings.
pub(crate) struct Named {
    pub(crate) imports: Vec<Import>,
    /// Paths (`a::b::c`) in code.
    pub(crate) paths: Vec<String>,
}

/// All paths that `source` uses outside of its tests, comments and strings.
pub(crate) fn used(source: &str) -> Vec<String> {
    let Named { imports, paths } = read(source);
    imports.into_iter().map(|import| import.path).chain(paths).collect()
}

pub(crate) fn read(source: &str) -> Named {
    let mut named = Named { imports: Vec::new(), paths: Vec::new() };
    for statement in code(source).split_inclusive(';') {
        let Some((before, tree)) = use_tree(statement) else {
            paths(statement, &mut named.paths);
            continue;
        };
        paths(before, &mut named.paths);
        let is_public = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
        expand(tree, "", is_public, &mut named.imports);
    }
    named
}

fn paths(code: &str, found: &mut Vec<String>) {
    for path in code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        // A single name may be a variable; only a path says whose it is.
        if path.contains("::") {
            found.push(path.trim_matches(':').to_owned());
        }
    }
}

/// Whether `path` goes through `rule`: its segments stand in the path one after the other. A segment
/// of the rule may end in `*`. A rule of one segment is the name of a crate.
pub(crate) fn names(path: &str, rule: &str) -> bool {
    let path: Vec<_> = path.split("::").collect();
    let rule: Vec<_> = rule.split("::").collect();
    let same = |(segment, rule): (&&str, &&str)| match rule.strip_suffix('*') {
        Some(prefix) => segment.starts_with(prefix),
        None => segment == rule,
    };
    let fits = |window: &[&str]| window.iter().zip(&rule).all(same);
    if rule.len() == 1 { path.get(..1).is_some_and(fits) } else { path.windows(rule.len()).any(fits) }
}

/// Source without line comments, string contents and the items under `#[cfg(test)]`.
fn code(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            skip_item(&mut lines);
            continue;
        }
        let mut in_string = false;
        let mut before = ' ';
        for c in line.chars() {
            if c == '"' && before != '\\' && before != '\'' {
                in_string = !in_string;
            } else if c == '/' && before == '/' && !in_string {
                code.pop();
                break;
            }
            code.push(if in_string { ' ' } else { c });
            before = c;
        }
        code.push('\n');
    }
    code
}

/// An item ends with its first line, or with the brace that stands under its beginning.
fn skip_item<'s>(lines: &mut impl Iterator<Item = &'s str>) {
    let Some(first) = lines.find(|line| !line.trim_start().starts_with('#')) else { return };
    if !first.ends_with([';', '}']) {
        let indent = first.len() - first.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        lines.find(|line| line.starts_with(&end));
    }
}

/// What stands before a `use`, and its tree.
fn use_tree(statement: &str) -> Option<(&str, &str)> {
    let line = statement.rfind("use ").filter(|at| {
        let before = statement.get(..*at).unwrap_or_default().trim_end_matches(' ');
        before.is_empty() || before.ends_with(['\n', ')', '}']) || before.ends_with("pub")
    })?;
    Some((statement.get(..line)?, statement.get(line + 4..)?.strip_suffix(';')?))
}

/// `a::{b, c::{d, e as f}}` into `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str, prefix: &str, is_public: bool, found: &mut Vec<Import>) {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        let mut words = tree.split_whitespace();
        let Some(leaf) = words.next() else { return };
        let path = format!("{prefix}{leaf}");
        let path = path.strip_suffix("::self").unwrap_or(&path).to_owned();
        let name = words.nth(1).or(path.rsplit("::").next()).unwrap_or_default().to_owned();
        found.push(Import { path, name, is_public });
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let group = group.strip_suffix('}').unwrap_or(group);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&group[start..at], &prefix, is_public, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&group[start..], &prefix, is_public, found);
}

#[test]
fn use_trees_are_expanded_and_paths_in_code_are_seen() {
    let source = "use std::{env as e, collections::{BTreeMap, BTreeSet}};\npub use kube;\nfn f() { aws_config::load(x); }";
    let used = used(source);
    for path in ["std::env", "std::collections::BTreeSet", "kube", "aws_config::load"] {
        assert!(used.iter().any(|used| used == path), "{path} in {used:?}");
    }
}

#[test]
fn comments_strings_and_tests_do_not_count() {
    let source = "// kube::Client\nlet s = \"tokio::spawn\"; // aws_config::load\n#[cfg(test)]\nmod tests { use kube::Api; }";
    assert_eq!(used(source), Vec::<String>::new());
}

#[test]
fn code_after_an_item_of_the_tests_counts() {
    let source =
        "#[cfg(test)]\nmod fake;\nuse kube::Api;\n#[cfg(test)]\nuse tokio::{\n    fs,\n};\nfn f() { a::b() }";
    assert_eq!(used(source), ["kube::Api", "a::b"]);
}

#[test]
fn a_rule_of_one_segment_is_a_crate_and_a_star_is_any_ending() {
    assert!(names("kube::Client", "kube"));
    assert!(!names("crate::adapters::kube", "kube"));
    assert!(names("aws_sdk_ec2::Client", "aws_*"));
    assert!(names("jiff::Timestamp::now", "Timestamp::now"));
    assert!(!names("jiff::Timestamp", "Timestamp::now"));
}
