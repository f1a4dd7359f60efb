//! Copies of the sources in other folders.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cache,
    process::{Failure, Outcome, ask},
};

/// Copies what Git has of the workspace, and what it would add, to `folder`, which is emptied first.
pub(crate) fn copy_to(folder: &Path) -> Outcome {
    let root = cache::root();
    let mut git = Command::new("git");
    git.current_dir(&root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = ask(&mut git).ok_or_else(|| Failure::Other("git ls-files fails: not a clone".to_owned()))?;
    let files = list.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    copy(&root, files, folder).map_err(|error| Failure::of(folder.display(), &error))
}

fn copy(root: &Path, files: impl Iterator<Item = PathBuf>, folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    // A deleted file is in the list until the deletion is committed.
    for file in files.filter(|file| root.join(file).is_file()) {
        let copied = folder.join(&file);
        fs::create_dir_all(copied.parent().unwrap_or(folder))?;
        fs::copy(root.join(&file), copied)?;
    }
    Ok(())
}

/// The time of the last commit, in seconds, for what has to have a time.
pub(crate) fn time() -> String {
    let mut git = Command::new("git");
    ask(git.current_dir(cache::root()).args(["log", "-1", "--format=%ct"])).unwrap_or_else(|| "0".to_owned())
}
