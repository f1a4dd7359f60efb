//! `cast-spot policy`: the IAM policies as JSON, filled in for one cluster.

use std::process::ExitCode;

use cast_spot_provisioner::{
    names,
    policy::{self, AdminMode, MANAGED_LIMIT, Scope},
    provider::Aws,
};
use serde_json::Value;

use crate::{
    environment::Environment,
    plan::json,
    refusal::Refusal,
    session,
    target::{Target, TargetArgs},
    terminal::{Complaint, Screen},
};

const EXAMPLES: &str = "\
Policies:
  admin            of whoever runs cast-spot for one cluster: its calls, and nothing else
  shared           CastEKSPolicy, the same for all clusters of an account
  cluster          CastEKSRestrictedAccess-…, of the user or role that manages one cluster
  handler          all that the function calls for one cluster, as one policy
  handler-shared   the part of it that belongs to no cluster
  handler-cluster  the part of it for one cluster; one for each is on CastLambdaRoleForSpot
  savings          what `cast-spot savings` reads of AWS
  trust            who may assume the cluster's role: --principal, who says --external-id

Examples:
  cast-spot policy admin > admin.json
  cast-spot policy admin --mode user --cluster prod --region eu-west-1 --account 123456789012
                                            without asking AWS for anything
  cast-spot policy admin --split | jq '.[0]'
                                            in parts that fit into managed policies
  cast-spot policy trust --principal arn:aws:iam::123456789012:user/console --external-id 3f0c…

Exit codes:
  0  printed
  1  it could not be written
  2  wrong call
  4  AWS refused, or cannot be reached; not with --account and --region";

const NAMES: [&str; 8] =
    ["admin", "shared", "cluster", "handler", "handler-shared", "handler-cluster", "savings", "trust"];

/// Print an IAM policy as JSON: the administrator's, the principal's, the function's
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Which: admin, shared, cluster, handler, handler-shared, handler-cluster, savings or trust
    #[arg(value_name = "POLICY")]
    name: String,

    /// Of admin: what is onboarded, role or user
    #[arg(long, value_name = "MODE", default_value = "role")]
    mode: String,

    /// Of trust: who may assume the role
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,

    /// Of trust: what they have to say
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,

    /// Of admin and cluster: the cluster's VPC [default: *, any VPC of the region]
    #[arg(long, value_name = "ID")]
    vpc_id: Option<String>,

    /// aws, aws-us-gov or aws-cn [default: that of the region]
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,

    /// As a list of policies that are small enough for managed policies
    #[arg(long)]
    split: bool,

    #[command(flatten)]
    target: TargetArgs,
}

/// A policy that can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted<'a> {
    Admin(AdminMode),
    Shared,
    Cluster,
    Handler,
    HandlerShared,
    HandlerCluster,
    Savings,
    Trust { principal: &'a str, external_id: &'a str },
}

impl Wanted<'_> {
    fn of(self, scope: &Scope) -> Value {
        match self {
            Self::Admin(mode) => policy::admin(mode, scope),
            Self::Shared => policy::cast_eks(scope),
            Self::Cluster => policy::restricted(scope),
            Self::Handler => policy::handler(scope),
            Self::HandlerShared => policy::handler_reads(scope),
            Self::HandlerCluster => policy::handler_cluster(scope),
            Self::Savings => policy::savings(scope),
            Self::Trust { principal, external_id } => policy::principal_trust(principal, external_id),
        }
    }

    /// Whether anything of the cluster, the region and the account is in it.
    fn is_about_something(self) -> bool {
        !matches!(self, Self::Trust { .. })
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async {
        let mut complaints = Vec::new();
        let wanted = wanted(args, &mut complaints);
        let target = match wanted {
            Some(wanted) if !wanted.is_about_something() => Target::default(),
            Some(Wanted::Shared | Wanted::HandlerShared) => {
                // They are the same for all clusters: none need be known.
                let mut others = Vec::new();
                let target = args.target.read(environment, &mut others);
                complaints
                    .extend(others.into_iter().filter(|complaint| !complaint.error.starts_with("--cluster")));
                target
            }
            _ => args.target.read(environment, &mut complaints),
        };
        let (Some(wanted), true) = (wanted, complaints.is_empty()) else {
            return Err(Refusal::wrong_call(complaints));
        };
        let document = if wanted.is_about_something() {
            let place = Place::find(args, &target).await?;
            wanted.of(&place.scope(&target.cluster, args.vpc_id.as_deref()))
        } else {
            wanted.of(&Scope {
                partition: "",
                region: "",
                account: "",
                cluster: "",
                vpc_id: "",
                node_role: "",
            })
        };
        print(&document, args.split, &mut Screen::standard())
    })
}

fn print(document: &Value, split: bool, screen: &mut Screen) -> Result<u8, Refusal> {
    if split {
        let parts = policy::split(document, MANAGED_LIMIT);
        screen.print(&json::text(&Value::from(parts))?)?;
        return Ok(0);
    }
    screen.print(&json::text(document)?)?;
    let size = policy::size(document);
    if size > MANAGED_LIMIT {
        screen.say(&format!(
            "note: {size} characters are more than a managed policy may have ({MANAGED_LIMIT}): put it on a role as an \
             inline policy, or use --split\n"
        ));
    }
    Ok(0)
}

fn wanted<'a>(args: &'a Args, complaints: &mut Vec<Complaint>) -> Option<Wanted<'a>> {
    let help = "see `cast-spot policy --help`";
    let mode = match args.mode.as_str() {
        "role" => Some(AdminMode::Role),
        "user" => Some(AdminMode::User),
        other => {
            complaints.push(Complaint::new(format!("--mode {other}: neither role nor user"), help));
            None
        }
    };
    match args.name.as_str() {
        "admin" => mode.map(Wanted::Admin),
        "shared" => Some(Wanted::Shared),
        "cluster" => Some(Wanted::Cluster),
        "handler" => Some(Wanted::Handler),
        "handler-shared" => Some(Wanted::HandlerShared),
        "handler-cluster" => Some(Wanted::HandlerCluster),
        "savings" => Some(Wanted::Savings),
        "trust" => {
            let hint = "give both: the trust is never without an external id";
            for (option, value) in [("--principal", &args.principal), ("--external-id", &args.external_id)] {
                if value.is_none() {
                    complaints
                        .push(Complaint::new(format!("{option}: missing, and needed in `trust`"), hint));
                }
            }
            let (principal, external_id) = (args.principal.as_deref()?, args.external_id.as_deref()?);
            Some(Wanted::Trust { principal, external_id })
        }
        other => {
            let error = format!("{other}: no such policy; there are {}", NAMES.join(", "));
            complaints.push(Complaint::new(error, help));
            None
        }
    }
}

/// Where the policies are to apply.
struct Place {
    partition: String,
    region: String,
    account: String,
    node_role: String,
}

impl Place {
    /// As it was given; what was not, is asked of AWS.
    async fn find(args: &Args, target: &Target) -> Result<Self, Refusal> {
        let given = target.account.as_ref().map(|account| account.id.clone());
        let region = target.connection.region.clone();
        let (partition, region, account) = match (given, region) {
            (Some(account), Some(region)) => (partition_of(&region).to_owned(), region, account),
            (given, _) => {
                let aws = Aws::connect(&target.connection).await?;
                let region = aws.region().to_owned();
                if let Some(account) = given {
                    (partition_of(&region).to_owned(), region, account)
                } else {
                    let identity = aws.identity().await.map_err(|error| vec![error])?;
                    (identity.partition, region, identity.account)
                }
            }
        };
        let partition = args.partition.clone().unwrap_or(partition);
        let arn = format!("arn:{partition}:eks:{region}:{account}:cluster/{}", target.cluster);
        Ok(Self { node_role: names::node_role(&target.cluster, &arn), partition, region, account })
    }

    fn scope<'a>(&'a self, cluster: &'a str, vpc_id: Option<&'a str>) -> Scope<'a> {
        Scope {
            partition: &self.partition,
            region: &self.region,
            account: &self.account,
            cluster,
            vpc_id: vpc_id.unwrap_or("*"),
            node_role: &self.node_role,
        }
    }
}

/// As the region's name says ("Partitions" in the AWS General Reference).
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
    fn a_region_tells_its_partition() {
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
