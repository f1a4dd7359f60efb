//! Kubeconfig files, found and merged as `kubectl` does ("Organizing Cluster Access Using kubeconfig Files" in the
//! Kubernetes documentation).

use std::{
    io,
    path::{Path, PathBuf},
};

pub use kube::config::Kubeconfig as KubeconfigFile;
use kube::config::KubeconfigError;

use crate::error::{Error, with_causes};

const HINT: &str = "mend the file, or name another one with --kubeconfig or KUBECONFIG; `kubectl config view` reads \
                    the same ones";

/// Reads the files as one: the first to set a value wins. Files that do not exist are passed over; if none does, None.
pub fn read_kubeconfig(paths: &[PathBuf]) -> Result<Option<KubeconfigFile>, Error> {
    let mut whole: Option<KubeconfigFile> = None;
    for path in paths {
        let unreadable =
            |words: String| Error::other(format!("kubeconfig {}", path.display()), words).hint(HINT);
        let Some(next) = read(path).map_err(unreadable)? else { continue };
        let merged = whole.unwrap_or_default().merge(next);
        whole = Some(merged.map_err(|error| unreadable(with_causes(&error)))?);
    }
    Ok(whole)
}

fn read(path: &Path) -> Result<Option<KubeconfigFile>, String> {
    match KubeconfigFile::read_from(path) {
        Ok(mut file) => {
            // Unset, as `kubectl config unset current-context` leaves it. kube takes it for a value.
            file.current_context = file.current_context.filter(|name| !name.is_empty());
            Ok(Some(file))
        }
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(KubeconfigError::ReadConfig(error, _)) => Err(error.to_string()),
        // Without the lines of the file: they may hold a secret.
        Err(KubeconfigError::Parse(error)) => Err(error.without_snippet().to_string()),
        Err(error) => Err(with_causes(&error)),
    }
}
