//! Environment variables, with the rules of `aws` and `kubectl`. `main` reads them once.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::terminal::Diagnostic;

/// Defaults of options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `CAST_SPOT_CLUSTER`.
    pub(crate) cluster: Option<String>,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub(crate) region: Option<String>,
    /// The kubeconfig's files: the first to set a value wins.
    pub(crate) kubeconfig: Vec<PathBuf>,
    /// `CAST_SPOT_ENV`: settings of the function, separated by white space.
    pub(crate) settings: Vec<String>,
    /// `CAST_SPOT_AGENT_TOKEN`. Secret.
    pub(crate) agent_token: Option<String>,
    /// `CAST_SPOT_CONSOLE_TOKEN`. Secret.
    pub(crate) console_token: Option<String>,
}

impl Environment {
    /// Reads the variables. An empty one counts as unset.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text =
            |name| variable(name).and_then(|value| value.into_string().ok()).filter(|text| !text.is_empty());
        Self {
            cluster: text("CAST_SPOT_CLUSTER"),
            region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
            kubeconfig: kubeconfig_files(&variable),
            settings: text("CAST_SPOT_ENV")
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            agent_token: text("CAST_SPOT_AGENT_TOKEN"),
            console_token: text("CAST_SPOT_CONSOLE_TOKEN"),
        }
    }
}

/// Files of `KUBECONFIG`, else `~/.kube/config`. There are none where it names none, or where there is no `HOME`: the home
/// that the system knows of the user is not looked up.
fn kubeconfig_files(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    match (set("KUBECONFIG"), set("HOME")) {
        (Some(list), _) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        (None, Some(home)) => vec![PathBuf::from(home).join(".kube/config")],
        (None, None) => Vec::new(),
    }
}

/// A secret and its source: the file of `option`, else the variable `name` with its `value`.
pub(crate) fn secret(
    (option, file): (&str, Option<&Path>),
    (name, value): (&str, Option<&str>),
) -> Result<Option<(String, String)>, Diagnostic> {
    let Some(path) = file else { return Ok(value.map(|text| (name.to_owned(), text.to_owned()))) };
    let source = format!("{option} {}", path.display());
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some((source, text))),
        Err(error) => Err(Diagnostic::new(format!("{source}: {error}"), "name the file with the token")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::read(|name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_region_follows_the_rules_of_aws() {
        for (variables, region) in [
            (vec![("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b")], Some("a")),
            (vec![("AWS_DEFAULT_REGION", "b")], Some("b")),
            (vec![("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "b")], Some("b")),
            (vec![], None),
        ] {
            assert_eq!(read(&variables).region.as_deref(), region, "{variables:?}");
        }
    }

    #[test]
    fn kubeconfig_is_a_list_and_defaults_to_the_home_folder() {
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(read(&[("KUBECONFIG", "/a::/b"), ("HOME", "/h")]).kubeconfig, paths(&["/a", "/b"]));
        assert_eq!(read(&[("HOME", "/h")]).kubeconfig, paths(&["/h/.kube/config"]));
        assert_eq!(read(&[("KUBECONFIG", ""), ("HOME", "/h")]).kubeconfig, paths(&["/h/.kube/config"]));
        for none in [&[("KUBECONFIG", ":"), ("HOME", "/h")][..], &[("HOME", "")], &[]] {
            assert_eq!(read(none).kubeconfig, paths(&[]), "{none:?}");
        }
    }

    #[test]
    fn settings_are_separated_by_white_space() {
        let environment = read(&[("CAST_SPOT_ENV", " CAST_SPOT_DRY_RUN=true  AWS_LAMBDA_LOG_LEVEL=DEBUG ")]);
        assert_eq!(environment.settings, ["CAST_SPOT_DRY_RUN=true", "AWS_LAMBDA_LOG_LEVEL=DEBUG"]);
    }
}
