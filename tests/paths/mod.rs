//! The paths that a source file names: a scanner that is just good enough for the rules of the
//! architecture. It sees `use` trees and paths in code, not what a macro makes of them.

/// All paths (`a::b::c`) that `source` uses outside of its tests, comments and strings.
pub(crate) fn used(source: &str) -> Vec<String> {
    let code = code(source);
    let mut found = Vec::new();
    for statement in code.split_inclusive(';') {
        if let Some(tree) = use_tree(statement) {
            expand(tree, "", &mut found);
        }
    }
    let mut path = String::new();
    for c in code.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            path.push(c);
        } else {
            // A single name may be a variable; only a path says whose it is.
            if path.contains("::") {
                found.push(path.trim_matches(':').to_owned());
            }
            path.clear();
        }
    }
    found
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

/// Source without line comments, string contents and what follows `#[cfg(test)]`.
fn code(source: &str) -> String {
    let mut code = String::new();
    for line in source.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]")) {
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

fn use_tree(statement: &str) -> Option<&str> {
    let line = statement.rfind("use ").filter(|at| {
        let before = statement.get(..*at).unwrap_or_default().trim_end_matches(' ');
        before.is_empty() || before.ends_with(['\n', ')', '}']) || before.ends_with("pub")
    })?;
    statement.get(line + 4..)?.strip_suffix(';')
}

/// `a::{b, c::{d, e as f}}` into `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str, prefix: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        let leaf = tree.split_whitespace().next().unwrap_or_default();
        if !leaf.is_empty() {
            found.push(format!("{prefix}{leaf}"));
        }
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
                expand(&group[start..at], &prefix, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&group[start..], &prefix, found);
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
fn a_rule_of_one_segment_is_a_crate_and_a_star_is_any_ending() {
    assert!(names("kube::Client", "kube"));
    assert!(!names("crate::adapters::kube", "kube"));
    assert!(names("aws_sdk_ec2::Client", "aws_*"));
    assert!(names("jiff::Timestamp::now", "Timestamp::now"));
    assert!(!names("jiff::Timestamp", "Timestamp::now"));
}
