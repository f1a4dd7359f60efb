//! Endpoints that do not fit into the function's environment.

use anyhow::{Result, ensure};
use aws_sdk_lambda::types::Layer;
use cast_spot_real::{
    account::REGION,
    stack::{FUNCTION, HANDLER_ROLE, Stack, create_cluster},
};

use crate::situation::Situation;

const OURS: &str = "cast-spot-endpoints";
const OTHERS: [&str; 2] = ["east", "west"];
const NOTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}"#;

/// ARNs of the function's layers, without the account.
async fn attached(stack: &Stack) -> Result<Vec<String>> {
    let found = stack.account.lambda.get_function_configuration().function_name(FUNCTION).send().await?;
    let name = |layer: &Layer| layer.arn()?.split_once(":layer:").map(|(_, name)| name.to_owned());
    Ok(found.layers().iter().filter_map(name).collect())
}

/// Creates two further clusters, whose certificate authorities leave no room in the environment.
async fn crowd(stack: &Stack) -> Result<()> {
    for name in OTHERS {
        stack.emulators.set_cluster(name, &format!("https://{name}.example"), &"A".repeat(1_350)).await?;
        if stack.account.eks.describe_cluster().name(name).send().await.is_err() {
            create_cluster(&stack.account, name).await?;
        }
    }
    Ok(())
}

fn registration(cluster: &str) -> String {
    format!("cast-spot.{REGION}.{cluster}")
}

pub(crate) async fn endpoints_without_room_go_into_a_layer_and_back(stack: &Stack) -> Result<()> {
    crowd(stack).await?;
    let situation = Situation::begin(stack).await?;
    let lambda = &stack.account.lambda;
    let onboard = [situation.role("onboard"), vec!["--yes", "--json"]].concat();
    let plan = situation.role("plan");
    situation.onboard().await?;
    for name in OTHERS {
        let call = stack.account.iam.put_role_policy().role_name(HANDLER_ROLE).policy_document(NOTHING);
        call.policy_name(registration(name)).send().await?;
    }
    situation.cli.run(&onboard).await?.expect(0)?;
    ensure!(attached(stack).await? == [format!("{OURS}:1")], "{:?}", attached(stack).await?);
    let again = situation.cli.run(&onboard).await?.expect(0)?.json()?;
    ensure!(again["written"] == 0, "the same content is published no second time: {again}");
    situation.cli.run(&plan).await?.expect(0)?;

    // A foreign layer has replaced it.
    let theirs = lambda.publish_layer_version().layer_name("theirs");
    let zip = aws_sdk_lambda::primitives::Blob::new(ZIP);
    let content = aws_sdk_lambda::types::LayerVersionContentInput::builder().zip_file(zip).build();
    let arn = theirs.content(content).send().await?.layer_version_arn;
    let call = lambda.update_function_configuration().function_name(FUNCTION);
    call.set_layers(arn.map(|arn| vec![arn])).send().await?;
    let drift = situation.cli.run(&plan).await?.expect(10)?;
    ensure!(drift.out.contains("other_layers"), "{}", drift.out);
    situation.cli.run(&onboard).await?.expect(0)?;
    ensure!(attached(stack).await? == [format!("{OURS}:1")], "theirs is taken off");

    for name in OTHERS {
        let call = stack.account.iam.delete_role_policy().role_name(HANDLER_ROLE);
        call.policy_name(registration(name)).send().await?;
    }
    situation.cli.run(&onboard).await?.expect(0)?;
    ensure!(attached(stack).await?.is_empty(), "{:?}", attached(stack).await?);
    let left = lambda.list_layer_versions().layer_name(OURS).send().await?;
    ensure!(left.layer_versions().is_empty(), "{left:?}");
    lambda.delete_layer_version().layer_name("theirs").version_number(1).send().await?;
    situation.end().await
}

/// A layer without files.
const ZIP: [u8; 22] = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
