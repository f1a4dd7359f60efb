//! The world of `cast-spot rehearse` answers like the real parts.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod answers;
mod drain;
mod peer;
#[path = "../drains/policy.rs"]
mod policy;
mod probes;
mod refusals;
mod situation;
#[path = "../drains/webhook.rs"]
mod webhook;

fn main() -> ExitCode {
    suite::run(
        "real_contract",
        2,
        scenarios![
            answers::the_world_answers_like_the_real_api_server,
            drain::the_world_drains_a_node_call_by_call_like_the_real_parts,
        ],
    )
}
