//! Names and messages of others, written as for a terminal: none of them controls it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use serde_json::{Value, json};

mod script;

use script::{Folder, cast_spot, run, transcript};

/// Sets a title, the clipboard, and the direction of writing.
const HOSTILE: &str = "a\u{1b}]0;title\u{7}\u{1b}]52;c;eA==\u{7}\u{9b}2J\u{202e}b";

/// What the command writes where colours are forced.
fn shown(folder: &Folder, args: &[&str]) -> String {
    transcript(folder, cast_spot(folder, args).env("CLICOLOR_FORCE", "1").env("AWS_REGION", "eu-west-1"))
}

fn assert_harmless(text: &str) {
    assert!(text.contains("]0;title"), "it is shown: {text:?}");
    for sequence in ["\u{1b}]", "\u{7}", "\u{9b}", "\u{202e}"] {
        assert!(!text.contains(sequence), "{sequence:?}: {text:?}");
    }
}

#[test]
fn a_context_name_cannot_control_the_terminal() {
    let folder = Folder::new("hostile-context");
    // YAML has these two as escapes alone.
    let config = json!({ "current-context": HOSTILE }).to_string();
    let config = config.replace('\u{9b}', r"\u009b").replace('\u{202e}', r"\u202e");
    let file = folder.file("config", &config);
    let text = shown(&folder, &["plan", "--kubeconfig", &file]);
    assert!(text.contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m"), "our own style stays: {text:?}");
    assert!(text.contains("no context `a"), "the file is read: {text:?}");
    assert_harmless(&text);
}

#[test]
fn a_wrong_argument_cannot_control_the_terminal() {
    let folder = Folder::new("hostile-argument");
    assert_harmless(&shown(&folder, &["policy", HOSTILE]));
    let nowhere = folder.path().join(HOSTILE).display().to_string();
    assert_harmless(&shown(&folder, &["rehearse", "--event", &nowhere]));
}

#[test]
fn an_api_server_cannot_control_the_terminal() {
    let folder = Folder::new("hostile-server");
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": format!("http://{}", server.local_addr().unwrap()) } }],
        "users": [{ "name": "u", "user": { "token": "t" } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
    });
    let message = format!("{HOSTILE}\nhint: run this");
    let answer = json!({ "kind": "Status", "status": "Failure", "message": message, "reason": "Forbidden", "code": 403 });
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let (mut stream, body) = (stream.unwrap(), answer.to_string());
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\nconnection: close";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    let file = folder.file("config", &config.to_string());
    let text = shown(&folder, &["status", "--agent", "--kubeconfig", &file]);
    assert_harmless(&text);
    assert!(!text.contains("\nhint: run"), "a line of others does not look like ours: {text}");
}

#[test]
fn a_pod_name_cannot_control_the_terminal() {
    let folder = Folder::new("hostile-pod");
    let snapshot = json!({
        "schema": "cast-spot.snapshot/1", "cluster": HOSTILE, "region": HOSTILE,
        "missing": [{ "what": HOSTILE, "hint": HOSTILE }],
        "nodes": [{
            "metadata": { "name": HOSTILE, "labels": {
                "node.kubernetes.io/instance-type": HOSTILE, "topology.kubernetes.io/zone": HOSTILE,
            } },
            "spec": { "providerID": "aws:///a/i-1" },
            "status": { "allocatable": { "cpu": "2", "memory": "8Gi", "pods": "9" } },
        }],
        "pods": [{
            "metadata": { "name": HOSTILE, "namespace": HOSTILE, "ownerReferences": [
                { "apiVersion": "v1", "kind": HOSTILE, "name": HOSTILE, "uid": "1", "controller": true },
            ] },
            "spec": {
                "nodeName": HOSTILE, "containers": [{ "name": "c" }],
                "nodeSelector": { "pool": HOSTILE },
                "volumes": [{ "name": HOSTILE, "hostPath": { "path": HOSTILE } }],
            },
        }],
    });
    let prices = json!({
        "schema": "cast-spot.prices/1", "region": HOSTILE, "currency": HOSTILE,
        "types": [{ "name": "m5.large", "vcpus": 2, "memoryMib": 8192, "architecture": "amd64",
                    "networkInterfaces": 3, "addressesPerInterface": 10 }],
        "prices": [{ "instanceType": "m5.large", "market": "on-demand", "hourly": "0.1" }],
    });
    let (snapshot, prices) =
        (folder.file("s.json", &snapshot.to_string()), folder.file("p.json", &prices.to_string()));
    let args = ["savings", "--snapshot", &snapshot, "--prices", &prices];
    let text = shown(&folder, &args);
    assert!(text.contains("hostPath"), "there is a report: {text}");
    assert_harmless(&text);
    let (code, json, err) = run(&mut cast_spot(&folder, &[&args[..], &["--json"]].concat()));
    assert_eq!((code, err.as_str()), (1, ""), "something could not be read");
    assert_harmless(&json);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["cluster"], HOSTILE, "programs get the name as it is");
}
