//! `--list`: a table for people, JSON for programs.

use std::io;

use cast_spot_rehearsal::scenario::ALL;

use crate::{
    plan::json,
    style::{BOLD, DIM},
};

/// Shown if the exit code depends on the seed.
const NO_CODE: &str = "–";

/// All scenarios.
pub(super) fn render(as_json: bool) -> io::Result<String> {
    if as_json { json::text(&ALL) } else { Ok(table()) }
}

fn table() -> String {
    let width = ALL.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    let mut text = format!("{DIM}{:width$}  exit{DIM:#}\n", "name");
    for scenario in ALL {
        let code = exit_code(scenario.graceful);
        text += &[
            format!("{BOLD}{:width$}{BOLD:#}     {code}  {}\n", scenario.name, scenario.about),
            format!("{:width$}        {DIM}{}{DIM:#}\n", "", scenario.verdict),
        ]
        .concat();
    }
    text + &format!("{DIM}exit {NO_CODE}: 0 or 1, as --seed decides{DIM:#}\n")
}

/// Exit code with the default options, if it does not depend on the seed.
fn exit_code(graceful: Option<bool>) -> String {
    match graceful {
        Some(true) => "0".to_owned(),
        Some(false) => super::EXIT_PODS_LOST.to_string(),
        None => NO_CODE.to_owned(),
    }
}
