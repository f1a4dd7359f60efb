//! `--credentials-file`: a file for the key, opened before anything is created.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use cast_spot_provisioner::provider::AccessKey;

use crate::terminal::Diagnostic;

/// Readable by its owner alone.
const MODE: u32 = 0o600;

/// The open file. Deleted when dropped without a key.
#[derive(Debug)]
pub(super) struct CredentialsFile {
    path: PathBuf,
    file: File,
    is_written: bool,
}

impl CredentialsFile {
    /// Creates the file. Never overwrites one with content; an empty one of the same mode is left from a killed run.
    pub(super) fn create(path: &Path) -> Result<Self, Diagnostic> {
        let file = match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && is_from_killed_run(path) => {
                OpenOptions::new().write(true).open(path)
            }
            other => other,
        };
        match file {
            Ok(file) => Ok(Self { path: path.to_owned(), file, is_written: false }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Diagnostic::new(
                format!("--credentials-file {}: the file exists, and it is not overwritten", path.display()),
                "name another file, or move that one away",
            )),
            Err(error) => Err(Diagnostic::new(
                format!("--credentials-file {}: {error}", path.display()),
                "name a file in a folder that you may write to",
            )),
        }
    }

    /// Writes the key, as `aws` reads it (`AWS_SHARED_CREDENTIALS_FILE`).
    pub(super) fn write(&mut self, key: &AccessKey) -> io::Result<()> {
        let text =
            format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
        self.file.write_all(text.as_bytes())?;
        self.is_written = true;
        self.file.sync_all()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for CredentialsFile {
    fn drop(&mut self) {
        if !self.is_written {
            // If this fails, the next run reuses the empty file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn is_from_killed_run(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_file() && found.len() == 0 && found.permissions().mode() & 0o777 == MODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("cast-spot-credentials-{}-{test}", std::process::id()))
    }

    fn key() -> AccessKey {
        AccessKey { id: "AKIA1".to_owned(), secret: "s3cret".to_owned() }
    }

    #[test]
    fn the_key_is_private_and_never_overwritten() {
        let path = path("key");
        let mut file = CredentialsFile::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        file.write(&key()).unwrap();
        drop(file);
        let refused = CredentialsFile::create(&path).unwrap_err();
        assert!(refused.error.contains("not overwritten"), "{refused:?}");
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(text, "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s3cret\n");
    }

    #[test]
    fn an_empty_credentials_file_is_removed_or_reused() {
        let path = path("empty");
        drop(CredentialsFile::create(&path).unwrap());
        assert!(!path.exists());
        std::mem::forget(CredentialsFile::create(&path).unwrap());
        drop(CredentialsFile::create(&path).unwrap());
        assert!(!path.exists());
        File::create(&path).unwrap();
        let foreign = CredentialsFile::create(&path);
        fs::remove_file(&path).unwrap();
        assert!(foreign.is_err(), "an empty file that others may read is not from a killed run");
    }

    #[test]
    fn a_missing_folder_is_reported_at_once() {
        let refused = CredentialsFile::create(Path::new("/no/such/folder/key")).unwrap_err();
        assert!(refused.error.starts_with("--credentials-file /no/such/folder/key:"), "{refused:?}");
    }
}
