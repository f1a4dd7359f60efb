//! Which cluster, in which region and account, with whose credentials: options, then the environment, then the
//! kubeconfig, as `aws` and `kubectl` have it.

mod direct;
mod kubeconfig;

use std::path::{Path, PathBuf};

use cast_spot_provisioner::provider::Connection;

use crate::{environment::Environment, terminal::Complaint};
use kubeconfig::{Kubeconfig, Named};

pub(crate) use direct::Direct;

/// The options that all commands have.
#[derive(Debug, Default, Clone, clap::Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct TargetArgs {
    /// EKS cluster [default: CAST_SPOT_CLUSTER, else that of the kubeconfig's current context]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,

    /// Its region [default: that of the kubeconfig's cluster, else AWS_REGION, AWS_DEFAULT_REGION or the profile's]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// Profile of ~/.aws [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Refuse credentials of any other account
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,

    /// How the cluster is reached [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig [default: its current context]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

/// What the options come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// Name of the cluster; empty where it is not known, and then there is a complaint.
    pub(crate) cluster: String,
    /// The account that it must be.
    pub(crate) account: Option<Account>,
    /// How everything is reached.
    pub(crate) connection: Connection,
}

/// An account, and who says that it is the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) said_by: &'static str,
}

impl TargetArgs {
    /// Reads them; what is wrong is added to `complaints`.
    pub(crate) fn read(&self, environment: &Environment, complaints: &mut Vec<Complaint>) -> Target {
        let named = self.cluster.clone().or_else(|| environment.cluster.clone());
        let found = self.in_kubeconfig(environment);
        let target = match (named, found) {
            (Some(cluster), found) => {
                // The kubeconfig may know its region.
                let same = found.ok().filter(|found| found.cluster == cluster);
                let region = environment.region.clone().or_else(|| same.and_then(|found| found.region));
                Target { cluster, account: None, connection: self.connection(region) }
            }
            (None, Ok(found)) => self.found(found, environment, complaints),
            (None, Err(problem)) => {
                complaints.push(Complaint::new(
                    format!("--cluster: not given, and {problem}"),
                    "give --cluster NAME, or `aws eks update-kubeconfig --name NAME --region REGION`",
                ));
                Target { connection: self.connection(environment.region.clone()), ..Target::default() }
            }
        };
        let account = self.account.as_ref().map(|id| {
            if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                let error = format!("--account {id}: not the 12 digits of an account");
                complaints.push(Complaint::new(error, "`aws sts get-caller-identity` shows yours"));
            }
            Account { id: id.clone(), said_by: "--account" }
        });
        Target { account: account.or(target.account), ..target }
    }

    /// The kubeconfig names one cluster in one region: the environment does not make another one of it.
    fn found(&self, found: Named, environment: &Environment, complaints: &mut Vec<Complaint>) -> Target {
        if let (Some(wanted), Some(region)) = (&self.region, &found.region)
            && wanted != region
        {
            complaints.push(Complaint::new(
                format!("--region {wanted}: the kubeconfig's cluster {} is in {region}", found.cluster),
                "give --cluster with it, or leave --region out",
            ));
        }
        let region = found.region.or_else(|| environment.region.clone());
        let account = found.account.map(|id| Account { id, said_by: "the kubeconfig" });
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
        let read = |path: &Path| {
            Kubeconfig::read(path).map_err(|error| format!("the kubeconfig {}: {error}", path.display()))
        };
        let whole = if let Some(path) = &self.kubeconfig {
            read(path)?
        } else {
            let mut whole = Kubeconfig::default();
            let present: Vec<_> = environment.kubeconfig.iter().filter(|path| path.exists()).collect();
            if present.is_empty() {
                return Err("there is no kubeconfig".to_owned());
            }
            for path in present {
                whole = whole.merge(read(path)?);
            }
            whole
        };
        whole.named(self.context.as_deref())
    }
}

#[cfg(test)]
mod tests;
