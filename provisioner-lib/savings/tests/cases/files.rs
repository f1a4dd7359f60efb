//! Files as people have them.

use cast_spot_savings::{
    report::Report,
    snapshot::{File, FileError, Snapshot},
};

use crate::case::{Case, content, saves};

fn read(files: &[&str]) -> Result<Snapshot, Vec<(String, FileError)>> {
    let contents: Vec<Vec<u8>> = files.iter().map(|name| content(name)).collect();
    let files = files.iter().zip(&contents).map(|(name, content)| File { name, content });
    Snapshot::read(&files.collect::<Vec<_>>())
}

fn missing(report: &Report) -> Vec<&str> {
    report.missing.iter().map(|missing| missing.what.as_str()).collect()
}

#[test]
fn documents_of_a_dump_are_read_one_after_another() {
    let snapshot = Case::read("cluster-info-dump").snapshot;
    assert_eq!((snapshot.nodes.len(), snapshot.pods.len()), (2, 2));
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let snapshot = Case::read("snapshot-bom").snapshot;
    assert_eq!((snapshot.nodes.len(), snapshot.pods.len()), (2, 2));
}

#[test]
fn utf_16_is_named_with_the_remedy() {
    let faults = read(&["snapshot-utf16", "snapshot-bom"]).unwrap_err();
    let [(file, error)] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((file.as_str(), error), ("snapshot-utf16", &FileError::Utf16));
    assert!(error.to_string().contains("UTF-16") && error.hint().contains("-Encoding utf8"), "{error}");
}

#[test]
fn objects_of_another_group_are_left_out_and_named() {
    for (name, kind) in [
        ("foreign-node-kind", "Node of longhorn.io/v1beta2"),
        ("foreign-daemonset-kind", "DaemonSet of apps.kruise.io/v1alpha1"),
    ] {
        let case = Case::read(name);
        assert_eq!((case.snapshot.nodes.len(), case.snapshot.daemon_sets.len()), (2, 0), "{name}");
        let assumptions = case.compare().report.assumptions;
        let named = assumptions.iter().filter(|line| line.contains(kind)).count();
        assert_eq!(named, 1, "{name}: {assumptions:?}");
    }
}

#[test]
fn a_budget_of_policy_v1beta1_is_read() {
    let budgets = Case::read("pdb-v1beta1").snapshot.pod_disruption_budgets;
    let [budget] = &budgets[..] else { panic!("{budgets:?}") };
    assert!(budget.spec.as_ref().unwrap().selector.is_some());
}

#[test]
fn an_empty_selector_of_policy_v1beta1_covers_no_pod() {
    for (version, selector, is_none) in [
        ("policy/v1beta1", "{}", true),
        ("policy/v1beta1", r#"{"matchLabels": {}}"#, true),
        ("policy/v1beta1", r#"{"matchLabels": {"a": "b"}}"#, false),
        ("policy/v1", "{}", false),
    ] {
        let budget = format!(
            r#"{{"apiVersion": "{version}", "kind": "PodDisruptionBudget", "spec": {{"selector": {selector}}}}}"#
        );
        let budgets = Snapshot::parse(&budget).unwrap().pod_disruption_budgets;
        assert_eq!(budgets[0].spec.as_ref().unwrap().selector.is_none(), is_none, "{version} {selector}");
    }
}

#[test]
fn absent_kinds_are_said_as_those_that_may_not_be_read() {
    let report = Case::read("kubectl-nodes-pods-only").compare().report;
    let missing = missing(&report);
    let unread =
        missing.iter().filter_map(|what| what.split_once(" could not be read")).map(|(kind, _)| kind);
    // Its pods have claims, and are of Deployments and DaemonSets. Nothing shows that there are Jobs.
    let expected = [
        "Deployments",
        "ReplicaSets",
        "DaemonSets",
        "PodDisruptionBudgets",
        "PersistentVolumeClaims",
        "CSINodes",
    ];
    assert_eq!(unread.collect::<Vec<_>>(), expected);
}

#[test]
fn several_files_are_one_cluster() {
    // Its objects are those of the first file, and some more.
    let snapshot = read(&["kubectl-nodes-pods-only", "kubectl-with-pdb"]).unwrap();
    assert_eq!((snapshot.nodes.len(), snapshot.pods.len()), (3, 12));
    assert_eq!(snapshot.pod_disruption_budgets.len(), 1);
    assert!(
        snapshot.missing.iter().all(|missing| !missing.what.contains("Budget")),
        "{:?}",
        snapshot.missing
    );
}

#[test]
fn a_list_beside_a_snapshot_shows_no_gaps_of_it() {
    // A snapshot names what it lacks itself.
    let whole: serde_json::Value = serde_json::from_slice(&content("all-pods")).unwrap();
    let mut lacking = whole.clone();
    lacking["missing"] = serde_json::json!([{
        "what": "PodDisruptionBudgets could not be read: verdicts may be too favourable (not allowed)", "hint": "",
    }]);
    let (services, budgets) = (br#"{"kind": "List", "items": []}"#.to_vec(), content("pdb-v1beta1"));
    for (case, snapshot, list, missing) in [
        ("it lacks nothing", &whole, &services, 0),
        ("it lacks budgets", &lacking, &services, 1),
        ("the list has them", &lacking, &budgets, 0),
    ] {
        let snapshot = snapshot.to_string();
        let files = [File { name: "a", content: snapshot.as_bytes() }, File { name: "b", content: list }];
        assert_eq!(Snapshot::read(&files).unwrap().missing.len(), missing, "{case}");
    }
}

#[test]
fn an_empty_list_says_that_there_are_no_budgets() {
    for (list, is_named) in [
        (r#"{"apiVersion": "v1", "kind": "List", "items": []}"#, false),
        ("apiVersion: v1\nkind: List\nitems: []\n", false),
        (r#"{"apiVersion": "policy/v1", "kind": "PodDisruptionBudgetList", "items": null}"#, false),
        (r#"{"apiVersion": "v1", "kind": "ServiceList", "items": []}"#, true),
    ] {
        let nodes_and_pods = content("kubectl-nodes-pods-only");
        let files =
            [File { name: "a", content: &nodes_and_pods }, File { name: "b", content: list.as_bytes() }];
        let missing = Snapshot::read(&files).unwrap().missing;
        let of = |kind: &str| missing.iter().any(|missing| missing.what.starts_with(kind));
        assert_eq!(of("PodDisruptionBudgets"), is_named, "{list}");
        assert!(of("ReplicaSets"), "its pods show them: {list}");
    }
}

#[test]
fn two_snapshots_are_of_two_moments() {
    let faults = read(&["all-pods", "cordoned"]).unwrap_err();
    assert_eq!(faults, [("cordoned".to_owned(), FileError::Second)]);
}

#[test]
fn yaml_gives_the_same_as_json() {
    let json = content("kubectl-with-pdb");
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let yaml = serde_saphyr::to_string(&value).unwrap();
    let of = |text: &str| Snapshot::parse(text).unwrap();
    assert_eq!(of(&yaml), of(std::str::from_utf8(&json).unwrap()));
}

#[test]
fn an_unreadable_quantity_is_a_fault() {
    let text = String::from_utf8(content("all-pods")).unwrap();
    let broken = text.replacen("\"900m\"", "\"900 m\"", 1);
    assert_ne!(text, broken);
    let error = Snapshot::parse(&broken).unwrap_err().to_string();
    assert!(error.contains(".requests.cpu is \"900 m\", which is no quantity"), "{error}");
}

#[test]
fn prices_may_be_json_numbers() {
    let report = Case::read("all-pods").priced_by("prices-as-numbers").compare().report;
    assert!(saves(&report.on_demand).is_some(), "{:?}", report.unknown);
}
