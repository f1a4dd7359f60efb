//! STUB.
use std::process::ExitCode;
use cast_spot_real::suite;
fn main() -> ExitCode { suite::run("permissions", 1, &[]) }
