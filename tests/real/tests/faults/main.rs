//! STUB.
use cast_spot_real::suite;
use std::process::ExitCode;
fn main() -> ExitCode {
    suite::run("faults", 1, &[])
}
