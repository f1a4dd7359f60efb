//! Endpoints that do not fit into the function's environment.

use anyhow::{Result, ensure};
use aws_sdk_lambda::types::{Environment, Layer};
use cast_spot_real::{
    account::REGION,
    stack::{CLUSTER, FUNCTION, HANDLER_ROLE, Stack},
};
use serde_json::{Map, Value, json};

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

/// Registers two further clusters, whose endpoints leave no room in the environment.
async fn crowd(stack: &Stack) -> Result<()> {
    for name in OTHERS {
        let call = stack.account.iam.put_role_policy().role_name(HANDLER_ROLE).policy_document(NOTHING);
        call.policy_name(registration(name)).send().await?;
    }
    let endpoint = |name| json!({ "server": format!("https://{name}.example"), "ca": "A".repeat(1_800) });
    let endpoints = OTHERS.map(|name| (name.to_owned(), endpoint(name))).into_iter().collect();
    serve(stack, &[OTHERS[0], OTHERS[1], CLUSTER], &endpoints).await
}

/// Has the function list these clusters and endpoints.
async fn serve(stack: &Stack, clusters: &[&str], endpoints: &Map<String, Value>) -> Result<()> {
    let variables = Environment::builder()
        .variables("CAST_SPOT_CLUSTERS", clusters.join(","))
        .variables("CAST_SPOT_ENDPOINTS", serde_json::to_string(endpoints)?);
    let call = stack.account.lambda.update_function_configuration().function_name(FUNCTION);
    call.environment(variables.build()).send().await?;
    Ok(())
}

fn registration(cluster: &str) -> String {
    format!("cast-spot.{REGION}.{cluster}")
}

pub(crate) async fn endpoints_without_room_go_into_a_layer_and_back(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let lambda = &stack.account.lambda;
    let onboard = [situation.role("onboard"), vec!["--yes", "--json"]].concat();
    let plan = situation.role("plan");
    situation.onboard().await?;
    crowd(stack).await?;
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
    serve(stack, &[CLUSTER], &Map::new()).await?;
    situation.cli.run(&onboard).await?.expect(0)?;
    ensure!(attached(stack).await?.is_empty(), "{:?}", attached(stack).await?);
    let left = lambda.list_layer_versions().layer_name(OURS).send().await?;
    ensure!(left.layer_versions().is_empty(), "{left:?}");
    lambda.delete_layer_version().layer_name("theirs").version_number(1).send().await?;
    situation.end().await
}

/// A layer without files.
const ZIP: [u8; 22] = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
