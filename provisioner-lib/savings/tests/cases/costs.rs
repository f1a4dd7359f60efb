//! Costs of workloads add up to those of the nodes.

use cast_spot_savings::{money::Money, report::Cost};

use crate::case::Case;

#[test]
fn workloads_and_the_unrequested_add_up_to_the_nodes() {
    for name in ["all-pods", "system-critical-to-spot", "one-pool", "pv-zones", "all-on-spot-today"] {
        let report = Case::read(name).compare().report;
        let sum = |of: fn(&Cost) -> Option<Money>| -> Money {
            let costs = report.workloads.iter().map(|workload| &workload.cost);
            costs.chain([&report.unrequested]).filter_map(of).sum()
        };
        assert_eq!(sum(|cost| cost.monthly_today), report.today.monthly, "{name}");
        assert_eq!(sum(|cost| cost.monthly_proposed), report.spot.configuration.monthly, "{name}");
        let namespaces: Money = report.namespaces.iter().filter_map(|one| one.cost.monthly_today).sum();
        let rest = report.unrequested.monthly_today.unwrap_or_default();
        assert_eq!(namespaces + rest, report.today.monthly, "{name}");
    }
}
