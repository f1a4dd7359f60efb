//! The world that `cast-spot rehearse` runs in answers as the real parts do.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod answers;
mod peer;
mod probes;
mod situation;

fn main() -> ExitCode {
    suite::run("contract", 2, scenarios![answers::the_world_answers_as_the_real_api_server_does])
}
