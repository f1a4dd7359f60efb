//! Programs written in Go, built from pinned modules: the Kubernetes control plane, KWOK, Toxiproxy.
//!
//! ```text
//! $CAST_SPOT_CACHE/control-plane/   one binary, and a link to it for each program that it is
//! $CAST_SPOT_CACHE/tools/           kwok, toxiproxy, karpenter
//! $CAST_SPOT_CACHE/go/{build,mod}/  Go's caches
//! ```

use std::{
    collections::hash_map::DefaultHasher,
    env, fs,
    hash::{Hash, Hasher},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cache,
    process::{self, Failure, Outcome, ask},
};

/// The version that KWOK requires; the control plane requires less.
const OLDEST_GO: (u32, u32) = (1, 26);
const CONTROL_PLANE: [&str; 5] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];

/// The version of Go, if it is installed and new enough.
pub(crate) fn toolchain() -> Outcome<String> {
    let (major, minor) = OLDEST_GO;
    let wanted = format!("Go {major}.{minor} or newer, to build the Kubernetes control plane of the tests");
    let version = ask(Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local"))
        .ok_or_else(|| Failure::Missing(wanted.clone()))?;
    if number(&version).is_some_and(|found| found >= OLDEST_GO) {
        Ok(version)
    } else {
        Err(Failure::Missing(format!("{wanted} (the one on PATH is {version})")))
    }
}

/// Folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.
pub(crate) fn control_plane() -> Outcome<PathBuf> {
    if let Some(assets) = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
        return complete(PathBuf::from(assets));
    }
    let module = cache::root().join("tests/real/control-plane");
    let folder = cache::folder()?.join("control-plane");
    let kubernetes = version(&module, "k8s.io/kubernetes")?;
    let build = Build {
        module,
        package: ".",
        program: folder.join("control-plane"),
        linker: version_flags(&kubernetes),
        announcement: format!(
            "etcd and Kubernetes {kubernetes}: from nothing about eight minutes on two cores and 5 GB"
        ),
    };
    build.run()?;
    for program in CONTROL_PLANE.map(|name| folder.join(name)) {
        if !program.is_file() {
            symlink("control-plane", &program).map_err(|error| Failure::of(program.display(), &error))?;
        }
    }
    Ok(folder)
}

/// KWOK, which plays the kubelets.
pub(crate) fn kwok() -> Outcome<PathBuf> {
    tool("kwok", "sigs.k8s.io/kwok", "cmd/kwok", "three minutes")
}

/// Karpenter with its KWOK provider.
pub(crate) fn karpenter() -> Outcome<PathBuf> {
    of_karpenter("karpenter", "sigs.k8s.io/karpenter/kwok", "four minutes")
}

/// Prints the CustomResourceDefinitions of Karpenter.
pub(crate) fn karpenter_crds() -> Outcome<PathBuf> {
    of_karpenter("karpenter-crds", ".", "ten seconds")
}

/// A program of the module that pins Karpenter: it requires other versions of what the tools share with it.
fn of_karpenter(name: &str, package: &str, time: &str) -> Outcome<PathBuf> {
    let module = cache::root().join("tests/real/karpenter");
    let announcement =
        format!("{name} {}: from nothing about {time}", version(&module, "sigs.k8s.io/karpenter")?);
    let program = cache::folder()?.join("tools").join(name);
    Build { module, package, program: program.clone(), linker: "-s -w".to_owned(), announcement }.run()?;
    Ok(program)
}

/// Toxiproxy's server.
pub(crate) fn toxiproxy() -> Outcome<PathBuf> {
    tool("toxiproxy", "github.com/Shopify/toxiproxy/v2", "cmd/server", "ten seconds")
}

fn tool(name: &str, dependency: &str, package: &str, time: &str) -> Outcome<PathBuf> {
    let module = cache::root().join("tests/real/tools");
    let announcement = format!("{name} {}: from nothing about {time}", version(&module, dependency)?);
    let program = cache::folder()?.join("tools").join(name);
    let package = format!("{dependency}/{package}");
    let linker = "-s -w".to_owned();
    Build { module, package: &package, program: program.clone(), linker, announcement }.run()?;
    Ok(program)
}

/// One program out of one of our Go modules.
struct Build<'a> {
    module: PathBuf,
    package: &'a str,
    program: PathBuf,
    linker: String,
    announcement: String,
}

impl Build<'_> {
    /// Builds the program, if something has changed.
    fn run(&self) -> Outcome {
        let stamp = self.stamp()?;
        let stamp_file = self.program.with_extension("stamp");
        if self.program.is_file() && fs::read_to_string(&stamp_file).is_ok_and(|last| last == stamp) {
            return Ok(());
        }
        eprintln!("building {}", self.announcement);
        // What has been downloaded is held to go.sum by the build itself; what has been changed since, by this.
        process::run(self.go()?.args(["mod", "verify"]))?;
        let mut command = self.go()?;
        command.args(["build", "-ldflags", &self.linker, "-o"]).arg(&self.program).arg(self.package);
        process::run(&mut command)?;
        fs::write(&stamp_file, stamp).map_err(|error| Failure::of(stamp_file.display(), &error))
    }

    /// `go` in the module, with our caches. It never changes go.mod or go.sum: what these lack is an error.
    fn go(&self) -> Outcome<Command> {
        let cache = cache::folder()?.join("go");
        let mut command = Command::new("go");
        command.current_dir(&self.module);
        command.env("GOCACHE", cache.join("build")).env("GOMODCACHE", cache.join("mod"));
        // -modcacherw: so that the cache can be deleted like any folder.
        command
            .env("GOFLAGS", "-mod=readonly -modcacherw -buildvcs=false")
            .env("GOTOOLCHAIN", "local")
            .env("GOWORK", "off");
        command.env("CGO_ENABLED", "0").env_remove("GOOS").env_remove("GOARCH");
        Ok(command)
    }

    /// Identifies the sources of the program.
    fn stamp(&self) -> Outcome<String> {
        let mut hasher = DefaultHasher::new();
        (toolchain()?, self.package, &self.linker).hash(&mut hasher);
        for name in ["go.mod", "go.sum", "main.go"] {
            // The tools have no main.go of ours.
            fs::read(self.module.join(name)).ok().hash(&mut hasher);
        }
        Ok(format!("{:016x}", hasher.finish()))
    }
}

/// The folder of the user, if it has all programs.
fn complete(folder: PathBuf) -> Outcome<PathBuf> {
    let missing: Vec<_> = CONTROL_PLANE.into_iter().filter(|name| !folder.join(name).is_file()).collect();
    if missing.is_empty() {
        return Ok(folder);
    }
    Err(Failure::Missing(format!(
        "{} in {}\nhint: envtest's own archives have etcd, kube-apiserver and kubectl only; add the rest, or unset \
         KUBEBUILDER_ASSETS to have all of them built",
        missing.join(", "),
        folder.display()
    )))
}

/// Linker flags with the version of Kubernetes, which is v0.0.0 without them.
fn version_flags(kubernetes: &str) -> String {
    let mut parts = kubernetes.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!(
        "-s -w \
         -X k8s.io/component-base/version.gitVersion={kubernetes} \
         -X k8s.io/component-base/version.gitMajor={major} \
         -X k8s.io/component-base/version.gitMinor={minor} \
         -X k8s.io/client-go/pkg/version.gitVersion={kubernetes}"
    )
}

/// Version of a dependency, out of go.mod.
fn version(module: &Path, dependency: &str) -> Outcome<String> {
    let path = module.join("go.mod");
    let text = fs::read_to_string(&path).map_err(|error| Failure::of(path.display(), &error))?;
    let mut words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .find_map(|words| match words[..] {
            [name, version, ..] if name == dependency => Some(version.to_owned()),
            _ => None,
        })
        .ok_or_else(|| Failure::Other(format!("{} does not require {dependency}", path.display())))
}

/// `go1.26.8` -> (1, 26); also `go1.27rc1`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn versions_of_go_are_compared_by_number() {
        assert_eq!(number("go1.26.8"), Some((1, 26)));
        assert_eq!(number("go1.27rc1"), Some((1, 27)));
        assert_eq!(number("devel"), None);
    }
}
