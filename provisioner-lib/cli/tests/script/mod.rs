//! Runs of the command line.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The command without credentials and kubeconfig, in `folder`.
pub(crate) fn cast_spot(folder: &Folder, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cast-spot"));
    command.args(args).env_clear().current_dir(&folder.0).stdin(Stdio::null());
    command.env("HOME", &folder.0).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The exit code of a run and what it has written, with FOLDER in place of `folder`.
pub(crate) fn transcript(folder: &Folder, command: &mut Command) -> String {
    let (code, out, err) = run(command);
    let text = format!("exit code {code}\n--- standard output\n{out}--- standard error\n{err}");
    text.replace(&folder.0.display().to_string(), "FOLDER")
}

/// A folder that is deleted after its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("script-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
