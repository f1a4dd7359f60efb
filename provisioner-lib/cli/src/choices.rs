//! The choices of an onboarding.

use std::{fs, path::Path};

use cast_spot_provisioner::spec::Request;

use crate::{environment::Environment, target::Target, terminal::Complaint};

/// Where `cargo build-lambda --output-format zip` puts it.
const USUAL_ZIP: &str = "target/lambda/cast-spot-handler/bootstrap.zip";
const BUILD: &str = "`cargo build-lambda --output-format zip` builds it";

/// The options.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Default, Clone, clap::Args)]
#[command(next_help_heading = "What is made")]
pub(crate) struct ChoiceArgs {
    /// How the cluster is managed from outside: role, assumed by --principal, or user, with an access key
    /// [default: as it is, else role]
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,

    /// Who may assume the role: ARN of a user, role or account root
    #[arg(long, value_name = "ARN")]
    pub(crate) principal: Option<String>,

    /// What they have to say when they assume it (sts:ExternalId)
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,

    /// Make the user a new access key, then disable the old one
    #[arg(long)]
    pub(crate) rotate_key: bool,

    /// Give the function's role what the handler calls, in place of the three documented AWS managed policies
    #[arg(long, conflicts_with = "documented_privilege")]
    pub(crate) least_privilege: bool,

    /// Give it the three documented AWS managed policies [default: as it is, else these]
    #[arg(long)]
    pub(crate) documented_privilege: bool,

    /// The function [default: target/lambda/cast-spot-handler/bootstrap.zip, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) zip: Option<String>,

    /// x86_64 or arm64 [default: what the zip was built for]
    #[arg(long, value_name = "NAME")]
    pub(crate) architecture: Option<String>,

    /// Days for which the function's log is kept; 0: for ever [default: as it is, else 30]
    #[arg(long, value_name = "N")]
    pub(crate) log_retention_days: Option<String>,

    /// Setting of the function, see docs/configuration.md; several, or CAST_SPOT_ENV="A=1 B=2"
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,

    /// Make ours what stands in the way under the same name
    #[arg(long)]
    pub(crate) adopt: bool,

    /// Put a function that serves other clusters into the VPC of this one, whose API server is private
    #[arg(long)]
    pub(crate) move_function: bool,
}

impl ChoiceArgs {
    /// Reads them, not yet validated; what cannot be read is added to `complaints`. With `usual_zip`, the zip of
    /// this folder's build is taken if none is named.
    pub(crate) fn read(
        &self,
        target: &Target,
        environment: &Environment,
        usual_zip: bool,
        complaints: &mut Vec<Complaint>,
    ) -> Request {
        let package_name = self.zip.clone().unwrap_or_else(|| USUAL_ZIP.to_owned());
        let package = if self.zip.is_some() || (usual_zip && Path::new(USUAL_ZIP).exists()) {
            fs::read(&package_name)
                .map_err(|error| {
                    complaints.push(Complaint::new(format!("--zip {package_name}: {error}"), BUILD));
                })
                .ok()
        } else {
            None
        };
        if let Some(other) = self.architecture.as_deref().filter(|name| !["x86_64", "arm64"].contains(name)) {
            let error = format!("--architecture {other}: neither x86_64 nor arm64");
            complaints.push(Complaint::new(error, "leave it out: the zip says what it was built for"));
        }
        Request {
            cluster: target.cluster.clone(),
            mode: self.mode.clone().unwrap_or_default(),
            principal: self.principal.clone(),
            external_id: self.external_id.clone(),
            rotate_key: self.rotate_key,
            least_privilege: match (self.least_privilege, self.documented_privilege) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            log_retention_days: self.log_retention_days.clone(),
            // The later of two settings of one name holds: options win.
            settings: environment.settings.iter().chain(&self.env).cloned().collect(),
            package,
            package_name,
            architecture: self.architecture.clone(),
            adopt: self.adopt,
            move_function: self.move_function,
        }
    }
}

/// The zip as commands name it.
pub(crate) fn zip_name(args: &ChoiceArgs) -> &str {
    args.zip.as_deref().unwrap_or(USUAL_ZIP)
}
