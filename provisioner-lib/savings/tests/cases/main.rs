//! Clusters as people have them, each with its right value and how it is computed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

mod apply;
mod capacity;
mod case;
mod constraints;
mod costs;
mod figures;
mod files;
mod floors;
mod groups;
mod hardware;
mod kept;
mod limits;
mod outputs;
mod safe;
mod values;

mod usage;
mod whole;

use case::{Case, saves};
use cast_spot_savings::choices::{Caps, Floors};

#[test]
fn all_pods_of_a_cluster_give_its_savings() {
    let case = Case::read("all-pods");
    let case = case.choosing(|choices| (choices.caps, choices.floors) = (Caps::NONE, Floors::NONE));
    let report = case.compare().report;
    assert_eq!(saves(&report.on_demand).as_deref(), Some("29.5"));
    assert_eq!(saves(&report.spot).as_deref(), Some("74.6"));
}
