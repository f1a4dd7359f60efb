//! The principals of onboarding: the calls of their privilege in their own cluster, none in another. What the emulators do not
//! evaluate (tags of EC2 resources, iam:PassRole) is tested by a second evaluation, in `tests/policies.rs`.

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use cast_spot_real::{
    account::config,
    cloud,
    emulators::ACCOUNT,
    lab::Lab,
    stack::{CLUSTER, HANDLER_ROLE, Stack, create_cluster},
};

use crate::situation::{EXTERNAL_ID, Situation};

const OTHER: &str = "other";
/// The principal that assumes the role; in this account, because the emulator has no other.
const ASSUMER: &str = "console";

pub(crate) async fn a_principal_manages_its_own_cluster_and_no_other(stack: &Stack) -> Result<()> {
    if stack.account.eks.describe_cluster().name(OTHER).send().await.is_err() {
        create_cluster(&stack.account, OTHER).await?;
    }
    let own = Lab::open(stack, "own-group").await?;
    cloud::group(&stack.account, OTHER, "other-group", |group| group).await?;

    let situation = Situation::begin(stack).await?;
    let assumer = Assumer::make(stack).await?;
    let mut words = situation.role("onboard");
    words[2] = &assumer.arn;
    words.push("--yes");
    situation.cli.run(&words).await?.expect(0)?;

    let role = format!("arn:aws:iam::{ACCOUNT}:role/cast-eks-{CLUSTER}");
    ensure!(assumer.assume(stack, &role, None).await.is_err(), "assumed without an external id");
    ensure!(assumer.assume(stack, &role, Some("another")).await.is_err(), "assumed with another external id");
    let credentials = assumer.assume(stack, &role, Some(EXTERNAL_ID)).await?;
    let rights = Rights {
        stack,
        iam: config(&stack.emulators.ministack, credentials.clone()).await,
        ec2: config(&stack.emulators.moto, credentials).await,
    };
    rights.are_those_of_its_cluster(&own.name, false).await?;
    situation.cli.run(&[&words[..], &["--documented-privilege"]].concat()).await?.expect(0)?;
    rights.are_those_of_its_cluster(&own.name, true).await?;
    situation.cli.run(&[&words[..], &["--least-privilege"]].concat()).await?.expect(0)?;
    rights.over_the_node_role(false).await?;

    assumer.leave(stack).await?;
    situation.end().await
}

/// Calls with the role's credentials.
struct Rights<'s> {
    stack: &'s Stack,
    iam: SdkConfig,
    ec2: SdkConfig,
}

impl Rights<'_> {
    async fn are_those_of_its_cluster(&self, group: &str, with_the_node_role: bool) -> Result<()> {
        self.in_the_own_cluster(group).await?;
        self.over_the_node_role(with_the_node_role).await?;
        self.elsewhere().await
    }

    async fn in_the_own_cluster(&self, group: &str) -> Result<()> {
        let eks = aws_sdk_eks::Client::new(&self.iam);
        eks.describe_cluster().name(CLUSTER).send().await.context("DescribeCluster")?;
        let scaling = aws_sdk_autoscaling::Client::new(&self.ec2);
        let suspend = scaling.suspend_processes().auto_scaling_group_name(group);
        suspend.scaling_processes("AZRebalance").send().await.context("SuspendProcesses")?;
        let resume = scaling.resume_processes().auto_scaling_group_name(group);
        resume.scaling_processes("AZRebalance").send().await.context("ResumeProcesses")?;
        let iam = aws_sdk_iam::Client::new(&self.iam);
        iam.list_roles().send().await.context("ListRoles")?;
        Ok(())
    }

    /// The worker policies on the node role, of which only the documented privilege may take one off.
    async fn over_the_node_role(&self, allowed: bool) -> Result<()> {
        let iam = aws_sdk_iam::Client::new(&self.iam);
        let node_role = self.node_role().await?;
        let worker = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
        let detach = iam.detach_role_policy().role_name(&node_role).policy_arn(worker).send().await;
        let attach = iam.attach_role_policy().role_name(&node_role).policy_arn(worker).send().await;
        if allowed {
            detach.context("DetachRolePolicy")?;
            attach.context("AttachRolePolicy")?;
            return Ok(());
        }
        denied("DetachRolePolicy of its node role", detach)?;
        denied("AttachRolePolicy of its node role", attach)
    }

    async fn elsewhere(&self) -> Result<()> {
        let scaling = aws_sdk_autoscaling::Client::new(&self.ec2);
        let suspend = scaling.suspend_processes().auto_scaling_group_name("other-group");
        denied("SuspendProcesses of another cluster's group", suspend.send().await)?;
        let iam = aws_sdk_iam::Client::new(&self.iam);
        let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
        let node_role = self.node_role().await?;
        let attach = iam.attach_role_policy().policy_arn(admin);
        denied("AdministratorAccess on its node role", attach.clone().role_name(&node_role).send().await)?;
        denied("a policy on the function's role", attach.role_name(HANDLER_ROLE).send().await)?;
        let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
        let create = iam.create_role().role_name("cast-other-eks-0000000").assume_role_policy_document(trust);
        denied("another cluster's node role", create.send().await)?;
        denied("DeleteRole of the function's role", iam.delete_role().role_name(HANDLER_ROLE).send().await)?;
        let version =
            iam.create_policy_version().policy_arn(format!("arn:aws:iam::{ACCOUNT}:policy/CastEKSPolicy"));
        let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        denied("more rights for itself", version.policy_document(all).set_as_default(true).send().await)?;
        denied("a user", iam.create_user().user_name("more").send().await)?;
        let eks = aws_sdk_eks::Client::new(&self.iam);
        denied("DeleteCluster", eks.delete_cluster().name(OTHER).send().await)?;
        let lambda = aws_sdk_lambda::Client::new(&self.iam);
        denied(
            "DeleteFunction of a foreign function",
            lambda.delete_function().function_name("theirs").send().await,
        )
    }

    async fn node_role(&self) -> Result<String> {
        let roles = self.stack.account.iam.list_roles().send().await?.roles;
        let node_role =
            roles.into_iter().find(|role| role.role_name.starts_with(&format!("cast-{CLUSTER}-eks-")));
        Ok(node_role.context("the node role")?.role_name)
    }
}

fn denied<T, E: std::fmt::Debug>(what: &str, answer: Result<T, E>) -> Result<()> {
    let Err(error) = answer else { anyhow::bail!("{what}: allowed") };
    let text = format!("{error:?}");
    ensure!(text.contains("AccessDenied") || text.contains("not authorized"), "{what}: {text}");
    Ok(())
}

/// A user who may assume any role that trusts it.
struct Assumer {
    arn: String,
    key: Credentials,
}

impl Assumer {
    async fn make(stack: &Stack) -> Result<Self> {
        let iam = &stack.account.iam;
        let user = iam.create_user().user_name(ASSUMER).send().await?.user.context("a user")?;
        let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
        iam.put_user_policy().user_name(ASSUMER).policy_name("assume").policy_document(may).send().await?;
        let key = iam.create_access_key().user_name(ASSUMER).send().await?.access_key.context("a key")?;
        let key = Credentials::new(key.access_key_id, key.secret_access_key, None, None, "test");
        Ok(Self { arn: user.arn, key })
    }

    async fn assume(&self, stack: &Stack, role: &str, external_id: Option<&str>) -> Result<Credentials> {
        let sts = aws_sdk_sts::Client::new(&config(&stack.emulators.ministack, self.key.clone()).await);
        let call = sts.assume_role().role_arn(role).role_session_name("test");
        let answer = call.set_external_id(external_id.map(str::to_owned)).send().await?;
        let session = answer.credentials.context("credentials")?;
        let token = Some(session.session_token);
        Ok(Credentials::new(session.access_key_id, session.secret_access_key, token, None, "test"))
    }

    async fn leave(self, stack: &Stack) -> Result<()> {
        let iam = &stack.account.iam;
        iam.delete_access_key().user_name(ASSUMER).access_key_id(self.key.access_key_id()).send().await?;
        iam.delete_user_policy().user_name(ASSUMER).policy_name("assume").send().await?;
        iam.delete_user().user_name(ASSUMER).send().await?;
        Ok(())
    }
}
