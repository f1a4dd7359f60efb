//! `cast-spot rehearse`: exit codes, standard output, standard error.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    io::{Read, Write},
    process::{Command, Output, Stdio},
};

use insta::assert_snapshot;
use serde_json::Value;

fn cast_spot(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cast-spot"));
    command.arg("rehearse").args(args);
    command
}

fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = cast_spot(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The exit code of a run and what it has written.
fn transcript(args: &[&str]) -> String {
    let (code, out, err) = run(args);
    format!("exit code {code}\n--- standard output\n{out}--- standard error\n{err}")
}

#[test]
fn a_graceful_end_exits_0_and_ends_with_one_line_of_verdict() {
    let text = transcript(&["--pods-per-node", "3"]);
    assert!(!text.contains('\u{1b}'), "no colours without a terminal");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert_snapshot!("graceful_end", text);
}

#[test]
fn a_scenario_needs_no_option() {
    assert_snapshot!("hook_consumer", transcript(&["hook-consumer", "--pods-per-node", "3"]));
}

#[test]
fn lost_pods_exit_1_and_bring_a_hint() {
    assert_snapshot!("lost_pods", transcript(&["--scenario", "slow-exit", "--pods-per-node", "1"]));
}

#[test]
fn a_missing_replacement_exits_1_and_says_why() {
    let args = ["--scenario", "launch-suspended", "--pods-per-node", "3"];
    assert_snapshot!("missing_replacement", transcript(&args));
}

#[test]
fn a_wrong_call_exits_2_and_names_the_remedy() {
    let cases: [&[&str]; 10] = [
        &["--scenario", "pdb-bloked"],
        &["--scenario", "wrong-node-name", "--cluster-nodes", "1"],
        &["--nodes", "-1"],
        &["--nodes", "0", "--latency-ms", "99999", "--pods-per-node", "999", "--event", "no-such-file.json"],
        &["--replacement", "perhaps"],
        &["--nodes", "9", "--cluster-nodes", "3", "--pods-per-node", "999"],
        &["--nodes", "many"],
        &["--pdb-at-deadline", "pray"],
        &["--event", "no-such-file.json"],
        &["--scenario", "random", "--nodes", "2"],
    ];
    let runs = cases.map(|args| {
        let text = transcript(args);
        assert!(text.starts_with("exit code 2\n--- standard output\n--- standard error\n"), "{text}");
        format!("$ cast-spot rehearse {}\n{text}", args.join(" "))
    });
    assert_snapshot!("wrong_calls", runs.join("\n"));
}

#[test]
fn an_event_is_read_from_standard_input() {
    let event = |action: &str| {
        format!(
            r#"{{"version":"0","id":"e-1","detail-type":"EC2 Spot Instance Interruption Warning","source":"aws.ec2",
            "account":"123456789012","time":"2026-11-22T09:00:00Z","region":"us-east-2","resources":[],
            "detail":{{"instance-id":"i-1234567890abcdef0","instance-action":"{action}"}}}}"#
        )
    };
    for (action, code, expected) in
        [("stop", 0, "i-1234567890abcdef0"), ("", 2, "detail.instance-action: empty")]
    {
        let mut child = cast_spot(&["--event", "-", "--pods-per-node", "1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(event(action).as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn json_is_one_document_and_equal_for_equal_seeds() {
    let outcome = || {
        let (code, out, _) = run(&["--json", "--latency-ms", "50", "--seed", "5"]);
        assert_eq!(code, 0);
        let mut outcome: Value = serde_json::from_str(&out).unwrap();
        assert!(outcome["real_ms"].is_u64());
        outcome["real_ms"] = Value::Null;
        outcome
    };
    let first = outcome();
    assert_eq!(first, outcome());
    assert_eq!(first["reports"][0]["cordon"]["after_ms"], 100);
    assert_eq!(first["world"]["violations"], Value::Array(Vec::new()));
}

#[test]
fn the_list_names_every_scenario_in_both_forms() {
    let (code, table, _) = run(&["--list"]);
    assert_eq!(code, 0);
    let (_, json, _) = run(&["--list", "--json"]);
    let scenarios: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert!(scenarios.len() >= 23);
    for scenario in scenarios {
        assert!(table.contains(scenario["name"].as_str().unwrap()), "{table}");
    }
}

#[test]
fn help_shows_values_and_defaults() {
    assert_snapshot!("help", transcript(&["--help"]));
}

#[test]
fn errors_are_in_both_forms_of_the_outcome() {
    let crash = ["--scenario", "redelivery-after-crash", "--pods-per-node", "1"];
    assert_snapshot!("redelivery_after_crash", transcript(&crash));
    let (_, json, _) = run(&[crash.as_slice(), &["--json"]].concat());
    let outcome: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(outcome["errors"][0]["instances"][0], "i-0a000000000000000");
    assert_eq!(outcome["errors"][0]["error"], "crashed");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_not_a_wrong_call() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = cast_spot(&["--pods-per-node", "1"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.starts_with("error: standard output: ") && err.contains("hint:"), "{err}");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let mut child = cast_spot(&["--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}
