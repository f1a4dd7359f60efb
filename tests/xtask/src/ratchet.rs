//! The ratchet: how long the product is, by crate, and how large the function's zip. Neither grows by accident:
//! who raises a number of `tests/ratchet.json` does so in a commit of its own that gives the reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    cache,
    process::{Failure, Outcome},
};

/// The crates that ship, and their sources.
const CRATES: [(&str, &str); 7] = [
    ("infra", "infra/src"),
    ("handler", "lambda/src"),
    ("rehearsal", "lambda/rehearsal/src"),
    ("provisioner", "provisioner-lib/src"),
    ("cloud", "provisioner-lib/cloud/src"),
    ("savings", "provisioner-lib/savings/src"),
    ("cli", "provisioner-lib/cli/src"),
];

/// Holds the lines of each crate to the file, and prints both.
pub(crate) fn check_lines() -> Outcome {
    let limits = limits()?;
    let mut over = Vec::new();
    for (name, lines) in counted()? {
        let limit = limits["lines"][name].as_u64().unwrap_or(0);
        eprintln!("{name:<12} {lines:>6} of {limit:>6} lines");
        if lines > limit {
            over.push(format!("{name} has {lines} lines of code, {} more than {FILE} allows", lines - limit));
        }
    }
    failed(&over)
}

/// Holds the size of the zip at `path` to the file.
pub(crate) fn check_zip(path: &Path) -> Outcome {
    let limit = limits()?["zip_kib"].as_u64().unwrap_or(0);
    let size = fs::metadata(path).map_err(|error| Failure::of(path.display(), &error))?.len().div_ceil(1024);
    eprintln!("the function's zip has {size} of {limit} KiB");
    let over = (size > limit).then(|| format!("the zip has {size} KiB, {FILE} allows {limit}"));
    failed(over.as_slice())
}

/// Lowers the lines of the file to what the crates have now. It raises none.
pub(crate) fn lower() -> Outcome {
    let mut limits = limits()?;
    for (name, lines) in counted()? {
        let limit = limits["lines"][name].as_u64().unwrap_or(lines);
        limits["lines"][name] = lines.min(limit).into();
    }
    let text = serde_json::to_string_pretty(&limits).unwrap_or_default();
    let path = cache::root().join(FILE);
    fs::write(&path, text + "\n").map_err(|error| Failure::of(path.display(), &error))?;
    check_lines()
}

const FILE: &str = "tests/ratchet.json";

fn limits() -> Outcome<Value> {
    let path = cache::root().join(FILE);
    let text = fs::read_to_string(&path).map_err(|error| Failure::of(path.display(), &error))?;
    serde_json::from_str(&text).map_err(|error| Failure::Other(format!("{FILE}: {error}")))
}

fn failed(over: &[String]) -> Outcome {
    let hint = "hint: shorten it, or raise the number in a commit of its own that says why";
    if over.is_empty() { Ok(()) } else { Err(Failure::Other(format!("{}\n{hint}", over.join("\n")))) }
}

fn counted() -> Outcome<BTreeMap<&'static str, u64>> {
    let mut counted = BTreeMap::new();
    for (name, folder) in CRATES {
        let mut sources = BTreeMap::new();
        read(&cache::root().join(folder), &mut sources).map_err(|error| Failure::of(folder, &error))?;
        counted.insert(name, lines(&sources));
    }
    Ok(counted)
}

fn read(folder: &Path, sources: &mut BTreeMap<PathBuf, String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path)?;
            sources.insert(path, source);
        }
    }
    Ok(())
}

/// Lines of code of the product: without blank lines, comments, and what is compiled for tests only.
fn lines(sources: &BTreeMap<PathBuf, String>) -> u64 {
    let mut total = 0;
    let mut in_tests = BTreeSet::new();
    let mut counts = Vec::new();
    for (path, source) in sources {
        let (count, modules) = product_lines(source);
        counts.push((path, count));
        let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("mod" | "lib" | "main") | None => path.with_file_name(""),
            Some(_) => path.with_extension(""),
        };
        in_tests.extend(modules.into_iter().map(|module| folder.join(module)));
    }
    for (path, count) in counts {
        let is_test = |module: &PathBuf| path.starts_with(module) || path.with_extension("") == *module;
        if !in_tests.iter().any(is_test) {
            total += count;
        }
    }
    total
}

/// Lines of code of one file, and the names of the modules that it declares for tests.
fn product_lines(source: &str) -> (u64, Vec<String>) {
    let (mut count, mut modules) = (0, Vec::new());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let code = line.trim();
        if code == "#[cfg(test)]" {
            let item = lines.by_ref().find(|line| !line.trim().starts_with("#[")).unwrap_or_default();
            let module = item.trim().trim_start_matches("pub(crate) ").strip_prefix("mod ");
            modules.extend(module.and_then(|module| module.strip_suffix(';')).map(str::to_owned));
            let indent = &item[..item.len() - item.trim_start().len()];
            if item.ends_with('{') {
                let end = format!("{indent}}}");
                lines.by_ref().find(|line| **line == end);
            } else if !item.ends_with(';') {
                lines.by_ref().find(|line| line.ends_with(';'));
            }
        } else if !code.is_empty() && !code.starts_with("//") {
            count += 1;
        }
    }
    (count, modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_comments_and_tests_do_not_count() {
        let source = "//! Docs.\n\nuse a::b;\n\n#[cfg(test)]\nmod wire;\n\n/// Docs.\nfn f() {\n    // Why.\n    g();\n}\n\n\
                      #[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";
        assert_eq!(product_lines(source), (4, vec!["wire".to_owned()]));
    }

    #[test]
    fn modules_declared_for_tests_do_not_count() {
        let sources = [
            ("src/lib.rs", "mod plan;\n"),
            ("src/plan.rs", "fn f() {}\n#[cfg(test)]\nmod tests;\n"),
            ("src/plan/tests.rs", "fn t() {}\n"),
            ("src/plan/tests/more.rs", "fn t() {}\n"),
            ("src/plan/waves.rs", "fn g() {}\n"),
        ];
        let sources = sources.map(|(path, source)| (PathBuf::from(path), source.to_owned()));
        assert_eq!(lines(&sources.into()), 3);
    }
}
