//! Endpoints that do not fit into the function's environment.

use anyhow::{Result, ensure};
use aws_sdk_lambda::types::Layer;
use cast_spot_real::stack::{FUNCTION, Stack};

use crate::situation::Situation;

const OURS: &str = "cast-spot-endpoints";

/// ARNs of the function's layers, without the account.
async fn attached(stack: &Stack) -> Result<Vec<String>> {
    let found = stack.account.lambda.get_function_configuration().function_name(FUNCTION).send().await?;
    let name = |layer: &Layer| layer.arn()?.split_once(":layer:").map(|(_, name)| name.to_owned());
    Ok(found.layers().iter().filter_map(name).collect())
}

pub(crate) async fn endpoints_without_room_go_into_a_layer_and_back(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let lambda = &stack.account.lambda;
    let filler = format!("FILLER={}", "x".repeat(3_950));
    let onboard = |more: &'static [&'static str]| {
        [situation.role("onboard"), vec!["--yes", "--json"], more.to_vec()].concat()
    };
    let crowded = [onboard(&[]), vec!["--env", &filler]].concat();
    situation.cli.run(&crowded).await?.expect(0)?;
    ensure!(attached(stack).await? == [format!("{OURS}:1")], "{:?}", attached(stack).await?);
    let again = situation.cli.run(&onboard(&[])).await?.expect(0)?.json()?;
    ensure!(again["written"] == 0, "the same content is published no second time: {again}");
    situation.cli.run(&situation.role("status")).await?.expect(0)?;

    // A foreign layer has replaced it.
    let theirs = lambda.publish_layer_version().layer_name("theirs");
    let zip = aws_sdk_lambda::primitives::Blob::new(ZIP);
    let content = aws_sdk_lambda::types::LayerVersionContentInput::builder().zip_file(zip).build();
    let arn = theirs.content(content).send().await?.layer_version_arn;
    lambda
        .update_function_configuration()
        .function_name(FUNCTION)
        .set_layers(arn.map(|arn| vec![arn]))
        .send()
        .await?;
    let status = situation.cli.run(&situation.role("status")).await?.expect(1)?;
    ensure!(status.out.contains("layer"), "{}", status.out);
    situation.cli.run(&onboard(&[])).await?.expect(0)?;
    ensure!(attached(stack).await? == ["theirs:1".to_owned(), format!("{OURS}:1")], "theirs is kept");

    situation.cli.run(&onboard(&["--env", "FILLER="])).await?.expect(0)?;
    ensure!(attached(stack).await? == ["theirs:1"], "{:?}", attached(stack).await?);
    let left = lambda.list_layer_versions().layer_name(OURS).send().await?;
    ensure!(left.layer_versions().is_empty(), "{left:?}");
    lambda.delete_layer_version().layer_name("theirs").version_number(1).send().await?;
    situation.end().await
}

/// A layer without files.
const ZIP: [u8; 22] = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
