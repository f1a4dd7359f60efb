//! cargo-lambda, pinned: from PATH if it is there in the right version, else from PyPI in a virtual
//! environment of its own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    build, cache,
    process::{self, Failure, Outcome, ask},
};

const VERSION: &str = "1.9.2";
/// Zig is cargo-lambda's linker: it links against an old enough glibc, and for the other architecture.
const REQUIREMENTS: [&str; 2] = ["cargo-lambda==1.9.2", "ziglang==0.17.1"];
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// `cargo lambda build` of the function, for release.
pub(crate) fn build(args: &[String]) -> Outcome {
    let mut command = command("build")?;
    process::run(command.args(["--release", "--package", "cast-spot-handler"]).args(args))?;
    eprintln!("the function is in {}", output("cast-spot-handler").display());
    Ok(())
}

/// `cargo lambda deploy` of what [`build()`] has built.
pub(crate) fn deploy(args: &[String]) -> Outcome {
    process::run(command("deploy")?.args(args))
}

/// Where [`build()`] leaves `bootstrap` and `bootstrap.zip` of a package (`lambda_dir` in cargo-lambda.toml).
pub(crate) fn output(package: &str) -> PathBuf {
    cache::root().join("target/lambda").join(package)
}

/// `cargo lambda TASK` in the workspace root with our settings.
pub(crate) fn command(task: &str) -> Outcome<Command> {
    let program = program()?;
    let mut command = Command::new(&program);
    command.args(["lambda", "--global", "cargo-lambda.toml", task]).current_dir(cache::root());
    build::share_target(&mut command)?;
    // The virtual environment's Zig stands beside cargo-lambda.
    let mut path: Vec<PathBuf> = program.parent().map(Path::to_path_buf).into_iter().collect();
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let path = env::join_paths(path).map_err(|error| Failure::Other(format!("PATH: {error}")))?;
    command.env("PATH", path);
    Ok(command)
}

/// Path of cargo-lambda, set up on first use.
pub(crate) fn program() -> Outcome<PathBuf> {
    let venv = cache::folder()?.join("venv-cargo-lambda");
    let own = venv.join("bin/cargo-lambda");
    if let Some(found) = on_path().into_iter().chain([own.clone()]).find(|path| is_pinned(path)) {
        return Ok(found);
    }
    set_up(&venv)?;
    if is_pinned(&own) {
        Ok(own)
    } else {
        Err(Failure::Other(format!("{} does not run, or is not version {VERSION}", own.display())))
    }
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join("cargo-lambda")).find(|file| file.is_file())
}

fn is_pinned(program: &Path) -> bool {
    ask(Command::new(program).args(["lambda", "--version"]))
        .and_then(|line| line.split(' ').nth(1).map(|v| v == VERSION))
        == Some(true)
}

fn set_up(venv: &Path) -> Outcome {
    let python = PYTHONS
        .into_iter()
        .find(|python| {
            ask(Command::new(python)
                .args(["-c", "import sys, venv, ensurepip; print(sys.version_info >= (3, 11))"]))
            .as_deref()
                == Some("True")
        })
        .ok_or_else(|| {
            Failure::Missing(format!(
                "Python 3.11 or newer with its venv module (python3, python3-venv), to set up cargo-lambda; \
                 cargo-lambda {VERSION} on PATH does as well"
            ))
        })?;
    eprintln!("setting up cargo-lambda {VERSION} in {}", venv.display());
    if venv.exists() {
        fs::remove_dir_all(venv).map_err(|error| Failure::of(venv.display(), &error))?;
    }
    process::run(Command::new(python).args(["-m", "venv"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check"]).args(REQUIREMENTS);
    process::run(&mut pip)
}
