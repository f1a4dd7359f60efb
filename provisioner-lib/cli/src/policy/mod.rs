//! `cast-spot policy`: the IAM policies of one cluster as JSON.

use cast_spot_provisioner::{
    names,
    policy::{self, AdminMode, MANAGED_LIMIT, Scope},
    provider::Aws,
};
use clap::ValueEnum;
use serde_json::Value;

use crate::{
    choices::MODES,
    environment::Environment,
    error::{self, CliError, EXIT_USAGE},
    plan::json,
    session,
    target::{Target, TargetArgs},
    terminal::{Diagnostic, Screen},
};

/// Print an IAM policy as JSON: the administrator's, the principal's, the function's
#[derive(Debug, clap::Args)]
#[command(after_help = include_str!("help.txt"), arg_required_else_help = true)]
pub(crate) struct Args {
    /// The policy
    #[arg(value_name = "POLICY", value_enum)]
    name: Name,

    /// For admin: the principal of the clusters that are onboarded
    #[arg(long, value_name = "MODE", value_parser = MODES, default_value = "role")]
    mode: String,

    /// For admin: ARN of the permissions boundary without which the administrator gives no rights to a role or user
    #[arg(long, value_name = "ARN")]
    permissions_boundary: Option<String>,

    /// For trust: the principal that may assume the role
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,

    /// For trust: the external id that the principal must pass
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,

    /// For admin and cluster: the cluster's VPC [default: *, any VPC of the region]
    #[arg(long, value_name = "ID")]
    vpc_id: Option<String>,

    /// For cluster: account whose images may be launched, beside Amazon's; repeatable
    #[arg(long, value_name = "ID")]
    image_owner: Vec<String>,

    /// aws, aws-us-gov or aws-cn [default: that of the region]
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,

    /// Print a list of policies that are small enough for managed policies
    #[arg(long)]
    split: bool,

    #[command(flatten)]
    target: TargetArgs,
}

/// A policy that can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    Admin,
    Shared,
    Cluster,
    Documented,
    NodeBoundary,
    Handler,
    HandlerShared,
    HandlerCluster,
    HandlerVpc,
    Savings,
    Trust,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let target = read_target(args, environment)?;
        print(&policy(args, &target).await?, args.split, screen)
    })
}

/// The policy for the place of the options. Asks AWS for what they leave open.
async fn policy(args: &Args, target: &Target) -> Result<Value, CliError> {
    let mut region = target.connection.region.clone();
    let mut account = target.account.as_ref().map(|account| account.id.clone());
    let mut partition = args.partition.clone();
    if args.name != Name::Trust && (region.is_none() || account.is_none()) {
        let aws = Aws::connect(&target.connection).await?;
        region = Some(aws.region().to_owned());
        if account.is_none() {
            let identity = aws.identity().await?;
            (partition, account) = (partition.or(Some(identity.partition)), Some(identity.account));
        }
    }
    let (region, account) = (&region.unwrap_or_default(), &account.unwrap_or_default());
    let partition = &partition.unwrap_or_else(|| partition_of(region).to_owned());
    let (cluster, vpc_id) = (&target.cluster, args.vpc_id.as_deref().unwrap_or("*"));
    let arn = format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}");
    let node_role = &names::node_role(cluster, &arn);
    let scope =
        &Scope { partition, region, account, cluster, vpc_id, node_role, image_owners: &args.image_owner };
    Ok(match args.name {
        Name::Admin => {
            let mode = if args.mode == "user" { AdminMode::User } else { AdminMode::Role };
            let policy = policy::admin(mode, scope);
            match &args.permissions_boundary {
                Some(arn) => policy::bounded(policy, arn),
                None => policy,
            }
        }
        Name::Shared => policy::cast_eks(scope),
        Name::Cluster => policy::restricted(scope),
        Name::Documented => policy::documented(scope),
        Name::NodeBoundary => policy::node_boundary(scope),
        Name::Handler => policy::handler(scope),
        Name::HandlerShared => policy::handler_reads(scope),
        Name::HandlerCluster => policy::handler_cluster(scope),
        Name::HandlerVpc => policy::handler_vpc(scope),
        Name::Savings => policy::savings(scope),
        Name::Trust => trust(args)?,
    })
}

fn trust(args: &Args) -> Result<Value, CliError> {
    if let (Some(principal), Some(external_id)) = (&args.principal, &args.external_id) {
        return Ok(policy::principal_trust(principal, external_id));
    }
    let options = [("--principal", &args.principal), ("--external-id", &args.external_id)];
    let missing = options.into_iter().filter(|(_, value)| value.is_none());
    let missing = missing.map(|(option, _)| {
        let hint = "give both: the trust is never without an external id";
        Diagnostic::new(format!("{option}: missing, and needed in `trust`"), hint)
    });
    Err(CliError { diagnostics: missing.collect(), code: EXIT_USAGE })
}

fn read_target(args: &Args, environment: &Environment) -> Result<Target, CliError> {
    if args.name == Name::Trust {
        // It depends on no place.
        return Ok(Target::default());
    }
    let mut diagnostics = Vec::new();
    let target = args.target.target(environment, &mut diagnostics);
    if matches!(args.name, Name::Shared | Name::Documented | Name::HandlerShared | Name::HandlerVpc) {
        // They are the same for all clusters, so none need be known.
        diagnostics.retain(|diagnostic| !diagnostic.error.starts_with("--cluster"));
    }
    error::check(diagnostics)?;
    Ok(target)
}

fn print(document: &Value, split: bool, screen: &mut Screen) -> Result<u8, CliError> {
    if split {
        let parts = policy::split(document, MANAGED_LIMIT);
        screen.print(&json::text(&Value::from(parts))?)?;
        return Ok(0);
    }
    screen.print(&json::text(document)?)?;
    let size = policy::size(document);
    if size > MANAGED_LIMIT {
        screen.eprint(&format!(
            "note: {size} characters are more than a managed policy may have ({MANAGED_LIMIT}): put it on a role as an \
             inline policy, or use --split\n"
        ));
    }
    Ok(0)
}

/// The partition of a region, by its name ("Partitions" in the AWS General Reference).
fn partition_of(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_determines_the_partition() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-gov-east-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("us-east-1", "aws"),
        ] {
            assert_eq!(partition_of(region), partition, "{region}");
        }
    }
}
