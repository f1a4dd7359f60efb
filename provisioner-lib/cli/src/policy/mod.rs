//! `cast-spot policy`: the IAM policies of one cluster as JSON.

use cast_spot_provisioner::{
    policy::{self, AdminMode, MANAGED_LIMIT, Place, Scope},
    provider::Aws,
    spec,
};
use clap::ValueEnum;
use serde_json::Value;

use crate::{
    choices::MODES,
    environment::Environment,
    error::{self, CliError, EXIT_REFUSED, EXIT_USAGE},
    plan::json,
    session,
    target::{Target, TargetArgs},
    terminal::Screen,
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

    /// For admin: ARN of the permissions boundary of every role and user to which it gives policies or trust
    #[arg(long, value_name = "ARN")]
    permissions_boundary: Option<String>,

    /// For trust: the principal that may assume the role
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,

    /// For trust: the external id that the principal must pass
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,

    /// For admin and cluster: the cluster's VPC [default: looked up in AWS]
    #[arg(long, value_name = "ID")]
    vpc_id: Option<String>,

    /// For cluster: account whose images may be launched, beside Amazon's; repeatable
    #[arg(long, value_name = "ID")]
    image_owner: Vec<String>,

    /// Partition, such as aws-us-gov, aws-cn or aws-eusc [default: that of the region]
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
    NodeVpc,
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
        // A trust policy names no place, so nothing needs to be known of one.
        let place = if args.name == Name::Trust {
            Place::default()
        } else {
            let (target, place) = read(args, environment)?;
            complete(args.name, place, &target, screen).await?
        };
        print(&policy(args, &place)?, args.split, screen)
    })
}

/// Where the policy is for, as far as options, environment and kubeconfig say, or every fault of them.
fn read(args: &Args, environment: &Environment) -> Result<(Target, Place), CliError> {
    let mut diagnostics = Vec::new();
    let target = args.target.target(environment, &mut diagnostics);
    let mut cluster = (!target.cluster.is_empty()).then(|| target.cluster.clone());
    if matches!(args.name, Name::Shared | Name::Documented | Name::HandlerShared | Name::HandlerVpc) {
        // They are the same for all clusters, so none need be known.
        diagnostics.retain(|diagnostic| !diagnostic.error.starts_with("--cluster"));
        cluster = None;
    }
    let place = Place {
        partition: args.partition.clone(),
        region: target.connection.region.clone(),
        account: target.account.as_ref().map(|account| account.id.clone()),
        cluster,
        vpc_id: args.vpc_id.clone(),
    };
    let mut faults = place.faults();
    spec::image_owners(&args.image_owner, &mut faults);
    spec::boundary(args.permissions_boundary.as_deref(), &mut faults);
    let faults = faults.0.iter().map(error::of_fault);
    let new: Vec<_> =
        faults.filter(|new| !diagnostics.iter().any(|earlier| earlier.error == new.error)).collect();
    diagnostics.extend(new);
    error::check(diagnostics)?;
    Ok((target, place))
}

/// Asks AWS for what is open: region and account, and the VPC where the policy contains it.
async fn complete(
    name: Name,
    mut place: Place,
    target: &Target,
    screen: &mut Screen,
) -> Result<Place, CliError> {
    let needs_vpc = matches!(name, Name::Admin | Name::Cluster | Name::NodeBoundary | Name::NodeVpc)
        && place.vpc_id.is_none();
    if place.region.is_some() && place.account.is_some() && !needs_vpc {
        return Ok(place);
    }
    let connection = session::with_mfa_code(&target.connection, false, screen).await?;
    let aws = Aws::connect(&connection).await?;
    place.region = Some(aws.region().to_owned());
    if place.account.is_none() {
        let identity = aws.identity().await?;
        place.partition = place.partition.or(Some(identity.partition));
        place.account = Some(identity.account);
    }
    if needs_vpc {
        place.vpc_id = Some(vpc_of(&place, &aws).await?);
    }
    let faults = place.faults();
    if faults.0.is_empty() { Ok(place) } else { Err(faults.into()) }
}

/// The VPC of the cluster: a policy that names none would be good for all of them.
async fn vpc_of(place: &Place, aws: &Aws) -> Result<String, CliError> {
    let (name, arn) = (place.cluster.as_deref().unwrap_or_default(), place.cluster_arn());
    let refused = |code: u8, problem: String| {
        let hint = format!(
            "give --vpc-id; `aws eks describe-cluster --name {name} --query cluster.resourcesVpcConfig.vpcId` prints it"
        );
        CliError::new(code, format!("--vpc-id: not given, and {problem}"), hint)
    };
    let found = aws.cluster(name).await;
    let found = found.map_err(|error| refused(EXIT_REFUSED, format!("the cluster's is unknown: {error}")))?;
    match found {
        Some(cluster) if cluster.arn == arn => Ok(cluster.vpc_id),
        Some(cluster) => {
            Err(refused(EXIT_USAGE, format!("the credentials lead to {}, not to {arn}", cluster.arn)))
        }
        None => Err(refused(EXIT_USAGE, format!("the credentials do not lead to {arn}"))),
    }
}

fn policy(args: &Args, place: &Place) -> Result<Value, CliError> {
    let node_role = &place.node_role();
    let scope = &Scope { image_owners: &args.image_owner, ..place.scope(node_role) };
    let document = match args.name {
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
        Name::NodeVpc => policy::node_vpc(scope),
        Name::Handler => policy::handler(scope),
        Name::HandlerShared => policy::handler_reads(scope),
        Name::HandlerCluster => policy::handler_cluster(scope),
        Name::HandlerVpc => policy::handler_vpc(scope),
        Name::Savings => policy::savings(scope),
        Name::Trust => policy::trust_of(args.principal.as_deref(), args.external_id.as_deref())?,
    };
    Ok(document)
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
