//! Where things are: the workspace, and the cache folder that all commands and all clones share.
//!
//! ```text
//! $CAST_SPOT_CACHE/target/             CARGO_TARGET_DIR of everything but xtask itself
//! $CAST_SPOT_CACHE/venv-cargo-lambda/  cargo-lambda from PyPI, pinned
//! $CAST_SPOT_CACHE/control-plane/      etcd and Kubernetes, built from Go modules
//! $CAST_SPOT_CACHE/tools/              KWOK, Toxiproxy and Karpenter, the same
//! $CAST_SPOT_CACHE/go/                 Go's caches for them
//! $CAST_SPOT_CACHE/venv-moto/          moto and the aws command, pinned
//! $CAST_SPOT_CACHE/venv-ministack/     ministack, pinned
//! $CAST_SPOT_CACHE/venv-cfn-lint/      cfn-lint, pinned
//! $CAST_SPOT_CACHE/venv-typos/         typos, pinned
//! ```

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::process::{Failure, Outcome};

/// Root of the workspace that `cargo xtask` was called in. Not the one that this binary was built in:
/// with a CARGO_TARGET_DIR of two clones that may be the other one.
pub(crate) fn root() -> PathBuf {
    let built_in = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(built_in, PathBuf::from);
    xtask.ancestors().nth(2).map(Path::to_path_buf).unwrap_or(xtask)
}

/// The cache folder. It need not exist.
pub(crate) fn folder() -> Outcome<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME");
    let found = set("CAST_SPOT_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("cast-spot")))
        .or_else(|| {
            cfg!(target_os = "macos").then(home).flatten().map(|home| home.join("Library/Caches/cast-spot"))
        })
        .or_else(|| home().map(|home| home.join(".cache/cast-spot")));
    let folder =
        found.ok_or_else(|| Failure::Other("set CAST_SPOT_CACHE or HOME: no place for the cache".into()))?;
    std::path::absolute(&folder).map_err(|error| Failure::of(folder.display(), &error))
}

/// CARGO_TARGET_DIR of everything that xtask starts: the caller's own choice, else in the cache folder.
pub(crate) fn target() -> Outcome<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(chosen) => std::path::absolute(&chosen).map_err(|error| Failure::of("CARGO_TARGET_DIR", &error)),
        None => Ok(folder()?.join("target")),
    }
}
