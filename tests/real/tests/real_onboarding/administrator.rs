//! The administrator's policy: sufficient, without an unneeded action.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use aws_sdk_iam::types::PolicyScopeType;
use cast_spot_real::{
    account::REGION,
    cli::{Cli, Ended},
    emulators::ACCOUNT,
    stack::{CLUSTER, FUNCTION, HANDLER_ROLE, Stack},
};
use serde_json::Value;

use crate::{page, situation::Situation};

const ADMINISTRATOR: &str = "administrator";

/// A user with a policy.
struct Administrator<'s> {
    stack: &'s Stack,
    key: String,
    cli: Cli,
}

impl<'s> Administrator<'s> {
    async fn with(stack: &'s Stack, policy: &Value) -> Result<Self> {
        let iam = &stack.account.iam;
        iam.create_user().user_name(ADMINISTRATOR).send().await?;
        let made = iam.create_policy().policy_name(ADMINISTRATOR).policy_document(policy.to_string());
        let arn = made.send().await?.policy.context("CreatePolicy answers a policy")?.arn;
        iam.attach_user_policy().user_name(ADMINISTRATOR).set_policy_arn(arn).send().await?;
        let key = iam.create_access_key().user_name(ADMINISTRATOR).send().await?;
        let key = key.access_key.context("CreateAccessKey answers a key")?;
        let cli = Cli::of(stack).as_key(&key.access_key_id, &key.secret_access_key);
        Ok(Self { stack, key: key.access_key_id, cli })
    }

    async fn leave(self) -> Result<()> {
        let iam = &self.stack.account.iam;
        let policies = iam.list_policies().scope(PolicyScopeType::Local).send().await?;
        let own = policies.policies().iter().find(|policy| policy.policy_name() == Some(ADMINISTRATOR));
        let arn = own.and_then(|policy| policy.arn()).context("the administrator's policy")?;
        iam.detach_user_policy().user_name(ADMINISTRATOR).policy_arn(arn).send().await?;
        iam.delete_policy().policy_arn(arn).send().await?;
        iam.delete_access_key().user_name(ADMINISTRATOR).access_key_id(&self.key).send().await?;
        iam.delete_user().user_name(ADMINISTRATOR).send().await?;
        Ok(())
    }
}

async fn policy(situation: &Situation<'_>, mode: &str) -> Result<Value> {
    situation.cli.run(&["policy", "admin", "--mode", mode]).await?.expect(0)?.json()
}

fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let listed = statements.flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        one => vec![one.clone()],
    });
    listed.filter_map(|action| action.as_str().map(str::to_owned)).collect()
}

/// A command of an administrator in the life of a cluster.
struct Phase<'w> {
    words: Vec<&'w str>,
    code: i32,
    /// Whether other programs have changed resources before.
    drifted: bool,
}

/// All phases. Each starts where the one before has ended.
fn life<'w>(situation: &'w Situation<'_>, mode: &str) -> Vec<Phase<'w>> {
    let onboarding = |command| if mode == "user" { situation.user(command) } else { situation.role(command) };
    let onboard = |more: &[&'static str]| {
        [onboarding("onboard"), vec!["--yes", "--show-secret"], more.to_vec()].concat()
    };
    let phase = |words, code| Phase { words, code, drifted: false };
    let mut phases = vec![
        phase(onboarding("plan"), 10),
        phase(onboard(&["--documented-privilege"]), 0),
        Phase { drifted: true, ..phase(onboard(&["--least-privilege", "--log-retention-days", "0"]), 0) },
        phase(vec!["status"], 0),
    ];
    if mode == "user" {
        phases.push(phase(onboard(&["--cluster-admin"]), 0));
        phases.push(phase(onboard(&["--rotate-key"]), 0));
    }
    phases.push(phase(vec!["offboard", "--yes"], 0));
    phases
}

impl Phase<'_> {
    async fn live(&self, stack: &Stack, cli: &Cli) -> Result<Ended> {
        if self.drifted {
            drift(stack).await?;
        }
        cli.run(&self.words).await
    }
}

/// Changes a setting, a document, and a tag of each kind of resource.
async fn drift(stack: &Stack) -> Result<()> {
    let (iam, lambda, sqs) = (&stack.account.iam, &stack.account.lambda, &stack.account.sqs);
    lambda.update_function_configuration().function_name(FUNCTION).memory_size(128).send().await?;
    let policy = format!("arn:aws:iam::{ACCOUNT}:policy/CastEKSPolicy");
    let nothing = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
    for _ in 0..4 {
        let version = iam.create_policy_version().policy_arn(&policy).policy_document(nothing);
        version.set_as_default(true).send().await?;
    }
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    iam.update_assume_role_policy().role_name(HANDLER_ROLE).policy_document(trust).send().await?;
    let url = sqs.get_queue_url().queue_name("cast-spot-dlq").send().await?.queue_url.context("a queue")?;
    let retention = aws_sdk_sqs::types::QueueAttributeName::MessageRetentionPeriod;
    sqs.set_queue_attributes().queue_url(&url).attributes(retention, "3600").send().await?;
    let entry = stack.account.eks.update_access_entry().cluster_name(CLUSTER);
    let entry = entry.principal_arn(format!("arn:aws:iam::{ACCOUNT}:role/{HANDLER_ROLE}"));
    let entry = entry.kubernetes_groups("theirs").send().await?.access_entry.context("an entry")?;
    let stray = stack.account.eks.tag_resource().set_resource_arn(entry.access_entry_arn);
    stray.tags("cast-spot:stray", "theirs").send().await?;

    // Foreign tags that look like ours, and one of ours with another value.
    let tag = |key: &str| aws_sdk_iam::types::Tag::builder().key(key).value("theirs").build();
    let tags = [tag("cast-spot:stray")?, tag("cast-spot:managed-by")?];
    iam.tag_policy().policy_arn(&policy).set_tags(Some(tags.to_vec())).send().await?;
    iam.tag_role().role_name(HANDLER_ROLE).set_tags(Some(tags.to_vec())).send().await?;
    let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}");
    lambda.tag_resource().resource(function).tags("cast-spot:stray", "theirs").send().await?;
    let cluster_tag =
        lambda.untag_resource().resource(format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"));
    cluster_tag.tag_keys("cast-spot:cluster").send().await?;
    sqs.tag_queue().queue_url(&url).tags("cast-spot:stray", "theirs").send().await?;
    let rule = format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/cast-spot-interruption");
    let rule_tag =
        aws_sdk_eventbridge::types::Tag::builder().key("cast-spot:stray").value("theirs").build()?;
    stack.account.event_bridge.tag_resource().resource_arn(rule).tags(rule_tag).send().await?;
    let profiles = iam.list_instance_profiles().send().await?.instance_profiles;
    let profile =
        profiles.into_iter().find(|profile| profile.instance_profile_name.starts_with("cast-lab-eks-"));
    let profile = profile.context("the node role's instance profile")?.instance_profile_name;
    iam.tag_instance_profile().instance_profile_name(profile).set_tags(Some(tags.to_vec())).send().await?;
    let group = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/cast-spot");
    stack.account.logs.tag_resource().resource_arn(group).tags("cast-spot:stray", "theirs").send().await?;
    Ok(())
}

/// Actions that AWS authorizes and the emulators do not: passing a role, tags of created resources. Their grants are
/// tested in `tests/policies.rs`.
const NOT_ASKED: [&str; 16] = [
    "iam:PassRole",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "eks:TagResource",
    "eks:UntagResource",
    "events:TagResource",
    "iam:TagInstanceProfile",
    "iam:TagPolicy",
    "iam:TagRole",
    "iam:TagUser",
    "lambda:DeleteFunctionEventInvokeConfig",
    "lambda:GetFunctionEventInvokeConfig",
    "lambda:PutFunctionEventInvokeConfig",
    "lambda:ListTags",
    "logs:TagResource",
    "sqs:TagQueue",
];

/// Actions of other situations: a function in the VPC of a private endpoint, a cluster that was onboarded in the
/// other mode before, a policy with foreign attachments, foreign policies of the user, changed code of the function,
/// endpoints that do not fit into its environment, a permissions boundary that roles and users get later.
const ELSEWHERE: [&str; 24] = [
    "iam:ListUserPolicies",
    "iam:ListGroupsForUser",
    "iam:GetLoginProfile",
    "iam:PutRolePermissionsBoundary",
    "iam:PutUserPermissionsBoundary",
    "lambda:CreateAlias",
    "lambda:DeleteLayerVersion",
    "lambda:GetLayerVersion",
    "lambda:ListVersionsByFunction",
    "lambda:PublishLayerVersion",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateSecurityGroup",
    "ec2:CreateTags",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteTags",
    "ec2:DescribeRouteTables",
    "ec2:RevokeSecurityGroupIngress",
    "iam:ListAccessKeys",
    "iam:ListAttachedUserPolicies",
    "iam:ListEntitiesForPolicy",
    "iam:DeleteUserPolicy",
    "iam:UntagUser",
];

/// Runs all phases with exactly the policy; returns the calls of each.
async fn calls(stack: &Stack, mode: &'static str) -> Result<Vec<BTreeSet<String>>> {
    let situation = Situation::begin(stack).await?;
    let policy = policy(&situation, mode).await?;
    let administrator = Administrator::with(stack, &policy).await?;
    let mut calls = Vec::new();
    let mut seen = 0;
    for phase in life(&situation, mode) {
        phase.live(stack, &administrator.cli).await?.expect(phase.code)?;
        let all = stack.emulators.calls_of(&administrator.key)?;
        calls.push(all[seen..].iter().cloned().collect());
        seen = all.len();
    }
    administrator.leave().await?;
    situation.is_as_before().await?;
    Ok(calls)
}

pub(crate) async fn exactly_the_admin_policy_is_enough_in_both_modes(stack: &Stack) -> Result<()> {
    for mode in ["role", "user"] {
        let called: BTreeSet<_> = calls(stack, mode).await?.into_iter().flatten().collect();
        let situation = Situation::begin(stack).await?;
        let granted = actions(&policy(&situation, mode).await?);
        let excused = |action: &str| NOT_ASKED.contains(&action) || ELSEWHERE.contains(&action);
        let idle: Vec<_> = granted.difference(&called).filter(|action| !excused(action)).collect();
        ensure!(idle.is_empty(), "{mode}: granted and never called: {idle:#?}");
    }
    Ok(())
}

pub(crate) async fn a_missing_action_is_reported_by_the_first_command_needing_it(
    stack: &Stack,
) -> Result<()> {
    let mode = "role";
    let calls = calls(stack, mode).await?;
    let situation = Situation::begin(stack).await?;
    let whole = policy(&situation, mode).await?;
    let mut missed = Vec::new();
    for action in actions(&whole) {
        let Some(first) = calls.iter().position(|calls| calls.contains(&action)) else { continue };
        let mut policy = whole.clone();
        take_away(&mut policy, &action);
        let administrator = Administrator::with(stack, &policy).await?;
        let phases = life(&situation, mode);
        // Earlier phases are run with full rights; later ones, and those that only read, are left out.
        let needs_a_cluster = first > 1;
        if needs_a_cluster {
            phases[1].live(stack, &situation.cli).await?.expect(0)?;
        }
        let ended = phases[first].live(stack, &administrator.cli).await?;
        administrator.leave().await?;
        let output = format!("{}{}", ended.out, ended.err);
        ensure!(ended.code != Some(phases[first].code), "no command needs {action}: {output}");
        ensure!(
            output.contains(&action) && output.contains("cast-spot policy admin"),
            "without {action}: {output}"
        );
        if first > 0 {
            situation.cli.run(&["offboard", "--yes"]).await?.expect(0)?;
        }
        missed.push((action, COMMANDS[first]));
    }
    situation.is_as_before().await?;
    page::holds(stack, &missed)
}

/// The commands of [`life`] with a role.
const COMMANDS: [&str; 5] = [
    "1. `plan`",
    "2. `onboard`",
    "3. `onboard`, where something has changed",
    "4. `status`",
    "5. `offboard`",
];

fn take_away(policy: &mut Value, action: &str) {
    let Some(statements) = policy["Statement"].as_array_mut() else { return };
    for statement in statements.iter_mut() {
        if let Some(actions) = statement["Action"].as_array_mut() {
            actions.retain(|listed| listed != action);
        }
    }
    statements.retain(|statement| {
        statement["Action"] != action && statement["Action"].as_array().is_none_or(|list| !list.is_empty())
    });
}
