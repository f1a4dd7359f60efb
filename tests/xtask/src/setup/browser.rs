//! The browser that tests the page of `cast-spot savings`.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::process::{Failure, Outcome};

/// Names of Chromium and its relatives.
const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell"];
/// Its path on macOS.
const MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// `CAST_SPOT_BROWSER`, else the first of these on the PATH. No package registry of a language
/// ships one.
pub(crate) fn program() -> Outcome<PathBuf> {
    if let Some(named) = env::var_os("CAST_SPOT_BROWSER").filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let on_path = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    on_path.chain([PathBuf::from(MAC)]).find(|program| Path::is_file(program)).ok_or_else(|| {
        Failure::Missing(
            "Chromium (Debian: apt-get install chromium; or name one in CAST_SPOT_BROWSER)".to_owned(),
        )
    })
}
