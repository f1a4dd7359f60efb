//! Paths of the programs, which `cargo xtask` sets up and names in the environment.

use std::{env, path::PathBuf};

use anyhow::{Result, bail};

/// The programs of the real parts.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.
    pub control_plane: PathBuf,
    /// KWOK, which plays the kubelets.
    pub kwok: PathBuf,
    /// Toxiproxy's server.
    pub toxiproxy: PathBuf,
    /// Python of the virtual environment of moto (also the home of the `aws` command).
    pub moto: PathBuf,
    /// Python of the virtual environment of ministack.
    pub ministack: PathBuf,
    /// cargo-lambda.
    pub cargo_lambda: PathBuf,
    /// The command line `cast-spot`.
    pub cli: PathBuf,
    /// The workspace's root.
    pub workspace: PathBuf,
}

impl Tools {
    /// The function's package. Deployments write to the file beside it that cargo-lambda has built.
    #[must_use]
    pub fn zip(&self) -> PathBuf {
        self.workspace.join("target/lambda/cast-spot-handler/tested.zip")
    }

    /// Reads the environment; names all missing variables.
    pub fn from_environment() -> Result<Self> {
        let [control_plane, kwok, toxiproxy, moto, ministack, cargo_lambda, cli, workspace] = paths([
            "CAST_SPOT_CONTROL_PLANE",
            "CAST_SPOT_KWOK",
            "CAST_SPOT_TOXIPROXY",
            "CAST_SPOT_MOTO",
            "CAST_SPOT_MINISTACK",
            "CAST_SPOT_CARGO_LAMBDA",
            "CAST_SPOT_CLI",
            "CAST_SPOT_WORKSPACE",
        ])?;
        Ok(Self { control_plane, kwok, toxiproxy, moto, ministack, cargo_lambda, cli, workspace })
    }
}

/// Paths in the environment; names all missing variables.
#[expect(clippy::disallowed_methods, reason = "the one place where the harness reads its environment")]
pub(crate) fn paths<const N: usize>(names: [&str; N]) -> Result<[PathBuf; N]> {
    let found = names.map(|name| env::var_os(name).filter(|value| !value.is_empty()));
    let missing: Vec<&str> =
        names.iter().zip(&found).filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(found.map(|value| value.map(PathBuf::from).unwrap_or_default()));
    }
    bail!("{} not set\nhint: run this with `cargo xtask test` or `cargo xtask up`", missing.join(", "))
}
