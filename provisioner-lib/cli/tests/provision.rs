//! The provisioning commands without AWS: exit codes, standard output, standard error.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{fs, process::Stdio};

use insta::assert_snapshot;
use serde_json::Value;

mod script;

use script::{Folder, cast_spot, run, transcript};

const COMMANDS: [&str; 10] = [
    "plan",
    "onboard",
    "status",
    "rollback",
    "offboard",
    "policy",
    "connect",
    "disconnect",
    "savings",
    "prices",
];
const PRINCIPAL: &str = "arn:aws:iam::222222222222:user/console";

#[test]
fn help_has_examples_and_exit_codes() {
    let folder = Folder::new("help");
    for command in COMMANDS {
        let help = transcript(&folder, &mut cast_spot(&folder, &[command, "--help"]));
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
        assert_snapshot!(format!("help_of_{command}"), help);
    }
    assert_snapshot!("help", transcript(&folder, &mut cast_spot(&folder, &["--help"])));
}

#[test]
fn all_faults_are_reported_at_once_before_any_call() {
    let folder = Folder::new("faults");
    let taken = folder.file("key.ini", "mine");
    let args = [
        "onboard",
        "--account",
        "12",
        "--mode",
        "user",
        "--principal",
        PRINCIPAL,
        "--log-retention-days",
        "2",
        "--env",
        "NOT A SETTING",
        "--zip",
        "nowhere.zip",
        "--credentials-file",
        &taken,
        "--console-url",
        "http://console.example.com",
    ];
    let text = transcript(&folder, &mut cast_spot(&folder, &args));
    assert!(!text.contains('\u{1b}'), "no colours without a terminal: {text}");
    assert_snapshot!("all_faults", text);
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
}

#[test]
fn a_wrong_call_exits_2_and_names_the_remedy() {
    let folder = Folder::new("wrong");
    let cases: [&[&str]; 10] = [
        &["onboard", "--cluster", "prod", "--architecture", "riscv"],
        &["plan", "--cluster", "prod", "--output", "xml"],
        &["plan", "--cluster", "prod", "--output", "commands", "--json"],
        &["plan", "--cluster", "prod", "--mode", "boss"],
        &["plan", "--cluster", "prod", "--mode", "role"],
        &["onboard", "--cluster", "prod!"],
        &["status", "--kubeconfig", "nowhere"],
        &["offboard"],
        &["policy", "boss"],
        &["policy", "admin", "--mode", "x"],
    ];
    let runs = cases.map(|args| {
        let mut command = cast_spot(&folder, args);
        let text = transcript(&folder, command.env("AWS_REGION", "eu-west-1"));
        assert!(text.starts_with("exit code 2\n--- standard output\n--- standard error\n"), "{text}");
        format!("$ cast-spot {}\n{text}", args.join(" "))
    });
    assert_snapshot!("wrong_calls", runs.join("\n"));
}

#[test]
fn without_credentials_it_exits_4_once_and_leaves_no_file() {
    let folder = Folder::new("credentials");
    let target = ["--cluster", "prod", "--region", "eu-west-1"];
    let commands: [&[&str]; 5] = [
        &["plan", "--mode", "user"],
        &["onboard", "--mode", "user", "--yes", "--credentials-file", "key.ini"],
        &["status"],
        &["offboard", "--yes"],
        &["policy", "admin"],
    ];
    for command in commands {
        let (code, out, err) = run(&mut cast_spot(&folder, &[command, &target].concat()));
        assert_eq!((code, out.as_str()), (4, ""), "{command:?}: {err}");
        assert_eq!(err.matches("error: ").count(), 1, "{command:?}: {err}");
        assert!(err.contains("hint: ") && err.contains("aws sts get-caller-identity"), "{command:?}: {err}");
    }
    assert!(!folder.path().join("key.ini").exists());
}

#[test]
fn a_zip_is_taken_only_from_where_it_is_named() {
    let folder = Folder::new("zip");
    let built = folder.path().join("target/lambda/cast-spot-handler");
    fs::create_dir_all(&built).unwrap();
    fs::write(built.join("bootstrap.zip"), "of another checkout").unwrap();
    let plan = ["plan", "--cluster", "prod", "--region", "eu-west-1", "--mode", "user"];
    let (code, _, err) = run(&mut cast_spot(&folder, &plan));
    assert_eq!(code, 4, "only the credentials are missing: {err}");
    let zip = folder.file("mine.zip", "abc");
    let other = "0".repeat(64);
    for (hash, words) in [
        (other.as_str(), "its SHA-256 is ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("cd78", "--zip-sha256 cd78: not 64 hex digits"),
    ] {
        let args = [&plan[..], &["--zip", &zip, "--zip-sha256", hash]].concat();
        let (code, _, err) = run(&mut cast_spot(&folder, &args));
        assert!(code == 2 && err.contains(words) && err.contains("hint: "), "{err}");
    }
}

#[test]
fn without_a_region_the_hint_names_the_options() {
    let folder = Folder::new("region");
    let (code, _, err) = run(&mut cast_spot(&folder, &["plan", "--cluster", "prod", "--mode", "user"]));
    assert_eq!(code, 4);
    assert!(err.contains("--region") && err.contains("AWS_REGION"), "{err}");
}

#[test]
fn policies_are_printed_without_a_call() {
    let folder = Folder::new("policy");
    let place = ["--cluster", "prod", "--region", "us-gov-west-1", "--account", "123456789012"];
    let policies: [&[&str]; 8] = [
        &["admin", "--vpc-id", "vpc-1"],
        &["admin", "--mode", "user", "--vpc-id", "vpc-1"],
        &["shared"],
        &["cluster", "--vpc-id", "vpc-1"],
        &["handler"],
        &["handler-shared"],
        &["handler-cluster"],
        &["trust", "--principal", PRINCIPAL, "--external-id", "x-1"],
    ];
    for policy in policies {
        let (code, out, err) = run(&mut cast_spot(&folder, &[&["policy"], policy, &place].concat()));
        assert_eq!(code, 0, "{policy:?}: {err}");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["Version"], "2012-10-17", "{policy:?}");
        for statement in document["Statement"].as_array().unwrap() {
            assert!(
                statement["Effect"].is_string() && statement["Action"] != Value::Null,
                "{policy:?}: {statement}"
            );
        }
        assert!(!out.contains('<') && !out.contains("arn:aws:ec2"), "{policy:?}: {out}");
    }
}

#[test]
fn a_split_policy_has_parts_that_fit() {
    let folder = Folder::new("split");
    let args = [
        "policy",
        "admin",
        "--split",
        "--cluster",
        "prod",
        "--region",
        "eu-west-1",
        "--account",
        "123456789012",
        "--vpc-id",
        "vpc-1",
    ];
    let (code, out, err) = run(&mut cast_spot(&folder, &args));
    assert_eq!((code, err.as_str()), (0, ""));
    let parts: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert!(!parts.is_empty());
    assert!(
        parts.iter().all(|part| part.to_string().chars().filter(|c| !c.is_whitespace()).count() <= 6_144)
    );
}

#[test]
fn the_kubeconfig_names_the_cluster() {
    let folder = Folder::new("kubeconfig");
    let arn = "arn:aws:eks:eu-north-1:123456789012:cluster/from-kubeconfig";
    let config = format!(
        "current-context: {arn}\ncontexts:\n- name: {arn}\n  context: {{cluster: '{arn}', user: '{arn}'}}\n"
    );
    let file = folder.file("config", &config);
    let (code, out, err) = run(cast_spot(&folder, &["policy", "handler"]).env("KUBECONFIG", &file));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("arn:aws:eks:eu-north-1:123456789012:cluster/from-kubeconfig"), "{out}");
    let other =
        ["policy", "handler", "--account", "999999999999", "--region", "eu-west-1", "--cluster", "other"];
    let (_, out, _) = run(cast_spot(&folder, &other).env("KUBECONFIG", &file));
    assert!(out.contains("arn:aws:eks:eu-west-1:999999999999:cluster/other"), "{out}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_not_a_wrong_call() {
    let folder = Folder::new("full");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let args =
        ["policy", "handler", "--cluster", "prod", "--region", "eu-west-1", "--account", "123456789012"];
    let output = cast_spot(&folder, &args).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.starts_with("error: standard output: ") && err.contains("hint:"), "{err}");
}
