//! The administrator's policy: enough, and not one action more than enough.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use aws_sdk_iam::types::PolicyScopeType;
use cast_spot_real::{
    cli::Cli,
    stack::{FUNCTION, Stack},
};
use serde_json::Value;

use crate::situation::Situation;

const ADMINISTRATOR: &str = "administrator";

/// A user that may do what a policy says.
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

/// All that an administrator does in the life of a cluster, once; the first call that fails ends it.
async fn life(situation: &Situation<'_>, cli: &Cli, mode: &'static str) -> Result<Result<(), String>> {
    let onboarding = |command| if mode == "user" { situation.user(command) } else { situation.role(command) };
    let yes = vec!["--yes"];
    let mut calls = vec![
        (onboarding("plan"), 10),
        ([onboarding("onboard"), yes.clone()].concat(), 0),
        // Something of each kind has changed since.
        (
            [onboarding("onboard"), yes.clone(), vec!["--least-privilege", "--log-retention-days", "7"]]
                .concat(),
            0,
        ),
        (onboarding("status"), 1),
    ];
    if mode == "user" {
        calls.push(([onboarding("onboard"), yes.clone(), vec!["--rotate-key"]].concat(), 0));
    }
    calls.push((vec!["offboard", "--yes"], 0));
    for (index, (words, code)) in calls.iter().enumerate() {
        if index == 2 {
            drift(situation.stack).await?;
        }
        let ended = cli.run(words).await?;
        if ended.code != Some(*code) {
            return Ok(Err(format!("{words:?}: exit code {:?}\n{}\n{}", ended.code, ended.out, ended.err)));
        }
    }
    Ok(Ok(()))
}

/// Somebody has changed this and that.
async fn drift(stack: &Stack) -> Result<()> {
    let (iam, lambda) = (&stack.account.iam, &stack.account.lambda);
    lambda.update_function_configuration().function_name(FUNCTION).memory_size(128).send().await?;
    let arn = format!("arn:aws:iam::{}:policy/CastEKSPolicy", cast_spot_real::emulators::ACCOUNT);
    let nothing = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
    for _ in 0..4 {
        let version = iam.create_policy_version().policy_arn(&arn).policy_document(nothing);
        version.set_as_default(true).send().await?;
    }
    Ok(())
}

pub(crate) async fn exactly_the_admin_policy_is_enough_in_both_modes(stack: &Stack) -> Result<()> {
    for mode in ["role", "user"] {
        let situation = Situation::begin(stack).await?;
        let policy = policy(&situation, mode).await?;
        let administrator = Administrator::with(stack, &policy).await?;
        let lived = life(&situation, &administrator.cli, mode).await?;
        administrator.leave().await?;
        ensure!(lived.is_ok(), "{mode}: {}", lived.err().unwrap_or_default());
        situation.is_as_before().await?;
    }
    Ok(())
}

pub(crate) async fn without_any_one_of_its_actions_something_is_refused(stack: &Stack) -> Result<()> {
    let mut superfluous = Vec::new();
    for mode in ["role", "user"] {
        let situation = Situation::begin(stack).await?;
        let whole = policy(&situation, mode).await?;
        for action in actions(&whole) {
            let mut policy = whole.clone();
            take_away(&mut policy, &action);
            let administrator = Administrator::with(stack, &policy).await?;
            let lived = life(&situation, &administrator.cli, mode).await?;
            administrator.leave().await?;
            match lived {
                Ok(()) => superfluous.push(format!("{mode}: {action}")),
                // Said by its name, with the way to get it.
                Err(said) => {
                    ensure!(
                        said.contains(&action) && said.contains("cast-spot policy admin"),
                        "{action}: {said}"
                    );
                }
            }
            situation.cli.run(&["offboard", "--yes"]).await?.expect(0)?;
        }
        situation.is_as_before().await?;
    }
    ensure!(superfluous.is_empty(), "nobody misses {superfluous:#?}");
    Ok(())
}

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
