//! Bills of materials in CycloneDX's form, by cargo-cyclonedx.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::sources;
use crate::{
    build, cache,
    process::{self, Failure, Outcome, ask},
};

const VERSION: &str = "0.5.9";
/// The program, and where its manifest is.
const PROGRAMS: [(&str, &str); 2] = [("cast-spot-handler", "lambda"), ("cast-spot", "provisioner-lib/cli")];

/// Writes `PROGRAM.cdx.json` of each program for `target` to `folder`: what it links and what builds it, by Cargo.lock.
pub(crate) fn write(target: &str, folder: &Path) -> Outcome {
    // cargo-cyclonedx writes beside each manifest of the workspace, so it gets a copy.
    let copy = cache::folder()?.join("dist/sbom");
    sources::copy_to(&copy)?;
    let mut command = Command::new(program()?);
    command.current_dir(&copy).args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"]);
    // With a time that is set there is no serial number either: the same sources give the same bytes.
    process::run(command.args(["--target", target]).env("SOURCE_DATE_EPOCH", sources::time()))?;
    for (program, manifest) in PROGRAMS {
        let name = format!("{program}.cdx.json");
        let made = copy.join(manifest).join(&name);
        let text = fs::read_to_string(&made).map_err(|error| Failure::of(made.display(), &error))?;
        fs::write(folder.join(&name), without_place(&text, &copy))
            .map_err(|error| Failure::of(folder.display(), &error))?;
    }
    fs::remove_dir_all(&copy).map_err(|error| Failure::of(copy.display(), &error))
}

/// Cargo's identifiers of our crates are paths.
fn without_place(text: &str, root: &Path) -> String {
    text.replace(&format!("path+file://{}", root.display()), "path+file:///cast-spot")
}

/// cargo-cyclonedx, pinned, compiled on first use.
fn program() -> Outcome<PathBuf> {
    let folder = cache::folder()?.join("tools/cargo-cyclonedx");
    let program = folder.join("bin/cargo-cyclonedx");
    let version = ask(Command::new(&program).args(["cyclonedx", "--version"])).unwrap_or_default();
    if version.ends_with(&format!(" {VERSION}")) {
        return Ok(program);
    }
    eprintln!("building cargo-cyclonedx {VERSION}: from nothing about a minute on two cores");
    let mut cargo = build::tool("install")?;
    cargo.args(["--quiet", "--locked", "--force", "--version", &format!("={VERSION}"), "cargo-cyclonedx"]);
    cargo.arg("--root").arg(&folder);
    // It runs for a second; what is long is its build.
    cargo.args(["--debug", "--target-dir"]).arg(folder.join("target")).env("CARGO_PROFILE_DEV_DEBUG", "0");
    process::run(&mut cargo)?;
    fs::remove_dir_all(folder.join("target")).map_err(|error| Failure::of(folder.display(), &error))?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_of_materials_does_not_name_its_place() {
        let text = r#"{"bom-ref":"path+file:///home/me/copy/lambda#cast-spot-handler@0.1.0"}"#;
        assert_eq!(
            without_place(text, Path::new("/home/me/copy")),
            r#"{"bom-ref":"path+file:///cast-spot/lambda#cast-spot-handler@0.1.0"}"#
        );
    }
}
