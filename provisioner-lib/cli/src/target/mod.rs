//! The cluster, its region and account, and the credentials: from options, then the environment, then the kubeconfig,
//! in the order of `aws` and `kubectl`.

mod direct;
mod kubeconfig;

use std::{path::PathBuf, slice};

use cast_spot_cloud::read_kubeconfig;
use cast_spot_provisioner::{
    provider::Connection,
    spec::{account_problem, cluster_problem, region_problem},
};

use crate::{
    environment::Environment,
    error::{self, CliError},
    terminal::Diagnostic,
};
use kubeconfig::{Named, named};

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

/// Why the kubeconfig names no cluster.
enum Unnamed {
    /// It cannot be read, so no check against it can be made.
    Unreadable(Diagnostic),
    /// There is none, or it names none.
    Silent(String),
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
                let known = self.region.as_ref().or(environment.region.as_ref());
                let region = match found {
                    // The kubeconfig may know its region.
                    Ok(found) if found.cluster == cluster => found.region,
                    Err(Unnamed::Unreadable(fault)) if known.is_none() || self.kubeconfig.is_some() => {
                        diagnostics.push(fault);
                        None
                    }
                    _ => None,
                };
                Target {
                    cluster,
                    account: None,
                    connection: self.connection(known.cloned().or(region), environment),
                }
            }
            (None, Ok(found)) => self.of_kubeconfig(found, environment, diagnostics),
            (None, Err(unnamed)) => {
                diagnostics.push(match unnamed {
                    Unnamed::Unreadable(fault) => {
                        let hint = format!("give --cluster NAME, or {}", fault.hint);
                        Diagnostic::new(format!("--cluster: not given, and {}", fault.error), hint)
                    }
                    Unnamed::Silent(problem) => Diagnostic::new(
                        format!("--cluster: not given, and {problem}"),
                        "give --cluster NAME, or `aws eks update-kubeconfig --name NAME --region REGION`",
                    ),
                });
                Target {
                    connection: self.connection(environment.region.clone(), environment),
                    ..Target::default()
                }
            }
        };
        let account = self.account.as_ref().map(|id| Account { id: id.clone(), source: "--account" });
        let target = Target { account: account.or(target.account), ..target };
        self.check(&target, diagnostics);
        target
    }

    /// The names of the target, which get into addresses and policies, from wherever they come.
    fn check(&self, target: &Target, diagnostics: &mut Vec<Diagnostic>) {
        let Target { cluster, account, connection } = target;
        let region = connection.region.as_deref().and_then(|region| Some((region, region_problem(region)?)));
        if let Some((region, problem)) = region {
            let source = if self.region.is_some() { "--region" } else { "region" };
            let hint = "such as eu-west-1; it comes from --region, the kubeconfig or AWS_REGION";
            diagnostics.push(Diagnostic::new(format!("{source} {region}: {problem}"), hint));
        }
        if let Some(Account { id, source }) = account
            && let Some(problem) = account_problem(id)
        {
            let hint = "`aws sts get-caller-identity` shows yours";
            diagnostics.push(Diagnostic::new(format!("{source} {id}: {problem}"), hint));
        }
        if !cluster.is_empty()
            && let Some(problem) = cluster_problem(cluster)
        {
            let hint = "`aws eks list-clusters` shows the names";
            diagnostics.push(Diagnostic::new(format!("--cluster {cluster}: {problem}"), hint));
        }
    }

    /// The cluster of the kubeconfig, in its own region whatever the environment says.
    fn of_kubeconfig(
        &self,
        found: Named,
        environment: &Environment,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Target {
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
        Target { cluster: found.cluster, account, connection: self.connection(region, environment) }
    }

    fn connection(&self, region: Option<String>, environment: &Environment) -> Connection {
        Connection {
            region: self.region.clone().or(region),
            profile: self.profile.clone(),
            kubeconfig: Some(self.kubeconfig_files(environment).to_vec()),
            context: self.context.clone(),
            mfa_code: None,
        }
    }

    /// The files that are checked are those that are connected to.
    fn kubeconfig_files<'a>(&'a self, environment: &'a Environment) -> &'a [PathBuf] {
        self.kubeconfig.as_ref().map_or(&environment.kubeconfig[..], slice::from_ref)
    }

    fn in_kubeconfig(&self, environment: &Environment) -> Result<Named, Unnamed> {
        let file = read_kubeconfig(self.kubeconfig_files(environment)).map_err(|error| {
            Unnamed::Unreadable(Diagnostic::new(format!("the {error}"), error.hint.unwrap_or_default()))
        })?;
        match (file, &self.kubeconfig) {
            (Some(file), _) => named(&file, self.context.as_deref()).map_err(Unnamed::Silent),
            (None, None) => Err(Unnamed::Silent("there is no kubeconfig".to_owned())),
            (None, Some(path)) => Err(Unnamed::Unreadable(Diagnostic::new(
                format!("the kubeconfig {}: there is no such file", path.display()),
                "name another one with --kubeconfig; `aws eks update-kubeconfig --name NAME --region REGION` writes one",
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
