//! `connect` and `disconnect` without a cluster: exit codes, standard output, standard error.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;

mod script;

use script::{Folder, cast_spot, run, transcript};

const TOKEN: &str = "agent-s3cret-token";
const ENCODED: &str = "YWdlbnQtczNjcmV0LXRva2Vu";

/// Runs the command. The token is in no output.
fn quietly(command: &mut Command) -> (i32, String, String) {
    let (code, out, err) = run(command.env("CAST_SPOT_AGENT_TOKEN", TOKEN));
    assert!(![TOKEN, ENCODED].iter().any(|token| format!("{out}{err}").contains(token)), "{out}{err}");
    (code, out, err)
}

/// The same, as a transcript. It has no colours without a terminal.
fn secretly(folder: &Folder, command: &mut Command) -> String {
    let text = transcript(folder, command.env("CAST_SPOT_AGENT_TOKEN", TOKEN));
    assert!(![TOKEN, ENCODED, "\u{1b}"].iter().any(|absent| text.contains(absent)), "{text}");
    text
}

#[test]
fn all_faults_are_reported_at_once_before_any_call() {
    let folder = Folder::new("connect-faults");
    let args = [
        "connect",
        "--cluster",
        "prod!",
        "--region",
        "Europe",
        "--account",
        "12",
        "--image",
        "an image",
        "--autoscaler-image",
        "-x",
        "--api-url",
        "http://api.example.com",
        "--provider",
        "e k s",
        "--label",
        "team",
        "--label",
        "app.kubernetes.io/name=mine",
        "--annotation",
        "a b=c",
        "--token-file",
        "nowhere",
        "--include-token",
    ];
    // A value that begins with a dash is one all the same.
    let args: Vec<String> = args
        .join("\n")
        .replace("--autoscaler-image\n", "--autoscaler-image=")
        .lines()
        .map(str::to_owned)
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_snapshot!("all_faults", secretly(&folder, &mut cast_spot(&folder, &args)));
    for (name, args) in
        [("wrong_format", &["--output", "xml"][..]), ("two_formats", &["--output=yaml", "--json"])]
    {
        let args = [&["connect"][..], args].concat();
        assert_snapshot!(name, secretly(&folder, &mut cast_spot(&folder, &args)));
    }
}

#[test]
fn an_invalid_token_is_refused_without_being_shown() {
    let folder = Folder::new("connect-token");
    let file = folder.file("token", "two s3cret words\n");
    let place = ["connect", "--cluster", "prod", "--region", "eu-west-1", "--account", "123456789012"];
    let (code, _, err) = quietly(&mut cast_spot(&folder, &[&place[..], &["--token-file", &file]].concat()));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("token: not one word of visible ASCII characters\n"), "{err}");
    assert!(!err.contains("s3cret"), "{err}");
    let (code, _, err) = run(cast_spot(&folder, &place).env("CAST_SPOT_AGENT_TOKEN", "two s3cret words"));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("error: CAST_SPOT_AGENT_TOKEN: not one word") && !err.contains("s3cret"), "{err}");
    // No option takes the token itself.
    let (code, _, err) = run(&mut cast_spot(&folder, &[&place[..], &["--token", "x"]].concat()));
    assert_eq!(code, 2, "{err}");
}

#[test]
fn yaml_needs_no_cluster_and_has_the_token_on_request() {
    let folder = Folder::new("connect-yaml");
    let place = ["connect", "--cluster", "prod", "--region", "eu-west-1", "--account", "123456789012"];
    let yaml = [&place[..], &["--output", "yaml"]].concat();
    let (code, out, err) = quietly(&mut cast_spot(&folder, &yaml));
    assert_eq!(code, 0, "{out}");
    assert!(err.starts_with("caution: ") && err.lines().count() == 1, "an image by its tag: {err}");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&out).unwrap();
    assert_eq!(objects.len(), 18, "{out}");
    let (code, same, _) = run(&mut cast_spot(&folder, &yaml));
    assert_eq!((code, same), (0, out), "no token is needed for it");
    let (code, _, err) = run(&mut cast_spot(&folder, &[&yaml[..], &["--include-token"]].concat()));
    assert_eq!(code, 2);
    assert!(
        err.starts_with("error: token: missing") && err.contains("hint: set CAST_SPOT_AGENT_TOKEN"),
        "{err}"
    );
    let mut open = cast_spot(&folder, &[&yaml[..], &["--include-token"]].concat());
    let (code, out, _) = run(open.env("CAST_SPOT_AGENT_TOKEN", TOKEN));
    assert_eq!(code, 0);
    assert!(out.contains(ENCODED) && !out.contains(TOKEN), "{out}");
}

#[test]
fn all_missing_values_are_reported_at_once() {
    let folder = Folder::new("connect-missing");
    let args = ["connect", "--output", "yaml", "--include-token"];
    assert_snapshot!("all_missing_values", transcript(&folder, &mut cast_spot(&folder, &args)));
}

#[test]
fn an_option_must_not_contradict_the_kubeconfig() {
    let folder = Folder::new("connect-other");
    let arn = "arn:aws:eks:eu-north-1:123456789012:cluster/prod";
    let config = format!(
        "current-context: {arn}\ncontexts:\n- name: {arn}\n  context: {{cluster: '{arn}', user: '{arn}'}}\n"
    );
    let file = folder.file("config", &config);
    for command in [&["connect"][..], &["disconnect"], &["status", "--agent"]] {
        let args = [command, &["--cluster", "stage", "--kubeconfig", &file]].concat();
        let (code, _, err) = quietly(&mut cast_spot(&folder, &args));
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.starts_with("error: --cluster stage: the kubeconfig leads to prod\nhint: "), "{err}");
    }
}

#[test]
fn a_login_program_does_not_get_our_tokens() {
    let folder = Folder::new("connect-login");
    let seen = folder.path().join("environment");
    let credential =
        r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t"}}"#;
    let script = format!("/usr/bin/env >'{}'; echo '{credential}'", seen.display());
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:1" } }],
        "users": [{ "name": "u", "user": { "exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
            "command": "/bin/sh", "args": ["-c", script],
        } } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
    });
    let file = folder.file("config", &config.to_string());
    for variable in [None, Some(("KUBECONFIG", file.as_str()))] {
        let args: &[&str] = if variable.is_none() { &["--kubeconfig", &file] } else { &[] };
        let mut command = cast_spot(&folder, &[&["status", "--agent"][..], args].concat());
        command.envs(variable).env("CAST_SPOT_CONSOLE_TOKEN", "c0nsole");
        let (code, _, err) = quietly(&mut command);
        assert_eq!(code, 4, "{err}");
        let environment = std::fs::read_to_string(&seen).unwrap();
        std::fs::remove_file(&seen).unwrap();
        assert!(environment.contains("KUBERNETES_EXEC_INFO"), "{environment}");
        assert!(!environment.contains(TOKEN) && !environment.contains("c0nsole"), "{environment}");
    }
}

#[test]
fn an_unreachable_cluster_exits_4_with_a_hint() {
    let folder = Folder::new("connect-unreachable");
    let config = r#"{"apiVersion":"v1","kind":"Config","current-context":"c",
        "clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}],
        "users":[{"name":"u","user":{"token":"t"}}],
        "contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}]}"#;
    let file = folder.file("config", config);
    for command in [&["connect", "--yes"][..], &["disconnect", "--yes"], &["status", "--agent"]] {
        let args = [command, &["--kubeconfig", &file]].concat();
        let (code, out, err) = quietly(&mut cast_spot(&folder, &args));
        assert_eq!((code, out.as_str()), (4, ""), "{args:?}: {err}");
        assert!(err.contains("hint: `kubectl get --raw /version`"), "{err}");
        assert_eq!(err.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{args:?}: {err}");
    }
    let nowhere = folder.path().join("nowhere").display().to_string();
    let (code, _, err) = quietly(&mut cast_spot(&folder, &["disconnect", "--kubeconfig", &nowhere]));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("no such file") && err.contains("aws eks update-kubeconfig"), "{err}");
}
