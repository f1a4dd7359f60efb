//! Tests across the crates of cast-spot, one target per area (see `Cargo.toml`). Shared by them: paths of the
//! workspace, and the check of generated files.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Root of the workspace. Cargo runs tests in the folder of their package; the folder they were compiled in
/// may be another clone's, because clones share a target folder.
#[must_use]
pub fn root() -> PathBuf {
    fs::canonicalize("..").unwrap_or_else(|_| PathBuf::from(".."))
}

/// A payload of `tests/payloads/`, by its file name.
#[must_use]
pub fn payload(name: &str) -> PathBuf {
    root().join("tests/payloads").join(name)
}

/// Asserts that a generated file has the content `wanted`. With INSTA_UPDATE=always the file is rewritten instead, as
/// snapshots are.
///
/// # Panics
///
/// If the file is out of date or cannot be read or written.
#[expect(clippy::disallowed_methods, reason = "a test has no other way to be asked for it")]
pub fn assert_current(file: &Path, wanted: &str) {
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        let written = fs::write(file, wanted);
        assert!(written.is_ok(), "{}: {written:?}", file.display());
    }
    let found = fs::read_to_string(file).unwrap_or_default();
    assert!(found == wanted, "{} is out of date, INSTA_UPDATE=always rewrites it:\n{wanted}", file.display());
}

/// All `.rs` files at or under `place` (relative to the root), sorted; empty if `place` does not exist.
#[must_use]
pub fn rust_files(place: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(place)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if path.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
