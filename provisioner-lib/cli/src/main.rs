//! The program `cast-spot`.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "main is the one place that reads the environment")]
fn main() -> ExitCode {
    cast_spot::run(std::env::args_os(), |name| std::env::var_os(name)).into()
}
