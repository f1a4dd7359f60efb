//! The provisioning commands without AWS: exit codes, standard output, standard error.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{fs, process::Stdio};

use serde_json::Value;

mod script;

use script::{Folder, cast_spot, run};

const COMMANDS: [&str; 8] =
    ["plan", "onboard", "status", "offboard", "policy", "connect", "disconnect", "savings"];
const PRINCIPAL: &str = "arn:aws:iam::222222222222:user/console";

#[test]
fn help_has_examples_and_exit_codes() {
    let folder = Folder::new("help");
    for command in COMMANDS {
        let (code, out, err) = run(&mut cast_spot(&folder, &[command, "--help"]));
        assert_eq!((code, err.as_str()), (0, ""), "{command}");
        for words in ["Examples:\n  cast-spot ", "Exit codes:\n  0 ", "--cluster <NAME>", "--account <ID>"] {
            assert!(out.contains(words), "{command}: {words}\n{out}");
        }
        assert!(out.lines().all(|line| line.chars().count() <= 120), "{out}");
    }
    let (_, out, _) = run(&mut cast_spot(&folder, &["--help"]));
    assert!(COMMANDS.iter().all(|command| out.contains(&format!("\n  {command} "))), "{out}");
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
    let (code, out, err) = run(&mut cast_spot(&folder, &args));
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    for words in [
        "error: --cluster: not given, and there is no kubeconfig\n",
        "error: --account 12: ",
        "error: --principal arn:aws:iam::222222222222:user/console: only a role",
        "error: --log-retention-days 2: ",
        "error: --env NOT A SETTING: ",
        "error: --zip nowhere.zip: ",
        "key.ini: the file exists, and it is not overwritten\n",
        "error: --console-url http://console.example.com: not an https:// address\n",
        "error: --console-cluster-id : missing\n",
        "error: the console's token: missing\n",
        "hint: set CAST_SPOT_CONSOLE_TOKEN, or give --console-token-file FILE\n",
    ] {
        assert!(err.contains(words), "{words}\n{err}");
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    assert!(!err.contains('\u{1b}'), "no colours without a terminal: {err}");
}

#[test]
fn a_wrong_call_exits_2_and_names_the_remedy() {
    let folder = Folder::new("wrong");
    let cases: [(&[&str], &[&str]); 10] = [
        (
            &["onboard", "--cluster", "prod", "--architecture", "riscv"],
            &["'riscv' for '--architecture <NAME>'", "[possible values: x86_64, arm64]"],
        ),
        (
            &["plan", "--cluster", "prod", "--output", "xml"],
            &["'xml' for '--output <FORMAT>'", "[possible values: table, json, commands]"],
        ),
        (&["plan", "--cluster", "prod", "--output", "commands", "--json"], &["--json: --output commands"]),
        (
            &["plan", "--cluster", "prod", "--mode", "boss"],
            &["'boss' for '--mode <MODE>'", "[possible values: role, user]"],
        ),
        (
            &["plan", "--cluster", "prod", "--mode", "role"],
            &["--principal: missing", "--external-id: missing", "hint:"],
        ),
        (&["onboard", "--cluster", "prod!"], &["--cluster prod!", "not a cluster name"]),
        (&["status", "--kubeconfig", "nowhere"], &["--cluster: not given", "nowhere"]),
        (&["offboard"], &["--cluster: not given", "aws eks update-kubeconfig"]),
        (&["policy", "boss"], &["'boss' for '<POLICY>'", "admin, shared"]),
        (&["policy", "admin", "--mode", "x"], &["'x' for '--mode <MODE>'"]),
    ];
    for (args, expected) in cases {
        let (code, out, err) = run(cast_spot(&folder, args).env("AWS_REGION", "eu-west-1"));
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        for words in expected {
            assert!(err.contains(words), "{args:?}: {words}\n{err}");
        }
    }
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
        &["admin"],
        &["admin", "--mode", "user"],
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
