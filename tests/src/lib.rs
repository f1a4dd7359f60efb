//! Tests across the crates of cast-spot, one target per area (see `Cargo.toml`). Shared by them: paths of the
//! workspace.

use std::{fs, path::PathBuf};

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
