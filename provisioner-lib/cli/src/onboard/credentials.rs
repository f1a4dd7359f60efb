//! `--credentials-file`: a file for the key, opened before anything is created.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use cast_spot_provisioner::provider::AccessKey;
use rustix::{fs::OFlags, process::geteuid};

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
    /// Creates the file. Never overwrites one with content, nor one of others: an empty one that only the caller can read
    /// is left from a killed run.
    pub(super) fn create(path: &Path) -> Result<Self, Diagnostic> {
        let option = format!("--credentials-file {}", path.display());
        let file = match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let hint = "name another file, or move that one away";
                left_by_a_killed_run(path).map_err(|problem| {
                    Diagnostic::new(format!("{option}: the file exists, and {problem}"), hint)
                })?
            }
            other => other.map_err(|error| {
                Diagnostic::new(format!("{option}: {error}"), "name a file in a folder that you may write to")
            })?,
        };
        Ok(Self { path: path.to_owned(), file, is_written: false })
    }

    /// Writes the key, as `aws` reads it (`AWS_SHARED_CREDENTIALS_FILE`).
    pub(super) fn write(&mut self, key: &AccessKey) -> io::Result<()> {
        let text =
            format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
        self.file.write_all(text.as_bytes())?;
        self.is_written = true;
        self.file.sync_all()
    }

    /// A file that takes nothing.
    #[cfg(test)]
    pub(super) fn full() -> Self {
        let path = PathBuf::from("/dev/full");
        Self { file: OpenOptions::new().write(true).open(&path).unwrap(), path, is_written: true }
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

/// The open file, or why it is not the caller's own. What was opened is what is looked at: the name may lead to another
/// file by then.
fn left_by_a_killed_run(path: &Path) -> Result<File, String> {
    // A link is not followed, and a pipe not waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = flags.bits().cast_signed();
    let file = OpenOptions::new().write(true).custom_flags(flags).open(path);
    let file = file.map_err(|_| "it is not a file that can be written".to_owned())?;
    let found = file.metadata().map_err(|error| error.to_string())?;
    match foreign(&found, geteuid().as_raw()) {
        Some(problem) => Err(problem),
        None => Ok(file),
    }
}

/// Why a file could be read by others than `user`, or would lose something.
fn foreign(found: &Metadata, user: u32) -> Option<String> {
    let mode = found.mode() & 0o7777;
    if !found.is_file() {
        Some("it is not a regular file".to_owned())
    } else if found.uid() != user {
        Some(format!("it is the file of user {}, not of {user}", found.uid()))
    } else if found.nlink() != 1 {
        Some(format!("it has {} names", found.nlink()))
    } else if found.len() > 0 {
        Some("it is not overwritten".to_owned())
    } else if mode != MODE {
        Some(format!("its mode is {mode:o}, not {MODE:o}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    /// A path that does not exist, removed after its test.
    struct Gone(PathBuf);

    impl Gone {
        fn new(test: &str) -> Self {
            Self(std::env::temp_dir().join(format!("cast-spot-credentials-{}-{test}", std::process::id())))
        }

        /// An empty file as a killed run leaves it.
        fn left(test: &str) -> Self {
            let gone = Self::new(test);
            std::mem::forget(CredentialsFile::create(&gone.0).unwrap());
            gone
        }

        fn refusal(&self) -> String {
            CredentialsFile::create(&self.0).unwrap_err().error
        }
    }

    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn key() -> AccessKey {
        AccessKey { id: "AKIA1".to_owned(), secret: "s3cret".to_owned() }
    }

    #[test]
    fn the_key_is_private_and_never_overwritten() {
        let path = Gone::new("key");
        let mut file = CredentialsFile::create(&path.0).unwrap();
        assert_eq!(fs::metadata(&path.0).unwrap().mode() & 0o777, 0o600);
        file.write(&key()).unwrap();
        drop(file);
        assert!(path.refusal().contains("not overwritten"));
        let text = fs::read_to_string(&path.0).unwrap();
        assert_eq!(text, "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s3cret\n");
    }

    #[test]
    fn an_empty_credentials_file_is_removed_or_reused() {
        let path = Gone::new("empty");
        drop(CredentialsFile::create(&path.0).unwrap());
        assert!(!path.0.exists());
        let path = Gone::left("reused");
        drop(CredentialsFile::create(&path.0).unwrap());
        assert!(!path.0.exists());
        File::create(&path.0).unwrap();
        assert!(path.refusal().contains("its mode is "), "others may read it");
    }

    #[test]
    fn a_file_with_another_name_or_behind_a_link_is_refused() {
        let (path, other) = (Gone::left("linked"), Gone::new("other"));
        fs::hard_link(&path.0, &other.0).unwrap();
        assert!(path.refusal().contains("it has 2 names"));
        fs::remove_file(&other.0).unwrap();
        symlink(&path.0, &other.0).unwrap();
        assert!(other.refusal().contains("not a file that can be written"));
        assert!(path.0.exists() && other.0.is_symlink(), "both are left alone");
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        if !geteuid().is_root() {
            eprintln!("SKIPPED a_file_of_another_user_is_refused: only root can give a file away");
            return;
        }
        let path = Gone::left("foreign");
        chown(&path.0, Some(65_534), None).unwrap();
        let refusal = path.refusal();
        assert!(refusal.ends_with("it is the file of user 65534, not of 0"), "{refusal}");
        assert!(path.0.exists(), "it is not removed");
    }

    #[test]
    fn a_missing_folder_is_reported_at_once() {
        let refused = CredentialsFile::create(Path::new("/no/such/folder/key")).unwrap_err();
        assert!(refused.error.starts_with("--credentials-file /no/such/folder/key:"), "{refused:?}");
    }
}
