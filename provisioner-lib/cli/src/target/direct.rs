//! The cluster of the kubeconfig, as far as it is known without asking AWS.

use cast_spot_provisioner::provider::Connection;

use super::{TargetArgs, Unnamed};
use crate::{
    environment::Environment,
    error::{self, CliError},
    terminal::Diagnostic,
};

/// The cluster that the API server of the kubeconfig belongs to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Direct {
    pub(crate) cluster: Option<String>,
    pub(crate) account: Option<String>,
    /// How the cluster is reached, and its region.
    pub(crate) connection: Connection,
}

impl TargetArgs {
    /// The target, or every fault of the options.
    pub(crate) fn read_direct(&self, environment: &Environment) -> Result<Direct, CliError> {
        let mut diagnostics = Vec::new();
        let direct = self.direct(environment, &mut diagnostics);
        error::check(diagnostics)?;
        Ok(direct)
    }

    /// The target. An option that contradicts the kubeconfig is a fault.
    pub(crate) fn direct(&self, environment: &Environment, diagnostics: &mut Vec<Diagnostic>) -> Direct {
        let found = match self.in_kubeconfig(environment) {
            Ok(found) => Some(found),
            Err(Unnamed::Silent(_)) => None,
            Err(Unnamed::Unreadable(fault)) => {
                diagnostics.push(fault);
                None
            }
        };
        let found = |part: fn(&super::Named) -> Option<String>| found.as_ref().and_then(part);
        let cluster = found(|found| Some(found.cluster.clone()));
        let (region, account) = (found(|found| found.region.clone()), found(|found| found.account.clone()));
        let mut same = |option: &str, given: Option<&String>, known: Option<&String>| {
            if let (Some(given), Some(known)) = (given, known)
                && given != known
            {
                diagnostics.push(Diagnostic::new(
                    format!("{option} {given}: the kubeconfig leads to {known}"),
                    "leave it out, or choose another context with --context",
                ));
            }
        };
        same("--cluster", self.cluster.as_ref(), cluster.as_ref());
        if self.cluster.is_none() {
            same("CAST_SPOT_CLUSTER", environment.cluster.as_ref(), cluster.as_ref());
        }
        same("--region", self.region.as_ref(), region.as_ref());
        same("--account", self.account.as_ref(), account.as_ref());
        Direct {
            cluster: self.cluster.clone().or(cluster).or_else(|| environment.cluster.clone()),
            account: self.account.clone().or(account),
            connection: self.connection(region.or_else(|| environment.region.clone()), environment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EKS: &str = "arn:aws:eks:eu-west-1:123456789012:cluster/prod";

    /// The target with a kubeconfig whose context has this name.
    fn read(name: &str, args: TargetArgs, environment: &Environment) -> (Direct, Vec<String>) {
        let file = std::env::temp_dir().join(format!(
            "cast-spot-direct-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let text = format!(
            "current-context: c\ncontexts:\n- {{name: c, context: {{cluster: '{name}', user: u}}}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let args = TargetArgs { kubeconfig: Some(file.clone()), ..args };
        let mut diagnostics = Vec::new();
        let direct = args.direct(environment, &mut diagnostics);
        std::fs::remove_file(file).unwrap();
        (direct, diagnostics.into_iter().map(|diagnostic| diagnostic.error).collect())
    }

    #[expect(clippy::unnecessary_wraps, reason = "options are optional")]
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn an_eks_kubeconfig_is_enough() {
        let environment = Environment { region: text("us-east-1"), ..Environment::default() };
        let (direct, diagnostics) = read(EKS, TargetArgs::default(), &environment);
        assert_eq!((direct.cluster, direct.account), (text("prod"), text("123456789012")));
        assert_eq!(direct.connection.region, text("eu-west-1"), "and the environment does not change it");
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
    }

    #[test]
    fn an_option_must_not_contradict_the_kubeconfig() {
        let args = TargetArgs {
            cluster: text("stage"),
            region: text("eu-north-1"),
            account: text("999999999999"),
            ..TargetArgs::default()
        };
        let (_, diagnostics) = read(EKS, args, &Environment::default());
        assert_eq!(diagnostics.len(), 3, "{diagnostics:?}");
        assert_eq!(diagnostics[0], "--cluster stage: the kubeconfig leads to prod");
        let environment = Environment { cluster: text("stage"), ..Environment::default() };
        let (_, diagnostics) = read(EKS, TargetArgs::default(), &environment);
        assert_eq!(diagnostics, ["CAST_SPOT_CLUSTER stage: the kubeconfig leads to prod"]);
    }

    #[test]
    fn options_and_environment_complete_the_kubeconfig() {
        let args = TargetArgs { account: text("123456789012"), ..TargetArgs::default() };
        let environment =
            Environment { cluster: text("lab"), region: text("eu-west-1"), ..Environment::default() };
        let (direct, diagnostics) = read("kind-local", args, &environment);
        assert_eq!((direct.cluster, direct.account), (text("lab"), text("123456789012")));
        assert_eq!((direct.connection.region, diagnostics), (text("eu-west-1"), Vec::new()));
    }
}
