//! `cast-spot savings` over the snapshot of an example: exit codes, standard output, files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use insta::assert_snapshot;
use serde_json::{Value, json};

/// A folder for runs of the command without credentials and kubeconfig.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("savings-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cast-spot"));
        command.arg("savings").args(args).env_clear().current_dir(&self.0).stdin(Stdio::null());
        command.env("HOME", &self.0).env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "eu-west-1");
        command
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// The exit code of a run and what it has written.
    fn transcript(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        format!("exit code {code}\n--- standard output\n{out}--- standard error\n{err}")
    }

    fn json(&self, args: &[&str]) -> Value {
        let (code, out, err) = self.run(&[args, &["--json"]].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        serde_json::from_str(&out).unwrap()
    }

    fn file(&self, name: &str, content: &Value) {
        fs::write(self.0.join(name), content.to_string()).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../savings/examples/shop.json");
    path.to_str().unwrap().to_owned()
}

fn workload<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["workloads"].as_array().unwrap().iter().find(|found| found["name"] == name).unwrap()
}

#[test]
fn a_snapshot_is_enough_for_the_table() {
    let folder = Folder::new("table");
    let text = folder.transcript(&["--snapshot", &example()]);
    assert!(!text.contains('\u{1b}'), "no colours without a terminal");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    // The heading ends with the age of the prices.
    let (heading, table) = text.split_once("\n\n").unwrap();
    let prices = "Nodes and pods of 2026-11-27 06:40 UTC, prices of 2026-11-27 06:40 UTC (";
    assert!(heading.contains("Available savings: shop in eu-west-1\n"), "{heading}");
    assert!(heading.contains(prices), "{heading}");
    assert_snapshot!("table", table);
}

#[test]
fn programs_get_the_same_with_money_as_decimal_text() {
    let folder = Folder::new("json");
    let report = folder.json(&["--snapshot", &example()]);
    assert_eq!(report["schema"], "cast-spot.savings/1");
    assert_eq!(report["today"]["monthly"], "3010.52");
    let monthly = |part: &str| report[part]["monthly"].as_str().unwrap().parse::<f64>().unwrap();
    assert!(monthly("spot") < monthly("on_demand") && monthly("on_demand") < monthly("today"));
    assert!(report["spot"]["saves"]["percent"].as_str().unwrap().parse::<f64>().unwrap() > 50.0);
    let web = workload(&report, "web");
    assert_eq!(
        (web["verdict"].as_str(), web["reasons"][0]["code"].as_str()),
        (Some("spot"), Some("replicas"))
    );
    assert_eq!((web["risk"]["pods"].as_u64(), web["risk"]["killed"].as_u64()), (Some(9), Some(0)));
    // 300 s of grace do not fit into a notice.
    assert_eq!(workload(&report, "mailer")["verdict"], "on_demand");
    assert_eq!(workload(&report, "postgres")["risk"], Value::Null);
    assert_eq!(report["unplaced"], json!([]));
}

#[test]
fn a_rehearsal_can_be_left_out() {
    let folder = Folder::new("no-rehearsal");
    let report = folder.json(&["--snapshot", &example(), "--no-rehearsal"]);
    assert_eq!(workload(&report, "web")["risk"], Value::Null);
}

#[test]
fn the_biggest_node_can_be_chosen() {
    let folder = Folder::new("max-vcpus");
    let report = folder.json(&["--snapshot", &example(), "--max-vcpus", "4", "--no-rehearsal"]);
    let nodes = report["spot"]["nodes"].as_array().unwrap();
    assert!(nodes.iter().all(|node| node["vcpus"].as_u64().unwrap() <= 4), "{nodes:?}");
}

#[test]
fn a_page_is_not_written_through_a_link() {
    let folder = Folder::new("link");
    let victim = folder.0.join("victim");
    fs::write(&victim, "mine").unwrap();
    for name in ["page.html.part", "page.html"] {
        let _ = fs::remove_file(folder.0.join("page.html"));
        std::os::unix::fs::symlink(&victim, folder.0.join(name)).unwrap();
        let (code, _, err) = folder.run(&["--snapshot", &example(), "--html", "page.html", "--no-rehearsal"]);
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine", "{name}");
        let page = fs::symlink_metadata(folder.0.join("page.html")).unwrap();
        assert!(page.is_file() && page.len() > 1000, "{name}");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3, "nothing else is left");
    }
}

#[test]
fn one_file_by_two_paths_is_written_once() {
    let folder = Folder::new("paths");
    fs::copy(example(), folder.0.join("shop.json")).unwrap();
    let before = fs::read(folder.0.join("shop.json")).unwrap();
    let name = folder.0.file_name().unwrap().to_str().unwrap();
    let other = format!("../{name}/./shop.json");
    for args in [["--html", other.as_str()], ["--save-snapshot", other.as_str()]] {
        let (code, _, err) = folder.run(&[&["--snapshot", "shop.json"], &args[..]].concat());
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("the same file as --snapshot"), "{err}");
    }
    let (code, _, err) =
        folder.run(&["--snapshot", "shop.json", "--html", "new", "--save-snapshot", "./new"]);
    assert_eq!(code, 2, "{err}");
    assert_eq!(fs::read(folder.0.join("shop.json")).unwrap(), before);
}

#[test]
fn a_pipe_is_written_to_and_stays() {
    let folder = Folder::new("pipe");
    let pipe = folder.0.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    let args = ["--snapshot", &example(), "--no-rehearsal", "--html", "pipe", "--save-snapshot", "/dev/null"];
    let (code, _, err) = folder.run(&args);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(reader.join().unwrap().starts_with("<!doctype html>"));
    assert!(!fs::metadata(&pipe).unwrap().is_file(), "the pipe is a file now");
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_limit_without_known_savings_does_not_pass() {
    let folder = Folder::new("unknown");
    let (code, _, err) = folder.run(&["--snapshot", &example(), "--families", "zz", "--no-rehearsal"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let args = ["--snapshot", &example(), "--families", "zz", "--no-rehearsal", "--fail-over", "90"];
    let (code, _, err) = folder.run(&args);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("--fail-over 90: possible savings are not known"), "{err}");
}

#[test]
fn a_limit_that_is_exceeded_is_named() {
    let folder = Folder::new("over");
    let (code, _, err) = folder.run(&["--snapshot", &example(), "--no-rehearsal", "--fail-over", "40"]);
    assert_eq!(code, 5);
    assert!(err.contains("--fail-over 40: ") && err.contains(" % could be saved"), "{err}");
}

#[test]
fn options_of_a_live_cluster_are_refused_for_files() {
    let folder = Folder::new("live");
    let args = [
        "--account",
        "123456789012",
        "--kubeconfig",
        "k",
        "--context",
        "c",
        "--prometheus",
        "localhost:9090",
    ];
    let (code, _, err) = folder.run(&[&["--snapshot", &example()], &args[..]].concat());
    assert_eq!(code, 2);
    for words in
        ["--account together", "--kubeconfig together", "--context together", "--prometheus: not the URL"]
    {
        assert!(err.contains(words), "{words}: {err}");
    }
}

#[test]
fn an_option_names_the_cluster_of_a_file_without_a_name() {
    let folder = Folder::new("name");
    folder.file("empty.json", &json!({ "kind": "List", "items": [] }));
    let (_, out, _) = folder.run(&["--snapshot", "empty.json", "--cluster", "prod"]);
    assert!(out.starts_with("Available savings: prod"), "{out}");
}

#[test]
fn sizes_and_families_must_not_contradict() {
    let folder = Folder::new("contradict");
    let args = ["--snapshot", &example(), "--min-vcpus", "64", "--max-vcpus", "2"];
    let (code, _, err) =
        folder.run(&[&args[..], &["--families", "m7i", "--without-families", "m7i,c7i"]].concat());
    assert_eq!(code, 2);
    assert!(err.contains("--min-vcpus 64: more than --max-vcpus 2"), "{err}");
    assert!(err.contains("--families m7i: --without-families has it, too"), "{err}");
}

#[test]
fn the_page_is_one_whole_file_that_loads_nothing() {
    let folder = Folder::new("html");
    let (code, _, err) = folder.run(&["--snapshot", &example(), "--html", "page.html", "--no-rehearsal"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let page = fs::read_to_string(folder.0.join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for foreign in ["http://", "https://", "<script", "url(", "@import", "src="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "and nothing beside it");
}

#[test]
fn a_saved_snapshot_gives_the_same_report_and_keeps_no_secrets() {
    let folder = Folder::new("save");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(example()).unwrap()).unwrap();
    snapshot["pods"][0]["spec"]["containers"][0]["env"] = json!([{ "name": "TOKEN", "value": "hunter2" }]);
    folder.file("given.json", &json!({ "kind": "List", "items": [] }));
    folder.file("full.json", &snapshot);
    let first = folder.json(&["--snapshot", "full.json", "--save-snapshot", "kept.json"]);
    assert!(!fs::read_to_string(folder.0.join("kept.json")).unwrap().contains("hunter2"));
    let mut second = folder.json(&["--snapshot", "kept.json"]);
    // The prices grow older between the runs.
    second["prices"]["age_seconds"] = first["prices"]["age_seconds"].clone();
    assert_eq!(first, second);
}

#[test]
fn prices_may_come_from_another_file() {
    let folder = Folder::new("prices");
    folder.file(
        "prices.json",
        &json!({
            "schema": "cast-spot.prices/1", "region": "eu-west-1", "types": [],
            "prices": [{ "instanceType": "m5.2xlarge", "market": "on-demand", "hourly": "1" }],
        }),
    );
    let report = folder.json(&["--snapshot", &example(), "--prices", "prices.json"]);
    assert_eq!(report["today"]["hourly"], "6.00");
    assert!(report["missing"].to_string().contains("no instance types are known"), "{}", report["missing"]);
    assert_eq!(report["spot"]["saves"], Value::Null);
}

#[test]
fn a_snapshot_may_be_standard_input_and_several_files() {
    let folder = Folder::new("several");
    let snapshot = fs::read(example()).unwrap();
    folder.file(
        "budget.json",
        &json!({
            "apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget",
            "metadata": { "name": "all", "namespace": "shop" },
            "spec": { "minAvailable": "100%", "selector": { "matchLabels": { "app.kubernetes.io/name": "web" } } },
        }),
    );
    fs::write(folder.0.join("given.json"), snapshot).unwrap();
    let mut command = folder.command(&["--snapshot", "-", "budget.json", "--no-rehearsal", "--json"]);
    let given = fs::File::open(folder.0.join("given.json")).unwrap();
    let output = command.stdin(given).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(workload(&report, "web")["reasons"][0]["code"], "budget", "{}", workload(&report, "web"));
}

#[test]
fn without_prices_and_aws_the_report_says_why() {
    let folder = Folder::new("no-prices");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(example()).unwrap()).unwrap();
    snapshot["prices"] = Value::Null;
    folder.file("prod.json", &snapshot);
    let (code, out, _) = folder.run(&["--snapshot", "prod.json", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["unknown"]), (1, &json!("there are no prices")));
    assert!(report["missing"].to_string().contains("could not be read"), "{}", report["missing"]);
}

#[test]
fn all_faults_are_reported_at_once() {
    let folder = Folder::new("faults");
    folder.file("plan.json", &json!({ "schema": "cast-spot.plan/1" }));
    let cases: [&[&str]; 8] = [
        &["--snapshot", "-", "-"],
        &["--snapshot", "-", "--against", "-"],
        &["--spot-days", "90", "--prices", "a.json", "--snapshot", "a.json", "--html", "a.json"],
        &["--snapshot", "nowhere.json", "--prices", "plan.json"],
        &["--snapshot", "plan.json"],
        &[],
        &["--spot-days", "91"],
        &["--max-vcpus", "many"],
    ];
    let runs = cases.map(|args| {
        let text = folder.transcript(args);
        assert!(text.starts_with("exit code 2\n--- standard output\n--- standard error\n"), "{text}");
        format!("$ cast-spot savings {}\n{text}", args.join(" "))
    });
    assert_snapshot!("all_faults", runs.join("\n"));
}

#[test]
fn a_failed_write_leaves_no_file() {
    let folder = Folder::new("unwritable");
    let (code, out, err) =
        folder.run(&["--snapshot", &example(), "--no-rehearsal", "--html", "no/such/folder.html"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("--html no/such/folder.html:") && err.contains("hint:"), "{err}");
}

#[test]
fn an_empty_cluster_exits_1_with_a_report() {
    let folder = Folder::new("empty");
    folder.file("empty.json", &json!({ "kind": "List", "items": [] }));
    assert_snapshot!("empty_cluster", folder.transcript(&["--snapshot", "empty.json"]));
}

#[test]
fn an_unreachable_cluster_exits_4() {
    let folder = Folder::new("unreachable");
    folder.file(
        "kubeconfig",
        &json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "shop",
            "clusters": [{ "name": "shop", "cluster": { "server": "http://127.0.0.1:1" } }],
            "users": [{ "name": "me", "user": { "token": "t" } }],
            "contexts": [{ "name": "shop", "context": { "cluster": "shop", "user": "me" } }],
        }),
    );
    let (code, out, err) = folder.run(&["--cluster", "shop", "--kubeconfig", "kubeconfig"]);
    assert_eq!((code, out.as_str()), (4, ""));
    assert!(err.contains("list nodes") && err.contains("hint: `kubectl get --raw /version`"), "{err}");
}

/// Half a CPU and 200 MiB for each container of the example, as (namespace, pod, container).
fn containers_of_the_example() -> Vec<[String; 3]> {
    let cluster: Value = serde_json::from_str(&fs::read_to_string(example()).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pods = cluster["pods"].as_array().unwrap().iter().flat_map(|pod| {
        let id = [&pod["metadata"]["namespace"], &pod["metadata"]["name"]].map(text);
        let containers = pod["spec"]["containers"].as_array().unwrap().iter();
        containers.map(move |container| [id[0].clone(), id[1].clone(), text(&container["name"])])
    });
    pods.collect()
}

#[test]
fn a_file_of_metrics_adds_a_configuration_by_usage() {
    let folder = Folder::new("usage");
    let items = containers_of_the_example().into_iter().map(|[namespace, pod, container]| {
        json!({
            "metadata": { "namespace": namespace, "name": pod }, "timestamp": "2026-11-27T06:39:41Z", "window": "15.04s",
            "containers": [{ "name": container, "usage": { "cpu": "100m", "memory": "200Mi" } }],
        })
    });
    let list = json!({ "kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "items": items.collect::<Vec<_>>() });
    folder.file("usage.json", &list);
    let mut cluster: Value = serde_json::from_str(&fs::read_to_string(example()).unwrap()).unwrap();
    cluster.as_object_mut().unwrap().remove("podMetrics");
    folder.file("shop.json", &cluster);
    let files = ["--snapshot", "shop.json", "usage.json", "--no-rehearsal"];
    let report =
        folder.json(&[&files[..], &["--usage-headroom", "20", "--save-snapshot", "saved.json"]].concat());
    assert_eq!((&report["usage"]["headroom_percent"], &report["usage"]["days"]), (&json!(20), &Value::Null));
    let web = &workload(&report, "web")["usage"];
    assert_eq!((&web["measured"], &web["sized_cpu_millis"]), (&json!(9), &json!(9 * 120)));
    let plain = folder.json(&["--snapshot", "shop.json", "--no-rehearsal"]);
    assert_eq!((&report["range"], &report["spot"]), (&plain["range"], &plain["spot"]));
    assert_eq!(plain["usage"], Value::Null);
    let saved = folder.json(&["--snapshot", "saved.json", "--no-rehearsal", "--usage-headroom", "20"]);
    assert_eq!(saved["usage"], report["usage"]);
}

/// Answers each request alike; returns its address.
fn prometheus(status: &'static str, answer: impl Fn(bool) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut request) = (stream.unwrap(), [0; 4096]);
            let read = stream.read(&mut request).unwrap();
            let body = answer(String::from_utf8_lossy(&request[..read]).contains("cpu_usage"));
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn prometheus_is_asked_for_days_of_usage() {
    let folder = Folder::new("prometheus");
    let address = prometheus("200 OK", |is_cpu| {
        let series = containers_of_the_example().into_iter().map(|[namespace, pod, container]| {
            json!({
                "metric": { "namespace": namespace, "pod": pod, "container": container },
                "value": [1_795_761_600.0, if is_cpu { "0.1" } else { "209715200" }],
            })
        });
        let result = series.collect::<Vec<_>>();
        json!({ "status": "success", "data": { "resultType": "vector", "result": result } }).to_string()
    });
    let args = ["--snapshot", &example(), "--no-rehearsal", "--prometheus", &address, "--usage-days", "3"];
    let usage = &folder.json(&args)["usage"];
    assert_eq!(
        (&usage["days"], &usage["headroom_percent"], &usage["measured"]),
        (&json!(3), &json!(15), &usage["pods"])
    );
    let refusing = prometheus("422 Unprocessable Entity", |_| {
        r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples"}"#
            .to_owned()
    });
    for (address, words) in
        [(refusing.as_str(), "too many samples"), ("http://127.0.0.1:1", "hint: `kubectl port-forward")]
    {
        let (code, out, err) = folder.run(&["--snapshot", &example(), "--prometheus", address]);
        assert_eq!((code, out.as_str()), (4, ""), "{err}");
        assert!(err.contains(&format!("Prometheus {address}")) && err.contains(words), "{err}");
    }
}

#[test]
fn a_proposal_is_written_for_kubectl() {
    let folder = Folder::new("nodepool");
    let args = ["--snapshot", &example(), "--no-rehearsal", "--output", "nodepool"];
    assert_snapshot!("nodepool", folder.transcript(&args));
}
