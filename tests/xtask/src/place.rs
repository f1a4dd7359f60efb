//! Where a release build happens, and what keeps that place out of the program: panics name source files, and their
//! paths would differ from machine to machine.

use std::{env, path::PathBuf, process::Command};

use crate::{
    build, cache,
    process::{Failure, Outcome, ask},
};

/// The folders of a release build.
pub(crate) struct Place {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// `CARGO_TARGET_DIR`.
    pub(crate) target: PathBuf,
    /// `CARGO_HOME`, which has the sources of the dependencies.
    pub(crate) cargo_home: PathBuf,
}

impl Place {
    /// This clone, with the shared target folder.
    pub(crate) fn of_this_clone() -> Outcome<Self> {
        Ok(Self { root: cache::root(), target: build::shared_target()?, cargo_home: cargo_home()? })
    }

    /// Cargo's setting that gives every place the same names. One of `--config` joins what cargo-lambda sets (the
    /// processor), where the variable RUSTFLAGS would replace it.
    pub(crate) fn config(&self) -> Outcome<String> {
        let (root, target, home) = (&self.root, &self.target, &self.cargo_home);
        let named = [(root, "/cast-spot"), (home, "/cargo"), (target, "/target")];
        let mut flags: Vec<String> =
            named.map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display())).into();
        flags.extend(standard_library());
        // An array of JSON strings is one of TOML, too.
        let flags = serde_json::to_string(&flags).map_err(|error| Failure::Other(error.to_string()))?;
        Ok(format!("build.rustflags={flags}"))
    }
}

fn cargo_home() -> Outcome<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CARGO_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cargo")))
        .ok_or_else(|| Failure::Other("set CARGO_HOME or HOME: no place for Cargo's sources".to_owned()))
}

/// The sources of the standard library have their place in the compiler's folder where they are installed, and
/// `/rustc/COMMIT` where they are not.
fn standard_library() -> Option<String> {
    let sysroot = ask(Command::new("rustc").args(["--print", "sysroot"]))?;
    let version = ask(Command::new("rustc").arg("-vV"))?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "))?;
    Some(format!("--remap-path-prefix={sysroot}/lib/rustlib/src/rust=/rustc/{commit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_of_the_machine_gets_into_the_function() {
        let place = Place {
            root: "/home/o\"n/clone".into(),
            target: "/cache/target".into(),
            cargo_home: "/home/.cargo".into(),
        };
        let config = place.config().unwrap();
        let flags: Vec<String> =
            serde_json::from_str(config.strip_prefix("build.rustflags=").unwrap()).unwrap();
        assert_eq!(flags[0], "--remap-path-prefix=/home/o\"n/clone=/cast-spot");
        for name in ["/cache/target=/target", "/home/.cargo=/cargo", "/rustc/"] {
            assert!(flags.iter().any(|flag| flag.contains(name)), "{name}: {flags:?}");
        }
    }
}
