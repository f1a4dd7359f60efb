//! The cluster, its region and account, and the credentials: from options, then the environment, then the kubeconfig,
//! in the order of `aws` and `kubectl`.

mod direct;
mod kubeconfig;

use std::path::PathBuf;

use cast_spot_provisioner::provider::Connection;

use crate::{
    environment::Environment,
    error::{self, CliError},
    terminal::Diagnostic,
};
use kubeconfig::{Kubeconfig, Named};

pub(crate) use direct::Direct;

/// The options of all commands that need a cluster.
#[derive(Debug, Default, Clone, clap::Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct TargetArgs {
    /// EKS cluster [default: CAST_SPOT_CLUSTER, or that of the kubeconfig's current context]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,

    /// Its region [default: that of the kubeconfig's cluster, or AWS_REGION, AWS_DEFAULT_REGION or the profile's]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// Profile of ~/.aws [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Refuse credentials of any other account
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,

    /// Kubeconfig of the cluster [default: KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig [default: its current context]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

/// The cluster that a command works on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// Name of the cluster; empty if unknown, and then there is a diagnostic.
    pub(crate) cluster: String,
    /// The only account whose credentials are accepted.
    pub(crate) account: Option<Account>,
    /// How AWS and the cluster are reached.
    pub(crate) connection: Connection,
}

/// An expected account, and the option or file that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) source: &'static str,
}

impl TargetArgs {
    /// The target, or every fault of the options.
    pub(crate) fn read(&self, environment: &Environment) -> Result<Target, CliError> {
        let mut diagnostics = Vec::new();
        let target = self.target(environment, &mut diagnostics);
        error::check(diagnostics)?;
        Ok(target)
    }

    /// The target. Faults are added to `diagnostics`.
    pub(crate) fn target(&self, environment: &Environment, diagnostics: &mut Vec<Diagnostic>) -> Target {
        let named = self.cluster.clone().or_else(|| environment.cluster.clone());
        let found = self.in_kubeconfig(environment);
        let target = match (named, found) {
            (Some(cluster), found) => {
                // The kubeconfig may know its region.
                let same = found.ok().filter(|found| found.cluster == cluster);
                let region = environment.region.clone().or_else(|| same.and_then(|found| found.region));
                Target { cluster, account: None, connection: self.connection(region) }
            }
            (None, Ok(found)) => self.named(found, environment, diagnostics),
            (None, Err(problem)) => {
                diagnostics.push(Diagnostic::new(
                    format!("--cluster: not given, and {problem}"),
                    "give --cluster NAME, or `aws eks update-kubeconfig --name NAME --region REGION`",
                ));
                Target { connection: self.connection(environment.region.clone()), ..Target::default() }
            }
        };
        let account = self.account.as_ref().map(|id| {
            if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                let error = format!("--account {id}: not the 12 digits of an account");
                diagnostics.push(Diagnostic::new(error, "`aws sts get-caller-identity` shows yours"));
            }
            Account { id: id.clone(), source: "--account" }
        });
        Target { account: account.or(target.account), ..target }
    }

    /// The cluster of the kubeconfig, in its own region whatever the environment says.
    fn named(&self, found: Named, environment: &Environment, diagnostics: &mut Vec<Diagnostic>) -> Target {
        if let (Some(wanted), Some(region)) = (&self.region, &found.region)
            && wanted != region
        {
            diagnostics.push(Diagnostic::new(
                format!("--region {wanted}: the kubeconfig's cluster {} is in {region}", found.cluster),
                "give --cluster with it, or leave --region out",
            ));
        }
        let region = found.region.or_else(|| environment.region.clone());
        let account = found.account.map(|id| Account { id, source: "the kubeconfig" });
        Target { cluster: found.cluster, account, connection: self.connection(region) }
    }

    fn connection(&self, region: Option<String>) -> Connection {
        Connection {
            region: self.region.clone().or(region),
            profile: self.profile.clone(),
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        }
    }

    fn in_kubeconfig(&self, environment: &Environment) -> Result<Named, String> {
        let paths: Vec<&PathBuf> = match &self.kubeconfig {
            Some(path) => vec![path],
            None => environment.kubeconfig.iter().filter(|path| path.exists()).collect(),
        };
        if paths.is_empty() {
            return Err("there is no kubeconfig".to_owned());
        }
        let mut whole = Kubeconfig::default();
        for path in paths {
            let read = Kubeconfig::read(path);
            let read = read.map_err(|error| format!("the kubeconfig {}: {error}", path.display()))?;
            whole = whole.merge(read);
        }
        whole.named(self.context.as_deref())
    }
}

#[cfg(test)]
mod tests;
