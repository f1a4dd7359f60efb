//! Cargo, with the shared target folder.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cache,
    process::{self, Failure, Outcome},
};

/// `cargo TASK` in the workspace root, building in the shared folder, of exactly what `Cargo.lock` has.
pub(crate) fn cargo(task: &str) -> Outcome<Command> {
    let mut command = tool(task)?;
    command.arg("--locked");
    Ok(command)
}

/// A subcommand of Cargo that does not know `--locked`.
pub(crate) fn tool(task: &str) -> Outcome<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(task).current_dir(cache::root());
    share_target(&mut command)?;
    Ok(command)
}

/// Removes the variables that `cargo run` has set for xtask: build scripts that read them would run again.
pub(crate) fn forget_xtask(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| starts_with(&name, prefix)) {
            command.env_remove(name);
        }
    }
}

/// Makes `command` build in the shared folder.
pub(crate) fn share_target(command: &mut Command) -> Outcome {
    forget_xtask(command);
    command.env("CARGO_TARGET_DIR", shared_target()?);
    Ok(())
}

/// The shared target folder, for this clone.
pub(crate) fn shared_target() -> Outcome<PathBuf> {
    let target = cache::target()?;
    claim(&target).map_err(|error| Failure::of(target.display(), &error))?;
    Ok(target)
}

/// Prints the variable with which plain `cargo` builds in the shared folder.
pub(crate) fn environment() -> Outcome {
    println!("export CARGO_TARGET_DIR={}", quoted(&shared_target()?.to_string_lossy()));
    Ok(())
}

/// Quotes a text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Makes Cargo build our crates again if another clone has built last, by deleting its records of them. In a shared
/// folder, Cargo takes the crates of two clones for the same package, and sources older than its artifacts for built.
fn claim(target: &Path) -> io::Result<()> {
    let stamp = target.join("built-by-clone");
    let root = cache::root().into_os_string().into_encoded_bytes();
    if fs::read(&stamp).is_ok_and(|last| last == root) {
        return Ok(());
    }
    fs::create_dir_all(target)?;
    // target/PROFILE/.fingerprint and target/TRIPLE/PROFILE/.fingerprint
    let mut folders = vec![(target.to_path_buf(), 2)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_name() == ".fingerprint" {
                forget_own_crates(&entry.path())?;
            } else if depth > 0 && entry.file_type()?.is_dir() {
                folders.push((entry.path(), depth - 1));
            }
        }
    }
    fs::write(stamp, root)
}

fn forget_own_crates(fingerprints: &Path) -> io::Result<()> {
    for entry in fs::read_dir(fingerprints)? {
        let entry = entry?;
        if ["cast-spot-", "empty-lambda-", "xtask-"].iter().any(|own| starts_with(&entry.file_name(), own)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Announces the duration of a build from nothing.
pub(crate) fn announce_first_build() -> Outcome {
    if !has_sdk(&cache::target()?.join("debug/deps")) {
        eprintln!(
            "the first build takes about five minutes, most of it aws-sdk-ec2; later ones take seconds"
        );
    }
    Ok(())
}

/// The function, as a dev build. Without `--package`, as `cargo lambda watch` builds it: that way tokio has the
/// same features as in the tests, and aws-sdk-ec2 is not built a second time.
pub(crate) fn function() -> Outcome<PathBuf> {
    process::run(cargo("build")?.args(["--bin", "cast-spot-handler"]))?;
    Ok(cache::target()?.join("debug/cast-spot-handler"))
}

/// The embedded world as a program of its own (`lambda/rehearsal/examples/serve.rs`), always a dev build and
/// without `--package`, for the same reason.
pub(crate) fn world() -> Outcome<PathBuf> {
    process::run(cargo("build")?.args(["--example", "serve"]))?;
    Ok(cache::target()?.join("debug/examples/serve"))
}

/// Cargo's own progress in a terminal, silence in pipes and logs.
pub(crate) fn quiet_unless_watched(command: &mut Command) {
    if !std::io::stderr().is_terminal() {
        command.arg("--quiet");
    }
}

fn has_sdk(deps: &Path) -> bool {
    fs::read_dir(deps).is_ok_and(|entries| {
        entries.flatten().any(|entry| starts_with(&entry.file_name(), "libaws_sdk_ec2-"))
    })
}

fn starts_with(text: &OsStr, prefix: &str) -> bool {
    text.to_string_lossy().starts_with(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claiming_forgets_our_crates_and_keeps_the_dependencies() {
        let target = env::temp_dir().join(format!("cast-spot-claim-{}", std::process::id()));
        let record = |profile: &str, name: &str| target.join(profile).join(".fingerprint").join(name);
        let ours =
            ["debug", "x86_64-unknown-linux-gnu/release"].map(|profile| record(profile, "cast-spot-1f"));
        let theirs = record("debug", "aws-sdk-ec2-1f");
        let all = [&ours[0], &ours[1], &theirs];
        for record in all {
            fs::create_dir_all(record).unwrap();
        }

        claim(&target).unwrap();
        assert_eq!(all.map(|record| record.exists()), [false, false, true]);

        // The clone that has built last keeps what it has built.
        fs::create_dir_all(&ours[0]).unwrap();
        claim(&target).unwrap();
        assert!(ours[0].exists());
        fs::remove_dir_all(target).unwrap();
    }

    #[test]
    fn every_build_takes_the_versions_of_the_lock_file() {
        let build = cargo("build").unwrap();
        assert_eq!(build.get_args().collect::<Vec<_>>(), ["build", "--locked"]);
        let config = fs::read_to_string(cache::root().join(".cargo/config.toml")).unwrap();
        for alias in config.lines().filter(|line| line.contains("= \"run ")) {
            assert!(alias.contains("run --quiet --locked "), "{alias}");
        }
    }

    #[test]
    fn a_quoted_path_is_one_word_of_the_shell() {
        assert_eq!(quoted("/home/o'neill/my target"), r"'/home/o'\''neill/my target'");
    }
}
