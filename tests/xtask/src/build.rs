//! Cargo, with the shared target folder.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use crate::{
    cache,
    process::{self, Failure, Outcome},
};

/// `cargo TASK` in the workspace root, building in the shared folder.
pub(crate) fn cargo(task: &str) -> Outcome<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(task).current_dir(cache::root());
    share_target(&mut command)?;
    Ok(command)
}

/// Makes `command` build in the shared folder. What `cargo run` has told xtask about the package xtask
/// is taken out again: build scripts that look at it would run anew.
pub(crate) fn share_target(command: &mut Command) -> Outcome {
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| starts_with(&name, prefix)) {
            command.env_remove(name);
        }
    }
    let target = cache::target()?;
    claim(&target).map_err(|error| Failure::of(target.display(), &error))?;
    command.env("CARGO_TARGET_DIR", target);
    Ok(())
}

/// Cargo tells dependencies apart in a folder of two clones, but not the clones' own crates: it sees the
/// same package, and sources older than what it has built. So where another clone has built last, our
/// sources become newer than anything there.
fn claim(target: &Path) -> io::Result<()> {
    let stamp = target.join("built-by-clone");
    let root = cache::root().into_os_string().into_encoded_bytes();
    if fs::read(&stamp).is_ok_and(|last| last == root) {
        return Ok(());
    }
    let now = SystemTime::now();
    let mut folders: Vec<PathBuf> =
        ["infra", "lambda", "provisioner-lib", "tests"].map(|own| cache::root().join(own)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                File::options().append(true).open(path)?.set_modified(now)?;
            }
        }
    }
    fs::create_dir_all(target)?;
    fs::write(stamp, root)
}

/// Says what a build from nothing takes, when it is one.
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

/// Cargo's own progress for whoever watches a terminal, silence in pipes and logs.
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
