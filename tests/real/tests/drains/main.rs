//! The function on real parts: the release binary as a Lambda, a real Kubernetes control plane, emulated AWS.
//! What counts is what the API server, its audit log and Auto Scaling say.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod whole_path;

fn main() -> ExitCode {
    suite::run(
        "drains",
        6,
        scenarios![whole_path::a_notice_on_the_bus_drains_the_node_and_brings_a_replacement],
    )
}
