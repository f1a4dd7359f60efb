//! The rows of the event table agree with the files of `infra/events/`.

use std::{collections::BTreeSet, fs, path::Path};

use cast_spot_infra::events::{ALL, SELF_TEST, SELF_TEST_RULE, SPOT_INTERRUPTION};
use serde_json::{Value, json};

#[test]
fn each_pattern_selects_the_source_and_type_of_its_row() {
    for kind in ALL {
        let pattern: Value = serde_json::from_str(kind.pattern).unwrap();
        assert_eq!(pattern["source"], json!([kind.source]), "{}", kind.name);
        assert_eq!(pattern["detail-type"], json!([kind.detail_type]), "{}", kind.name);
    }
}

#[test]
fn each_file_of_the_folder_has_a_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let files: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let rows: BTreeSet<String> =
        ALL.iter().map(|kind| kind.name.replace('_', "-")).chain(["self-test".to_owned()]).collect();
    assert_eq!(files, rows);
}

#[test]
fn names_and_rules_are_distinct() {
    let names: BTreeSet<&str> = ALL.iter().map(|kind| kind.name).collect();
    let rules: BTreeSet<&str> = ALL.iter().map(|kind| kind.rule).chain([SELF_TEST_RULE]).collect();
    assert_eq!((names.len(), rules.len()), (ALL.len(), ALL.len() + 1));
}

#[test]
fn the_self_test_is_a_dry_run_notice() {
    let event: Value = serde_json::from_str(SELF_TEST).unwrap();
    assert_eq!(event["detail-type"], SPOT_INTERRUPTION.detail_type);
    assert_eq!(event["source"], SPOT_INTERRUPTION.source);
    assert_eq!(event["detail"]["dry-run"], true);
}
