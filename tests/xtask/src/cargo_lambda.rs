//! cargo-lambda, pinned: from PATH if it is there in the right version, else from PyPI in a virtual
//! environment of its own. Zig, its linker, is beside it: it links against an old enough glibc, and for the other
//! architecture.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    archive, build, cache,
    place::Place,
    process::{self, Failure, Outcome, ask},
    setup::python,
};

/// `cargo lambda build` of the function, for release.
pub(crate) fn build(args: &[String]) -> Outcome {
    build_in(&Place::of_this_clone()?, args)?;
    eprintln!("the function is in {}", output("cast-spot-handler").display());
    Ok(())
}

/// [`build()`] in another place. The same sources give the same bytes in every place.
pub(crate) fn build_in(place: &Place, args: &[String]) -> Outcome {
    let mut command = command_in(place, "build")?;
    process::run(command.args(["--release", "--package", "cast-spot-handler"]).args(args))?;
    archive::fix_metadata(&output_in(place, "cast-spot-handler").join("bootstrap.zip"))
}

/// `cargo lambda deploy` of what [`build()`] has built.
pub(crate) fn deploy(args: &[String]) -> Outcome {
    process::run(command("deploy")?.args(args))
}

/// Where [`build()`] leaves `bootstrap` and `bootstrap.zip` of a package (`lambda_dir` in cargo-lambda.toml).
pub(crate) fn output(package: &str) -> PathBuf {
    cache::root().join("target/lambda").join(package)
}

/// [`output`] of [`build_in`].
pub(crate) fn output_in(place: &Place, package: &str) -> PathBuf {
    place.root.join("target/lambda").join(package)
}

/// `cargo lambda TASK` in the workspace root with our settings.
pub(crate) fn command(task: &str) -> Outcome<Command> {
    command_in(&Place::of_this_clone()?, task)
}

fn command_in(place: &Place, task: &str) -> Outcome<Command> {
    let program = program()?;
    let mut command = Command::new(&program);
    command.args(["lambda", "--global", "cargo-lambda.toml", task]).current_dir(&place.root);
    build::forget_xtask(&mut command);
    command.env("CARGO_TARGET_DIR", &place.target).env("CARGO_HOME", &place.cargo_home);
    if task == "build" {
        command.args(["--locked", "--config"]).arg(place.config()?);
        // Cargo would take them instead of those of --config.
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    }
    // The virtual environment has Zig beside cargo-lambda.
    let mut path: Vec<PathBuf> = program.parent().map(Path::to_path_buf).into_iter().collect();
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let path = env::join_paths(path).map_err(|error| Failure::Other(format!("PATH: {error}")))?;
    command.env("PATH", path);
    Ok(command)
}

/// Path of cargo-lambda, set up on first use.
pub(crate) fn program() -> Outcome<PathBuf> {
    let version = python::version("cargo-lambda", "cargo-lambda")?;
    if let Some(found) = on_path().filter(|path| is_version(path, &version)) {
        return Ok(found);
    }
    let own = python::program("cargo-lambda").map_err(|failure| match failure {
        Failure::Missing(what) => {
            Failure::Missing(format!("{what}; or cargo-lambda {version} on PATH, for cargo-lambda"))
        }
        other => other,
    })?;
    if is_version(&own, &version) {
        Ok(own)
    } else {
        Err(Failure::Other(format!("{} does not run, or is not version {version}", own.display())))
    }
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join("cargo-lambda")).find(|file| file.is_file())
}

fn is_version(program: &Path, version: &str) -> bool {
    ask(Command::new(program).args(["lambda", "--version"]))
        .and_then(|line| line.split(' ').nth(1).map(|found| found == version))
        == Some(true)
}
