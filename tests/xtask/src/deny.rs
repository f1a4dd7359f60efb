//! cargo-deny over the dependencies: licences, bans and sources always, advisories where RustSec's database can be had.
//! Its settings are in `.deny.toml`.

use std::process::Command;

use crate::{
    cache,
    process::{self, Failure, Outcome, headline},
    setup::python,
};

/// Checks all dependencies of `Cargo.lock`.
pub(crate) fn check() -> Outcome {
    headline("licences, bans and sources of dependencies");
    let deny = || {
        let program = python::environment("cargo-deny")?.join("bin/cargo-deny");
        let mut command = Command::new(program);
        command.arg("--locked").current_dir(cache::root());
        Ok(command)
    };
    let mut licences = match deny() {
        Err(Failure::Missing(what)) => {
            eprintln!("skipped, and so are the advisories: {what}");
            return Ok(());
        }
        found => found?,
    };
    process::run(licences.args(["check", "bans", "licenses", "sources"]))?;

    headline("advisories of dependencies");
    let mut fetch = deny()?;
    // No question for a password, and no endless wait for a network that drops what it gets.
    fetch
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs([("GIT_HTTP_LOW_SPEED_LIMIT", "1000"), ("GIT_HTTP_LOW_SPEED_TIME", "30")]);
    let fetched = fetch.args(["fetch", "db"]).output().map_err(|error| Failure::of("cargo-deny", &error))?;
    if fetched.status.success() {
        return process::run(deny()?.args(["--offline", "check", "advisories"]));
    }
    let why = reason(&String::from_utf8_lossy(&fetched.stderr));
    eprintln!("SKIPPED: advisories were not checked, because their database cannot be fetched: {why}");
    Ok(())
}

/// Why Git has failed: its last line.
fn reason(stderr: &str) -> String {
    let last = stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.unwrap_or("no reason given").trim_start_matches("fatal: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_check_gives_gits_own_reason() {
        let stderr = "[ERROR] failed to fetch database\nfatal: unable to access it: no such host\n\n";
        assert_eq!(reason(stderr), "unable to access it: no such host");
        assert_eq!(reason(""), "no reason given");
    }
}
