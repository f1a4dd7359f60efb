//! The choices of an onboarding.

use cast_spot_provisioner::spec::Request;

use crate::{
    environment::Environment,
    error::CliError,
    session::PartialRequest,
    target::{Target, TargetArgs},
    terminal::Diagnostic,
    zip,
};

/// Name of a zip in shell commands that deploy none.
const NO_ZIP: &str = "bootstrap.zip";

/// Values of --mode: a role that another account may assume, or a user with an access key.
pub(crate) const MODES: [&str; 2] = ["role", "user"];

/// The options that a cluster is onboarded with.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Default, Clone, clap::Args)]
#[command(next_help_heading = "What is made")]
pub(crate) struct ChoiceArgs {
    /// How the cluster is managed: by a role, which --principal assumes, or by a user with an access key
    /// [default: the current mode, or role]
    #[arg(long, value_name = "MODE", value_parser = MODES)]
    pub(crate) mode: Option<String>,

    /// ARN of the user, role or account root that may assume the role
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,

    /// External id that the principal must pass (sts:ExternalId)
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,

    /// Make the user a new access key, then disable the old one
    #[arg(long)]
    rotate_key: bool,

    /// Make the user administrator of the cluster [default: it may manage nodes, see docs/onboarding.md]
    #[arg(long)]
    cluster_admin: bool,

    /// Grant all that CAST AI's documentation lists: the principal may replace the function and make the node role again,
    /// and the function's role has three AWS managed policies (docs/permissions.md)
    #[arg(long)]
    documented_privilege: bool,

    /// Grant the calls of the handler and of node management alone [default: the current choice, or this]
    #[arg(long, conflicts_with = "documented_privilege")]
    least_privilege: bool,

    /// ARN of the permissions boundary of every role and user [default: the current one, or none]
    #[arg(long, value_name = "ARN")]
    permissions_boundary: Option<String>,

    /// Tag of everything that is made; repeatable; those of earlier onboardings stay
    #[arg(long, value_name = "KEY=VALUE")]
    tags: Vec<String>,

    /// Account whose images the principal may launch, beside Amazon's; repeatable; an empty one removes all [default: the
    /// current ones, or none]
    #[arg(long, value_name = "ID")]
    image_owner: Vec<String>,

    /// Zip of the function; a region's first cluster needs one [default: the code that runs]
    #[arg(long, value_name = "FILE")]
    zip: Option<String>,

    /// Refuse a zip whose SHA-256 is another one
    #[arg(long, value_name = "HEX")]
    zip_sha256: Option<String>,

    /// Architecture of the function [default: that of the zip]
    #[arg(long, value_name = "NAME", value_parser = ["x86_64", "arm64"])]
    architecture: Option<String>,

    /// Days that the function's log is kept; 0: forever [default: the current retention, or 30]
    #[arg(long, value_name = "N")]
    log_retention_days: Option<String>,

    /// Setting of the function, see docs/configuration.md; repeatable, or CAST_SPOT_ENV="A=1 B=2"
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,

    /// Take over existing resources of the same names
    #[arg(long)]
    adopt: bool,

    /// Move a function that serves other clusters into the VPC of this one, whose API server is private
    #[arg(long)]
    move_function: bool,
}

impl ChoiceArgs {
    /// The target and the request, or every fault of both, after the earlier `diagnostics`.
    pub(crate) fn read(
        &self,
        target: &TargetArgs,
        environment: &Environment,
        mut diagnostics: Vec<Diagnostic>,
    ) -> Result<(Target, PartialRequest), CliError> {
        let target = target.target(environment, &mut diagnostics);
        let package = zip::read(self.zip.as_deref(), self.zip_sha256.as_deref(), &mut diagnostics);
        let request = Request {
            cluster: target.cluster.clone(),
            mode: self.mode.clone().unwrap_or_default(),
            principal: self.principal.clone(),
            external_id: self.external_id.clone(),
            rotate_key: self.rotate_key,
            cluster_admin: self.cluster_admin,
            documented_privilege: (self.least_privilege || self.documented_privilege)
                .then_some(self.documented_privilege),
            log_retention_days: self.log_retention_days.clone(),
            // The last setting of a name counts, so options override the environment.
            settings: environment.settings.iter().chain(&self.env).cloned().collect(),
            package,
            package_name: self.zip_name().to_owned(),
            architecture: self.architecture.clone(),
            adopt: self.adopt,
            move_function: self.move_function,
            permissions_boundary: self.permissions_boundary.clone(),
            tags: self.tags.clone(),
            image_owners: self.image_owner.clone(),
        };
        Ok((target, PartialRequest::read(request, diagnostics)?))
    }

    /// The zip's file name in shell commands.
    pub(crate) fn zip_name(&self) -> &str {
        self.zip.as_deref().unwrap_or(NO_ZIP)
    }
}
