//! Virtual environments: programs from PyPI, each in a folder of its own in the cache. `tests/xtask/requirements/` has
//! for each of them what we ask for, `NAME.in`, and what is installed, `NAME.txt`: every version, with its hashes.

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
/// The oldest Python that the lists serve.
const OLDEST: &str = "3.11";

/// Python of moto's environment, which also has the `aws` command.
pub(crate) fn moto() -> Outcome<PathBuf> {
    Ok(environment("moto")?.join("bin/python"))
}

/// Python of ministack's environment.
pub(crate) fn ministack() -> Outcome<PathBuf> {
    Ok(environment("ministack")?.join("bin/python"))
}

/// The program of an environment that is named after it.
pub(crate) fn program(name: &str) -> Outcome<PathBuf> {
    Ok(environment(name)?.join("bin").join(name))
}

/// The virtual environment `venv-NAME` with what `NAME.txt` lists; set up on first use, and again when the list
/// changes or its Python is missing.
pub(crate) fn environment(name: &str) -> Outcome<PathBuf> {
    let list = folder().join(format!("{name}.txt"));
    let requirements = read(&list)?;
    let venv = cache::folder()?.join(format!("venv-{name}"));
    // Written last: an environment without it was not finished.
    let stamp = venv.join("requirements.txt");
    let runs = || ask(Command::new(venv.join("bin/python")).arg("--version")).is_some();
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirements) && runs() {
        return Ok(venv);
    }
    let python = interpreter()?;
    eprintln!("setting up {name} in {}", venv.display());
    set_up(python, &venv, &list)?;
    fs::write(&stamp, requirements).map_err(|error| Failure::of(stamp.display(), &error))?;
    Ok(venv)
}

/// The version that `ENVIRONMENT.in` asks for.
pub(crate) fn version(environment: &str, package: &str) -> Outcome<String> {
    let path = folder().join(format!("{environment}.in"));
    let text = read(&path)?;
    let found = text.lines().filter_map(|line| line.split_once("==")).find(|(name, _)| *name == package);
    let (_, version) =
        found.ok_or_else(|| Failure::Other(format!("{} does not pin {package}", path.display())))?;
    Ok(version.to_owned())
}

/// Writes every `NAME.txt` from its `NAME.in`, with the hashes of all files of each release: one list for all platforms.
/// Versions that still fit are kept, unless `args` have `--upgrade`.
pub(crate) fn pin(args: &[String]) -> Outcome {
    let uv = program("uv")?;
    for input in inputs(&folder())? {
        eprintln!("pinning {}", input.display());
        let mut command = Command::new(&uv);
        command.args(["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--generate-hashes"]);
        command.args(["--universal", "--python-version", OLDEST]).args(args);
        process::run(command.arg(&input).arg("--output-file").arg(input.with_extension("txt")))?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    cache::root().join("tests/xtask/requirements")
}

fn inputs(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::of(folder.display(), &error))?;
    let files = entries.flatten().map(|entry| entry.path());
    Ok(files.filter(|file| file.extension().is_some_and(|extension| extension == "in")).collect())
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| Failure::of(path.display(), &error))
}

fn interpreter() -> Outcome<&'static str> {
    let new_enough = "import sys, venv, ensurepip; print(sys.version_info >= (3, 11))";
    let mut pythons = PYTHONS.into_iter();
    pythons
        .find(|python| ask(Command::new(python).args(["-c", new_enough])).as_deref() == Some("True"))
        .ok_or_else(|| {
            Failure::Missing(format!("Python {OLDEST} or newer with its venv module (python3, python3-venv)"))
        })
}

fn set_up(python: &str, venv: &Path, list: &Path) -> Outcome {
    if venv.exists() {
        fs::remove_dir_all(venv).map_err(|error| Failure::of(venv.display(), &error))?;
    }
    process::run(Command::new(python).args(["-m", "venv"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    // No source archives: to build one, pip installs what no list has.
    pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement"]).arg(list);
    process::run(&mut pip)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requirements of a list, each with its hashes in one line.
    fn requirements(list: &str) -> Vec<String> {
        list.replace("\\\n", " ")
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(String::from)
            .collect()
    }

    #[test]
    fn every_requirement_has_a_version_and_a_hash() {
        let mut lists = 0;
        for entry in fs::read_dir(folder())
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().extension() != Some("in".as_ref()))
        {
            lists += 1;
            let path = entry.path();
            for requirement in requirements(&read(&path).unwrap()) {
                let pinned = requirement.contains("==") && requirement.contains(" --hash=sha256:");
                assert!(pinned, "{}: {requirement}", path.display());
            }
        }
        assert_eq!(lists, inputs(&folder()).unwrap().len());
    }

    #[test]
    fn what_is_asked_for_is_what_is_pinned() {
        for input in inputs(&folder()).unwrap() {
            let pinned = requirements(&read(&input.with_extension("txt")).unwrap());
            for asked in read(&input).unwrap().lines() {
                let found = pinned.iter().any(|line| line.starts_with(&format!("{} ", asked.to_lowercase())));
                assert!(found, "{}: {asked}", input.display());
            }
        }
    }

    #[test]
    fn a_version_is_read_from_what_is_asked_for() {
        assert!(version("cargo-lambda", "ziglang").unwrap().starts_with("0."));
        assert!(version("cargo-lambda", "zig").is_err());
    }
}
