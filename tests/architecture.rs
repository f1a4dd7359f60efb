//! The rules of the code as tests: who may use what, names, lengths of files. They read the sources, because the
//! compiler does not know these rules.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use cast_spot_tests::{root, rust_files};

mod imports;
mod paths;

/// Crates' own source folders.
const SOURCES: [&str; 8] = [
    "infra/src",
    "lambda/src",
    "lambda/rehearsal/src",
    "provisioner-lib/src",
    "provisioner-lib/cloud/src",
    "provisioner-lib/savings/src",
    "provisioner-lib/cli/src",
    "tests",
];
const CLOCKS: [&str; 4] = ["SystemTime::now", "std::time::Instant", "Timestamp::now", "Zoned::now"];

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Names that the files at `places` use and may not. A place must exist: a stage that has moved would go
/// unwatched.
fn breaches(places: &[&str], forbidden: &[&str]) -> Vec<String> {
    let mut breaches = Vec::new();
    for place in places {
        let files = rust_files(place);
        assert!(!files.is_empty(), "{place} is not there");
        for file in files.into_iter().filter(|file| !is_hand(file)) {
            for path in paths::used(&read(&file)) {
                if let Some(rule) = forbidden.iter().find(|rule| paths::names(&path, rule)) {
                    breaches.push(format!("{} uses {path} ({rule})", short(&file)));
                }
            }
        }
    }
    breaches
}

/// Whether a file speaks to the API of a kind of resource.
fn is_hand(file: &Path) -> bool {
    let hands = ["aws", "aws.rs", "kubernetes.rs"];
    let within = file.strip_prefix(root().join("provisioner-lib/src/resource"));
    within.is_ok_and(|within| within.iter().any(|part| hands.iter().any(|hand| part == *hand)))
}

fn assert_none(places: &[&str], forbidden: &[&[&str]]) {
    let found = breaches(places, &forbidden.concat());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The same for stages of `folder`, each a file, a folder or both.
fn assert_none_of(folder: &str, stages: &[&str], forbidden: &[&[&str]]) {
    for stage in stages {
        let places = [format!("{folder}/{stage}.rs"), format!("{folder}/{stage}")];
        let exists = |place: &&str| root().join(place).exists();
        let places: Vec<_> = places.iter().map(String::as_str).filter(exists).collect();
        assert!(!places.is_empty(), "{folder} has no {stage}");
        assert_none(&places, forbidden);
    }
}

#[test]
fn event_plan_and_report_are_pure() {
    assert_none(
        &["lambda/src/event", "lambda/src/plan", "lambda/src/report", "lambda/src/report.rs"],
        &[&["tokio", "kube", "aws_*", "std::env", "crate::adapters", "crate::act"], &CLOCKS],
    );
}

#[test]
fn act_and_locate_reach_the_world_through_ports_only() {
    assert_none(
        &["lambda/src/act", "lambda/src/locate.rs", "lambda/src/locate", "lambda/src/budget.rs"],
        &[&["kube", "aws_*", "std::env", "crate::adapters"], &CLOCKS],
    );
}

#[test]
fn adapters_read_no_environment_and_decide_nothing() {
    assert_none(&["lambda/src/adapters"], &[&["std::env", "crate::plan", "crate::act", "crate::locate"]]);
}

#[test]
fn the_observer_judges_by_facts_and_the_world_knows_no_judge() {
    let observer = "lambda/rehearsal/src/observer";
    assert_none(&[observer], &[&["crate::world", "crate::wire", "crate::function", "crate::run"]]);
    assert_none(&["lambda/rehearsal/src/wire"], &[&["crate::observer", "crate::function", "crate::run"]]);
    let world = ["lambda/rehearsal/src/world", "lambda/rehearsal/src/facts"];
    assert_none(&world, &[&["crate::observer", "crate::wire", "crate::function", "crate::run"]]);
}

#[test]
fn the_stages_of_the_provisioner_are_pure() {
    let stages = [
        "aws_auth",
        "check",
        "cloudformation",
        "commands",
        "desired",
        "endpoints",
        "facts",
        "observed",
        "plan",
        "policy",
        "report",
        "resource",
        "spec",
    ];
    let forbidden: [&[&str]; 2] = [&["tokio", "kube", "aws_*", "std::env", "crate::provider"], &CLOCKS];
    assert_none_of("provisioner-lib/src", &stages, &forbidden);
    assert_none(&["provisioner-lib/src/connect"], &forbidden);
}

#[test]
fn the_code_of_a_kind_for_its_api_decides_nothing() {
    let hands = rust_files("provisioner-lib/src/resource").into_iter().filter(|file| is_hand(file));
    let stages = ["apply", "connect", "desired", "offboard", "onboard", "plan", "spec", "verify"];
    let stages = stages.map(|stage| format!("crate::{stage}"));
    for hand in hands {
        let used = paths::used(&read(&hand));
        let forbidden = |path: &&String| {
            stages
                .iter()
                .map(String::as_str)
                .chain(["std::env"])
                .chain(CLOCKS)
                .any(|rule| paths::names(path, rule))
        };
        assert_eq!(used.iter().find(forbidden), None, "{}", short(&hand));
    }
}

#[test]
fn the_passes_reach_aws_through_the_provider_only() {
    let stages = ["apply", "connect", "converge", "offboard", "onboard", "verify"];
    assert_none_of("provisioner-lib/src", &stages, &[&["kube", "aws_*", "std::env"]]);
}

/// The way to AWS and Kubernetes is shared, so it decides nothing and depends on no crate that does.
#[test]
fn cloud_depends_on_no_crate_of_ours() {
    let manifest = read(&root().join("provisioner-lib/cloud/Cargo.toml"));
    let dependencies = manifest.split_once("[dependencies]").unwrap().1;
    assert!(!dependencies.contains("cast-spot"), "{dependencies}");
    assert_none(&["provisioner-lib/cloud/src"], &[&["std::env", "std::fs"], &CLOCKS]);
}

/// The stages ask the provider, and it knows none of them.
#[test]
fn the_provider_imports_no_stage() {
    assert_none(
        &["provisioner-lib/src/provider"],
        &[&[
            "crate::apply",
            "crate::commands",
            "crate::connect",
            "crate::desired",
            "crate::offboard",
            "crate::onboard",
            "crate::plan",
            "crate::policy",
            "crate::recall",
            "crate::report",
            "crate::spec",
            "crate::verify",
        ]],
    );
}

#[test]
fn the_command_line_calls_no_sdk() {
    assert_none(&["provisioner-lib/cli/src"], &[&["kube", "aws_*"]]);
}

/// One gate, so that no name of others controls a terminal. The lints refuse `println!` and its kind everywhere.
#[test]
fn only_the_screen_writes_to_the_terminal() {
    let doors = ["stdout()", "stderr()", "anstream::std", ".print();", "/dev/tty"];
    let libraries = ["provisioner-lib/src", "provisioner-lib/cloud/src", "provisioner-lib/savings/src"];
    let libraries = libraries.into_iter().chain(["lambda/rehearsal/src", "provisioner-lib/cli/src"]);
    for file in libraries.flat_map(rust_files).filter(|file| !file.ends_with("cli/src/terminal.rs")) {
        // This one only asks where an error belongs.
        let source = read(&file).replace("use_stderr()", "");
        let door = doors.into_iter().find(|door| source.contains(door));
        assert_eq!(door, None, "{}", short(&file));
    }
}

#[test]
fn only_the_provider_of_savings_reaches_the_world() {
    let pure = [
        "catalog", "compare", "demand", "fit", "machines", "money", "offers", "pack", "prices", "quantity",
        "report", "snapshot", "template", "usage", "verdict",
    ];
    let forbidden: &[&str] =
        &["tokio", "kube", "aws_*", "std::env", "std::fs", "crate::provider", "cast_spot_cloud"];
    assert_none_of("provisioner-lib/savings/src", &pure, &[forbidden, &CLOCKS]);
}

#[test]
fn the_data_of_the_savings_report_knows_no_rendering() {
    assert_none(
        &["provisioner-lib/savings/src/report.rs"],
        &[&["crate::render", "crate::compare", "crate::pack", "askama", "anstyle"]],
    );
}

#[test]
fn handler_and_provisioner_do_not_depend_on_each_other() {
    for (manifest, other) in [
        ("lambda/Cargo.toml", "cast-spot-provisioner"),
        ("lambda/rehearsal/Cargo.toml", "cast-spot-provisioner"),
        ("provisioner-lib/Cargo.toml", "cast-spot-handler"),
        ("provisioner-lib/Cargo.toml", "cast-spot-rehearsal"),
        ("provisioner-lib/savings/Cargo.toml", "cast-spot-handler"),
        ("provisioner-lib/savings/Cargo.toml", "cast-spot-rehearsal"),
        // Its SDKs would be linked for nothing.
        ("provisioner-lib/savings/Cargo.toml", "cast-spot-provisioner"),
    ] {
        assert!(!read(&root().join(manifest)).contains(other), "{manifest} names {other}");
    }
}

#[test]
fn no_import_circle_of_files() {
    let crates = SOURCES.into_iter().filter(|folder| *folder != "tests");
    let circles = crates.flat_map(|folder| imports::Crate::read(folder).circles());
    let circles: Vec<_> = circles.collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn the_top_level_matches_the_allow_list() {
    let listed: BTreeSet<String> = [
        "Cargo.toml",
        "Cargo.lock",
        "cargo-lambda.toml",
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CODE_OF_CONDUCT.md",
        "LICENSE",
        "lambda",
        "provisioner-lib",
        "infra",
        "tests",
        "docs",
    ]
    .map(String::from)
    .into();
    let found: BTreeSet<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn no_catch_all_modules() {
    let drawers = ["utils", "util", "common", "helpers", "helper", "models", "manager", "misc"];
    for file in SOURCES.into_iter().flat_map(rust_files) {
        for part in &file.strip_prefix(root()).unwrap().with_extension("") {
            assert!(!drawers.iter().any(|drawer| part == *drawer), "{}", short(&file));
        }
        let source = read(&file);
        for drawer in drawers {
            let inline = format!("mod {drawer} ");
            assert!(
                !source.lines().any(|line| line.trim_start().starts_with(&inline)),
                "{}: {inline}",
                short(&file)
            );
        }
    }
}

#[test]
fn no_file_has_more_than_400_lines() {
    let long: Vec<_> = SOURCES
        .into_iter()
        .flat_map(rust_files)
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > 400)
        .map(|(lines, file)| format!("{}: {lines}", short(&file)))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// A file that no module declares is not compiled, unnoticed: a kind of event that is never
/// recognised, a test that never runs.
#[test]
fn every_source_file_is_part_of_its_crate() {
    let targets = ["tests/Cargo.toml", "tests/real/Cargo.toml"].map(|manifest| read(&root().join(manifest)));
    let targets = targets.concat();
    let orphans: Vec<_> = SOURCES
        .into_iter()
        .flat_map(rust_files)
        .filter(|file| !is_part_of_its_crate(file, &targets))
        .map(|file| short(&file))
        .collect();
    assert!(orphans.is_empty(), "no module declares {}", orphans.join(", "));
}

fn is_part_of_its_crate(file: &Path, targets: &str) -> bool {
    let (name, folder) = (file.file_stem().unwrap().to_str().unwrap(), file.parent().unwrap());
    match name {
        "lib" | "main" => true,
        // Cargo finds these by their place.
        _ if folder.ends_with("src/bin") || folder.ends_with("real/tests") => true,
        // `x/mod.rs` is declared one folder up, under the folder's name.
        "mod" => is_declared(folder.file_name().unwrap().to_str().unwrap(), folder.parent().unwrap()),
        _ => targets.contains(&format!("path = \"{name}.rs\"")) || is_declared(name, folder),
    }
}

fn is_declared(name: &str, folder: &Path) -> bool {
    let mut parents: Vec<PathBuf> = ["mod.rs", "lib.rs", "main.rs"].map(|parent| folder.join(parent)).into();
    parents.push(folder.with_extension("rs"));
    if folder == root().join("tests") {
        // A test target is the root of a crate.
        parents.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    let declaration = format!("mod {name};");
    parents.iter().filter(|parent| parent.is_file()).any(|parent| {
        read(parent).lines().any(|line| {
            let line = line.trim();
            line == declaration
                || line.strip_prefix("pub ").or(line.strip_prefix("pub(crate) ")) == Some(&declaration)
        })
    })
}
