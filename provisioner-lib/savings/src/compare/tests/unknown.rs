//! Without figures there is no proposal, and the headline has the reason.

use super::*;

fn headline(report: &Report) -> String {
    let text = crate::render::table::render(report, 400);
    text.lines().find(|line| line.contains("not known")).unwrap_or(&text).to_owned()
}

#[test]
fn where_pods_could_not_be_read_nothing_is_proposed() {
    let mut cluster = cluster();
    cluster["pods"] = json!([]);
    cluster["missing"] = json!([{
        "what": "pods could not be read, so nothing can be proposed (not allowed: list pods)", "hint": "a role",
    }]);
    let report = compared(cluster, Some(prices()));
    assert_eq!(report.today.hourly.to_string(), "0.856");
    for proposal in [&report.on_demand, &report.spot] {
        assert_eq!((proposal.configuration.count, &proposal.saves), (0, &None));
    }
    let headline = headline(&report);
    assert!(headline.contains("pods could not be read") && headline.contains("list pods"), "{headline}");
    let table = crate::render::table::render(&report, 80);
    let page = crate::render::page::render(&report).unwrap();
    // On the page also beside each bar.
    for (text, times) in [(table, 2), (page, 4)] {
        assert!(!text.contains("100.0 %") && !text.contains("$0.00"), "{text}");
        assert_eq!(text.matches("nothing is proposed").count(), times, "{text}");
    }
}

#[test]
fn some_of_the_pods_are_not_enough_for_a_proposal() {
    let mut cluster = cluster();
    cluster["missing"] =
        json!([{ "what": "pods could not be read, so nothing can be proposed", "hint": "" }]);
    let report = compared(cluster, Some(prices()));
    assert_eq!((report.spot.configuration.count, &report.spot.saves), (0, &None));
}

#[test]
fn without_pods_on_ec2_nothing_is_proposed() {
    let mut without = cluster();
    without["pods"] = json!([]);
    let mut of_the_nodes = cluster();
    for pod in of_the_nodes["pods"].as_array_mut().unwrap() {
        pod["metadata"]["ownerReferences"][0]["kind"] = "DaemonSet".into();
    }
    for cluster in [without, of_the_nodes] {
        let report = compared(cluster, Some(prices()));
        assert_eq!((&report.on_demand.saves, &report.spot.saves), (&None, &None));
        assert!(says(&report, "no pods run on nodes of EC2"), "{:?}", report.missing);
        assert!(headline(&report).contains("no pods run on nodes of EC2"), "{}", headline(&report));
    }
}

#[test]
fn unread_nodes_do_not_make_the_cluster_empty() {
    let mut cluster = cluster();
    cluster["nodes"] = json!([]);
    let what = "nodes could not be read, so today's cost is not known (not allowed: list nodes)";
    cluster["missing"] = json!([{ "what": what, "hint": "" }]);
    let report = compared(cluster, Some(prices()));
    assert!(!says(&report, "the cluster has no nodes"), "{:?}", report.missing);
    assert!(headline(&report).contains("nodes could not be read"), "{}", headline(&report));
    assert_eq!((&report.on_demand.saves, &report.spot.saves), (&None, &None));
}

#[test]
fn the_headline_names_what_is_missing() {
    let report = compared(cluster(), None);
    assert!(headline(&report).contains("there are no prices"), "{}", headline(&report));
    let mut no_types = prices();
    no_types["types"] = json!([]);
    let report = compared(cluster(), Some(no_types));
    assert!(headline(&report).contains("no instance types are known"), "{}", headline(&report));
}
