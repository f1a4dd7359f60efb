//! `cast-spot policy`: the IAM policies of one cluster as JSON.

use cast_spot_provisioner::{
    names,
    policy::{self, MANAGED_LIMIT, Scope},
    provider::Aws,
};
use clap::ValueEnum;
use serde_json::Value;

use crate::{
    choices::Mode,
    environment::Environment,
    error::{self, CliError, EXIT_USAGE},
    plan::json,
    session,
    target::{Target, TargetArgs},
    terminal::{Diagnostic, Screen},
};

const EXAMPLES: &str = "\
Policies:
  admin            for the user of cast-spot, for one cluster: its calls, and nothing else
  shared           CastEKSPolicy, the same for all clusters of an account
  cluster          CastEKSRestrictedAccess-…, for the user or role that manages one cluster
  handler          every call of the function for one cluster, as one policy
  handler-shared   its part for all clusters
  handler-cluster  its part for one cluster; CastLambdaRoleForSpot has one for each
  savings          the reads of `cast-spot savings` in AWS
  trust            lets --principal assume the cluster's role, if it passes --external-id

Examples:
  cast-spot policy admin > admin.json
  cast-spot policy admin --mode user --cluster prod --region eu-west-1 --account 123456789012
                                            without a call to AWS
  cast-spot policy admin --split | jq '.[0]'
                                            in parts that fit into managed policies
  cast-spot policy trust --principal arn:aws:iam::123456789012:user/console --external-id 3f0c…

Exit codes:
  0  printed
  1  could not be written
  2  wrong call
  4  AWS refused, or cannot be reached; not with --account and --region";

/// Print an IAM policy as JSON: the administrator's, the principal's, the function's
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    /// The policy
    #[arg(value_name = "POLICY", value_enum)]
    name: Name,

    /// For admin: the principal of the clusters that are onboarded
    #[arg(long, value_name = "MODE", value_enum, default_value = "role")]
    mode: Mode,

    /// For trust: the principal that may assume the role
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,

    /// For trust: the external id that the principal must pass
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,

    /// For admin and cluster: the cluster's VPC [default: *, any VPC of the region]
    #[arg(long, value_name = "ID")]
    vpc_id: Option<String>,

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
    Handler,
    HandlerShared,
    HandlerCluster,
    Savings,
    Trust,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        // The trust policy depends on no place.
        let (mut target, mut place) = (Target::default(), Place::default());
        if args.name != Name::Trust {
            target = read_target(args, environment)?;
            place = find_place(args, &target).await?;
        }
        let (partition, region, account) = (&place.0, &place.1, &place.2);
        let (cluster, vpc_id) = (&target.cluster, args.vpc_id.as_deref().unwrap_or("*"));
        let arn = format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}");
        let node_role = &names::node_role(cluster, &arn);
        let document = policy(args, &Scope { partition, region, account, cluster, vpc_id, node_role })?;
        print(&document, args.split, screen)
    })
}

fn policy(args: &Args, scope: &Scope<'_>) -> Result<Value, CliError> {
    Ok(match args.name {
        Name::Admin => policy::admin(args.mode.into(), scope),
        Name::Shared => policy::cast_eks(scope),
        Name::Cluster => policy::restricted(scope),
        Name::Handler => policy::handler(scope),
        Name::HandlerShared => policy::handler_reads(scope),
        Name::HandlerCluster => policy::handler_cluster(scope),
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
    let mut diagnostics = Vec::new();
    let target = args.target.target(environment, &mut diagnostics);
    if matches!(args.name, Name::Shared | Name::HandlerShared) {
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

/// Partition, region and account.
type Place = (String, String, String);

/// The place of the options. Asks AWS for what they leave open.
async fn find_place(args: &Args, target: &Target) -> Result<Place, CliError> {
    let account = target.account.as_ref().map(|account| account.id.clone());
    let (partition, region, account) = match (account, target.connection.region.clone()) {
        (Some(account), Some(region)) => (partition_of(&region).to_owned(), region, account),
        (account, _) => {
            let aws = Aws::connect(&target.connection).await?;
            let region = aws.region().to_owned();
            if let Some(account) = account {
                (partition_of(&region).to_owned(), region, account)
            } else {
                let identity = aws.identity().await?;
                (identity.partition, region, identity.account)
            }
        }
    };
    Ok((args.partition.clone().unwrap_or(partition), region, account))
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
