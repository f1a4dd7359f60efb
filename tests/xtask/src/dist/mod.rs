//! `cargo xtask dist`: what a release has, in one folder: the function's zip, the bills of materials of the function and
//! the command line, the versions of the tools, and the checksums of them all.

mod sbom;
mod sources;
mod verify;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

use crate::{
    cache, cargo_lambda,
    process::{Failure, Outcome, ask},
    setup::python,
};

/// Builds everything into `target/dist`. With `verify`, the function is built twice in other places, from nothing, and
/// the zips have to be the same.
pub(crate) fn run(verify: bool, arm64: bool) -> Outcome {
    let architecture = if arm64 { "aarch64" } else { "x86_64" };
    let args =
        [format!("--{}", if arm64 { "arm64" } else { "x86-64" }), "--output-format".into(), "zip".into()];
    let folder = cache::root().join("target/dist");
    let failed = |path: &Path, error| Failure::of(path.display(), &error);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    }
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    let zip = folder.join(format!("cast-spot-handler-{architecture}.zip"));
    if verify {
        verify::build_twice(&args, &zip)?;
    } else {
        cargo_lambda::build(&args)?;
        let built = cargo_lambda::output("cast-spot-handler").join("bootstrap.zip");
        fs::copy(&built, &zip).map_err(|error| failed(&built, error))?;
    }
    let tools = folder.join("built-with.txt");
    fs::write(&tools, versions()?).map_err(|error| failed(&tools, error))?;
    sbom::write(&format!("{architecture}-unknown-linux-gnu"), &folder)?;
    let sums = checksums(&folder).map_err(|error| failed(&folder, error))?;
    let list = folder.join("SHA256SUMS");
    fs::write(&list, &sums).map_err(|error| failed(&list, error))?;
    println!("{sums}");
    eprintln!("the release is in {}", folder.display());
    Ok(())
}

/// The tools that the bytes of the function depend on.
fn versions() -> Outcome<String> {
    let rustc = ask(Command::new("rustc").arg("--version").current_dir(cache::root())).unwrap_or_default();
    let [lambda, zig] = ["cargo-lambda", "ziglang"].map(|name| python::version("cargo-lambda", name));
    Ok(format!("{rustc}\ncargo-lambda {}\nziglang {}\n", lambda?, zig?))
}

/// The files of `folder` with their hashes, in the form that `sha256sum --check` reads.
fn checksums(folder: &Path) -> std::io::Result<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut list = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Writing to a String cannot fail.
        let _ = writeln!(list, "{}  {name}", sha256(&fs::read(&file)?));
    }
    Ok(list)
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_that_sha256sum_reads() {
        let folder = std::env::temp_dir().join(format!("cast-spot-dist-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("b.zip"), "abc").unwrap();
        fs::write(folder.join("a.json"), "").unwrap();
        assert_eq!(
            checksums(&folder).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.json\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b.zip\n"
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
