//! Faults on the wire between the function and the APIs that it calls. With each fault, the legs
//! stay independent, the time limits hold, and work continues after the repair.
//!
//! One scenario at a time: all share the wires.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod api_server;
mod aws;
mod in_time;
mod interrupted;
mod stalled;
mod wires;

fn main() -> ExitCode {
    suite::run(
        "faults",
        1,
        scenarios![
            wires::every_fault_does_what_its_name_says,
            api_server::a_slow_api_server_is_drained_over_one_connection,
            api_server::a_narrow_wire_to_the_api_server_lets_the_drain_through,
            api_server::a_hung_api_server_delays_neither_replacement_nor_report,
            aws::a_hung_auto_scaling_does_not_hold_up_the_drain,
            aws::a_hung_ec2_is_replaced_by_the_clusters_node_list,
            aws::eks_is_not_needed_by_a_warm_function,
            aws::without_eks_a_cold_function_still_asks_for_a_replacement,
            interrupted::a_drain_goes_on_when_broken_connections_heal,
            interrupted::a_drain_goes_on_after_a_restart_of_the_api_server,
            stalled::a_dead_warm_connection_is_replaced_within_the_notice,
        ],
    )
}
