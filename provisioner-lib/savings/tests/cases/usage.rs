//! A configuration by usage, from the metrics API of the cluster of `all-pods`.

use cast_spot_savings::{
    money::Money,
    render::{csv, headline, markdown, page, table},
    report::{Missing, Proposal, Report, Usage},
    snapshot::{File, Snapshot},
};
use serde_json::{Value, json};

use crate::case::{Case, content, saves};

/// The cluster with a list of metrics.
fn measured_by(metrics: &[u8]) -> Case {
    let files =
        [File { name: "all-pods", content: &content("all-pods") }, File { name: "usage", content: metrics }];
    Case { snapshot: Snapshot::read(&files).unwrap(), ..Case::read("all-pods") }
}

/// The cluster with a file of `kubectl get --raw /apis/metrics.k8s.io/v1beta1/pods`.
fn measured() -> Case {
    measured_by(&content("usage"))
}

/// The same list without the metrics of some pods.
fn without(is_left_out: impl Fn(&str) -> bool) -> Value {
    let mut list: Value = serde_json::from_slice(&content("usage")).unwrap();
    let items = list["items"].as_array_mut().unwrap();
    items.retain(|item| !is_left_out(item["metadata"]["name"].as_str().unwrap()));
    list
}

fn usage(report: &Report) -> &Usage {
    report.usage.as_ref().unwrap()
}

fn by_usage(report: &Report) -> &Proposal {
    usage(report).proposal.as_ref().unwrap()
}

/// CPU in thousandths and memory in MiB that the pods of a workload request by usage.
fn sized(report: &Report, name: &str) -> Option<(u64, u64)> {
    let workload = report.workloads.iter().find(|workload| workload.name == name).unwrap();
    workload.usage.as_ref().map(|usage| (usage.sized_cpu_millis, usage.sized_memory_mib))
}

#[test]
fn pods_are_sized_by_the_greatest_usage_of_their_workload() {
    let report = measured().compare().report;
    // The first pod of each uses most: 55m and 1500 MiB, 140m and 610 MiB, 8m and 48 MiB, 2m and 20 MiB.
    assert_eq!(sized(&report, "big"), Some((60 * 83, 60 * 2_250)));
    assert_eq!(sized(&report, "web"), Some((6 * 210, 6 * 915)));
    assert_eq!(sized(&report, "aws-node"), Some((12 * 12, 12 * 72)));
    assert_eq!(sized(&report, "kube-proxy"), Some((12 * 10, 12 * 32)), "at least 10m and 32 MiB");
    let nodes = &by_usage(&report).configuration;
    let on_demand = nodes.nodes.iter().filter(|node| node.zone.is_some());
    assert!(on_demand.count() > 0 && nodes.hourly_on_demand > Money::ZERO, "web stays On-Demand");
    assert!(nodes.memory_percent.unwrap() <= 100 && nodes.memory_mib > 60 * 2_250 + 6 * 915, "{nodes:?}");
    assert!(nodes.hourly < report.spot.configuration.hourly, "{nodes:?}");
}

#[test]
fn usage_changes_no_other_figure() {
    let (with, without) = (measured().compare().report, Case::read("all-pods").compare().report);
    assert_eq!(headline(&with), headline(&without));
    assert_eq!(
        (&with.today, &with.on_demand, &with.spot),
        (&without.today, &without.on_demand, &without.spot)
    );
    assert_eq!((&with.range, &with.unplaced), (&without.range, &without.unplaced));
    assert_eq!((&with.missing, &with.namespaces), (&without.missing, &without.namespaces));
}

#[test]
fn the_cluster_requests_more_than_it_uses() {
    let report = measured().compare().report;
    let usage = usage(&report);
    assert_eq!((usage.pods, usage.measured, usage.days, usage.headroom_percent), (90, 90, None, 50));
    assert_eq!((report.today.cpu_percent, report.today.memory_percent), (Some(70), Some(70)));
    assert_eq!((usage.cpu_percent, usage.memory_percent), (Some(3), Some(18)));
    assert!(usage.risks[0].contains("one moment"), "{:?}", usage.risks);
    assert!(usage.risks.iter().any(|risk| risk.contains("HorizontalPodAutoscaler")), "{:?}", usage.risks);
}

#[test]
fn pods_of_fargate_use_nothing_of_the_nodes() {
    let mut case = measured();
    let node = &mut case.snapshot.nodes[0];
    let labels = node.metadata.labels.as_mut().unwrap();
    labels.insert("eks.amazonaws.com/compute-type".to_owned(), "fargate".to_owned());
    let name = node.metadata.name.clone();
    for pod in &mut case.snapshot.pods {
        if pod.spec.as_ref().unwrap().node_name == name {
            let of_pod = case.snapshot.pod_metrics.iter_mut();
            let mut of_pod = of_pod.filter(|metrics| metrics.metadata.name == pod.metadata.name);
            let usage = &mut of_pod.next().unwrap().containers[0].usage;
            usage.get_mut("cpu").unwrap().0 = "100".to_owned();
        }
    }
    let report = case.compare().report;
    assert!(usage(&report).cpu_millis > 100_000, "{:?}", usage(&report));
    assert_eq!(usage(&report).cpu_percent, Some(3));
}

#[test]
fn a_workload_without_metrics_keeps_its_requests() {
    let list = without(|name| name.starts_with("web"));
    let report = measured_by(list.to_string().as_bytes()).compare().report;
    assert_eq!((usage(&report).measured, sized(&report, "web")), (84, None));
    // Its pods request 900m and 2 GiB each; with On-Demand nodes for them the configuration costs more.
    assert!(
        by_usage(&report).configuration.hourly > by_usage(&measured().compare().report).configuration.hourly
    );
}

#[test]
fn metrics_of_pods_of_another_cluster_are_named() {
    let mut list = without(|_| false);
    for item in list["items"].as_array_mut().unwrap() {
        item["metadata"]["namespace"] = json!("elsewhere");
    }
    let report = measured_by(list.to_string().as_bytes()).compare().report;
    assert_eq!(report.usage, None);
    let named =
        |missing: &&Missing| missing.what.starts_with("0 of 90 PodMetrics are of pods of the cluster");
    assert_eq!(report.missing.iter().filter(named).count(), 1, "{:?}", report.missing);
}

#[test]
fn a_pod_without_metrics_is_sized_as_its_neighbours() {
    let list = without(|name| name == "web-ad89750-00003");
    let report = measured_by(list.to_string().as_bytes()).compare().report;
    assert_eq!(sized(&report, "web"), Some((6 * 210, 6 * 915)));
}

#[test]
fn usage_above_requests_costs_at_most_what_today_does() {
    let case = measured().choosing(|choices| choices.usage_headroom_percent = Some(1_900));
    let report = case.compare().report;
    let proposal = by_usage(&report);
    assert_eq!((proposal.as_today, &proposal.configuration), (true, &report.today));
    assert!(table::render(&report, 400).contains("so it is as today"));
    assert_eq!(saves(&report.spot), saves(&Case::read("all-pods").compare().report.spot));
}

#[test]
fn metrics_of_kubectl_get_and_of_a_saved_snapshot_are_the_same() {
    let mut list = without(|_| false);
    list["kind"] = json!("List");
    list["apiVersion"] = json!("v1");
    for item in list["items"].as_array_mut().unwrap() {
        item["kind"] = json!("PodMetrics");
        item["apiVersion"] = json!("metrics.k8s.io/v1beta1");
    }
    let snapshot = measured().snapshot;
    assert_eq!(snapshot.pod_metrics.len(), 90);
    assert_eq!(measured_by(list.to_string().as_bytes()).snapshot, snapshot);
    assert_eq!(Snapshot::parse(&snapshot.to_json().unwrap()).unwrap(), snapshot);
}

#[test]
fn usage_of_days_has_its_own_headroom_and_risk() {
    let mut case = measured();
    case.snapshot.usage_days = Some(7);
    let report = case.compare().report;
    assert_eq!((usage(&report).days, usage(&report).headroom_percent), (Some(7), 15));
    assert!(usage(&report).risks[0].contains("7 days"), "{:?}", usage(&report).risks);
    assert!(table::render(&report, 400).contains("95th percentile of CPU, greatest memory"));
}

#[test]
fn every_form_of_the_report_has_the_configuration_by_usage() {
    let report = measured().compare().report;
    let text = table::render(&report, 200);
    for words in ["Sized by usage, with Spot", "! Usage is of one moment", "sized by usage 1.2 CPU, 5.3 GiB"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let page = page::render(&report).unwrap();
    assert_eq!(page.matches("class=\"saves\"").count(), 2, "those without its risks");
    assert!(
        page.contains("<h2 id=\"usage\">Usage</h2>") && page.contains("Sized by usage, with Spot"),
        "{page}"
    );
    let text = markdown::render(&report);
    assert!(text.contains("| `shop/web` | 6 | 5.4 CPU, 12 GiB |") && text.contains("- **Risk**: "), "{text}");
    assert!(csv::nodes(&report).unwrap().lines().any(|line| line.starts_with("usage,")));
    let text = csv::workloads(&report).unwrap();
    assert!(
        text.lines()
            .next()
            .unwrap()
            .ends_with(",used_cpu_millis,used_memory_mib,sized_cpu_millis,sized_memory_mib")
    );
    assert!(
        text.lines().any(|line| line.starts_with("shop,Deployment,web,") && line.ends_with(",1260,5490")),
        "{text}"
    );
    let data: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(
        (&data["usage"]["measured"], &data["usage"]["proposal"]["as_today"]),
        (&json!(90), &json!(false))
    );
}

#[test]
fn without_metrics_there_is_no_such_column_but_the_way_to_it() {
    let mut case = Case::read("all-pods");
    for (unread, words) in [(None, "no metrics of pods were read"), (Some("404 page not found"), "404 page")]
    {
        case.snapshot.usage_unread = unread.map(str::to_owned);
        let report = case.compare().report;
        assert_eq!((&report.usage, report.configurations().len()), (&None, 3));
        let named =
            |line: &&String| line.contains(words) && line.contains("kubectl get podmetrics -A -o json");
        assert_eq!(report.assumptions.iter().filter(named).count(), 1, "{:?}", report.assumptions);
        let data: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
        assert_eq!((&data["usage"], &data["workloads"][0]["usage"]), (&Value::Null, &Value::Null));
        assert!(!table::render(&report, 200).contains("Sized by usage"));
    }
}
