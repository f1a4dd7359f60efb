//! Virtual environments: programs from PyPI, pinned, each in a folder of its own in the cache.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cache,
    process::{self, Failure, Outcome, ask},
};

const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// Python of moto's environment, which also has the `aws` command.
pub(crate) fn moto() -> Outcome<PathBuf> {
    emulator("moto")
}

/// Python of ministack's environment.
pub(crate) fn ministack() -> Outcome<PathBuf> {
    emulator("ministack")
}

/// The linter of CloudFormation templates.
pub(crate) fn cfn_lint() -> Outcome<PathBuf> {
    Ok(pinned("cfn-lint")?.join("bin/cfn-lint"))
}

/// The solver that proves the policies.
pub(crate) fn z3() -> Outcome<PathBuf> {
    Ok(pinned("z3")?.join("bin/z3"))
}

/// The spelling checker; its settings are in `.typos.toml`.
pub(crate) fn typos() -> Outcome<PathBuf> {
    Ok(environment("typos", "typos==1.52.0")?.join("bin/typos"))
}

fn emulator(name: &str) -> Outcome<PathBuf> {
    Ok(pinned(name)?.join("bin/python"))
}

fn pinned(name: &str) -> Outcome<PathBuf> {
    let pins = cache::root().join("tests/real/emulators").join(format!("{name}.txt"));
    let pins = fs::read_to_string(&pins).map_err(|error| Failure::of(pins.display(), &error))?;
    environment(name, &pins)
}

/// The virtual environment `venv-NAME` with what `requirements` pins; set up on first use, and again when they
/// change or its Python is missing.
pub(crate) fn environment(name: &str, requirements: &str) -> Outcome<PathBuf> {
    let venv = cache::folder()?.join(format!("venv-{name}"));
    // Written last: an environment without it was not finished.
    let stamp = venv.join("requirements.txt");
    let runs = || ask(Command::new(venv.join("bin/python")).arg("--version")).is_some();
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirements) && runs() {
        return Ok(venv);
    }
    let python = interpreter()?;
    eprintln!("setting up {name} in {}", venv.display());
    set_up(python, &venv, requirements)?;
    fs::write(&stamp, requirements).map_err(|error| Failure::of(stamp.display(), &error))?;
    Ok(venv)
}

fn interpreter() -> Outcome<&'static str> {
    let new_enough = "import sys, venv, ensurepip; print(sys.version_info >= (3, 11))";
    let mut pythons = PYTHONS.into_iter();
    pythons
        .find(|python| ask(Command::new(python).args(["-c", new_enough])).as_deref() == Some("True"))
        .ok_or_else(|| {
            Failure::Missing("Python 3.11 or newer with its venv module (python3, python3-venv)".to_owned())
        })
}

fn set_up(python: &str, venv: &Path, requirements: &str) -> Outcome {
    if venv.exists() {
        fs::remove_dir_all(venv).map_err(|error| Failure::of(venv.display(), &error))?;
    }
    process::run(Command::new(python).args(["-m", "venv"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check"]).args(requirements.lines());
    process::run(&mut pip)
}
