//! No comparison where objects are not those of the whole cluster.

use cast_spot_savings::{
    render::headline,
    report::{Confidence, Report},
};

use crate::case::{Case, saves};

/// Whether nothing is compared, and the headline says so.
fn is_unknown(report: &Report, why: &str) -> bool {
    let missing = report.missing.iter().any(|missing| missing.what.contains(why));
    let (headline, none) =
        (headline(report), (saves(&report.on_demand), saves(&report.spot)) == (None, None));
    none && missing && headline.contains(why) && !headline.contains('$')
}

#[test]
fn pods_of_one_namespace_are_not_compared() {
    let report = Case::read("pods-of-one-namespace").compare().report;
    assert!(is_unknown(&report, "12 nodes have no pod of kube-system"), "{report:#?}");
    let whole = Case::read("all-pods").compare().report;
    assert!(saves(&whole.on_demand).is_some() && whole.unknown.is_none());
}

#[test]
fn pods_of_filtered_nodes_are_not_compared() {
    let report = Case::read("pods-of-nodes-not-in-file").compare().report;
    assert!(is_unknown(&report, "9 of 21 pods run on nodes that are not known"), "{report:#?}");
}

#[test]
fn pods_without_requests_are_compared_by_choice_alone() {
    let case = Case::read("no-requests");
    let report = case.compare().report;
    assert!(is_unknown(&report, "40 of 40 pods do not request both CPU and memory"), "{report:#?}");
    let report = case.choosing(|choices| choices.accept_missing_requests = true).compare().report;
    assert!(saves(&report.spot).is_some(), "{:?}", report.unknown);
    let range = report.range.unwrap();
    assert_eq!(range.confidence, Confidence::Low, "{:?}", range.because);
}

#[test]
fn a_node_without_a_price_has_none() {
    for name in ["unpriced-today", "spot-node-without-spot-price"] {
        let report = Case::read(name).compare().report;
        assert_eq!(report.today.unpriced, 3, "{name}");
        let table = cast_spot_savings::render::table::render(&report, 200);
        assert!(!table.contains("$0.00"), "{name}: {table}");
    }
}

#[test]
fn a_pod_without_a_node_is_not_said_to_have_room() {
    let report = Case::read("windows-pending").compare().report;
    assert!(!report.unplaced.is_empty());
    assert!(
        !report.missing.iter().any(|missing| missing.what.contains("has room for it")),
        "{:?}",
        report.missing
    );
}

#[test]
fn work_over_time_is_named_as_not_included() {
    let report = Case::read("job-of-minutes").compare().report;
    assert!(report.left_out.iter().any(|line| line.contains("CronJob")), "{:?}", report.left_out);
}

#[test]
fn a_dump_of_a_real_cluster_is_read() {
    let report = Case::read("real-eks-ecommerce").priced_by("real-eks-prices").compare().report;
    assert_eq!((report.today.count, report.today.unpriced), (2, 0));
    assert!(
        report.assumptions.iter().any(|line| line.contains("not used: Event, Service")),
        "{:?}",
        report.assumptions
    );
}
