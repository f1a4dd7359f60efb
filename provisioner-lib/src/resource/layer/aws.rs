//! The layer with endpoints: its versions, their content, and the one that the function has.

use aws_sdk_lambda::{
    Client,
    primitives::Blob,
    types::{FunctionConfiguration, Layer as Attached, LayerVersionContentInput},
};

use super::Layer;
use crate::{names::LAYER, provider::live::prelude::*, resource::Code};

/// Versions are known as ours by it: layers have no tags.
const DESCRIPTION: &str = "Endpoints of cast-spot";

/// A version of our layer.
struct Version {
    number: i64,
    arn: String,
    sha256: String,
}

/// Number of a version of our layer, which is in the region and account of `function`, by its ARN.
fn number(arn: &str, function: &FunctionConfiguration) -> Option<i64> {
    let (place, _) = function.function_arn()?.split_once(":function:")?;
    arn.strip_prefix(place)?.strip_prefix(&format!(":layer:{LAYER}:"))?.parse().ok()
}

/// ARNs of the layers of a function.
fn arns(function: &FunctionConfiguration) -> impl Iterator<Item = &str> {
    function.layers().iter().filter_map(Attached::arn)
}

impl Live<Client> for Layer {
    /// One list shows them all.
    async fn observe(wanted: &[&Self], client: &Client, _: &Sight<'_>) -> Vec<Result<Found, Error>> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let versions = match layers(client).await {
            Ok(versions) => versions,
            Err(error) => return vec![Err(error)],
        };
        let there = wanted.iter().filter(|layer| versions.contains(&layer.code.sha256));
        let found = there.map(|layer| {
            Ok(Found::from(Self { name: layer.name.clone(), code: Code::known(&layer.code.sha256) }))
        });
        found.collect()
    }

    /// What is published already, by a run that has ended before it was attached, is published no second time.
    async fn create(&self, client: &Client) -> Result<Made, Error> {
        if !layers(client).await?.contains(&self.code.sha256) {
            let zip = Blob::new(self.code.zip.clone());
            let content = LayerVersionContentInput::builder().zip_file(zip).build();
            let call = client.publish_layer_version().layer_name(&self.name).description(DESCRIPTION);
            let answer = call.content(content).send().await;
            answer.map_err(error::from_sdk("lambda:PublishLayerVersion"))?;
        }
        Ok(Made::default())
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let versions = versions(client).await?;
        for version in versions.iter().filter(|version| version.sha256 == self.code.sha256) {
            let call = client.delete_layer_version().layer_name(&self.name).version_number(version.number);
            error::ok_if_absent("lambda:DeleteLayerVersion", call.send().await)?;
        }
        Ok(Made::default())
    }
}

/// SHA-256 of all versions of our layer.
pub(crate) async fn layers(client: &Client) -> Result<Vec<String>, Error> {
    Ok(versions(client).await?.into_iter().map(|version| version.sha256).collect())
}

async fn versions(client: &Client) -> Result<Vec<Version>, Error> {
    let call = "lambda:ListLayerVersions";
    let mut pages = client.list_layer_versions().layer_name(LAYER).into_paginator().items().send();
    let mut versions = Vec::new();
    while let Some(version) = pages.next().await {
        let Some(version) = error::optional(call, version)? else { break };
        let (number, Some(arn)) = (version.version, version.layer_version_arn) else { continue };
        if version.description.as_deref() != Some(DESCRIPTION) {
            continue;
        }
        if let Some(sha256) = content(client, number).await? {
            versions.push(Version { number, arn, sha256 });
        }
    }
    Ok(versions)
}

/// SHA-256 of a version; None if it has been deleted.
async fn content(client: &Client, number: i64) -> Result<Option<String>, Error> {
    let call = client.get_layer_version().layer_name(LAYER).version_number(number);
    let found = error::optional("lambda:GetLayerVersion", call.send().await)?;
    let content = found.and_then(|found| found.content);
    Ok(content.map(|content| content.code_sha256.unwrap_or_default()))
}

/// SHA-256 of our layer among those of a function; the ARN of one that has been deleted since.
pub(crate) async fn attached(
    client: &Client,
    function: &FunctionConfiguration,
) -> Result<Option<String>, Error> {
    let mut ours = arns(function).filter_map(|arn| Some((arn, number(arn, function)?)));
    let Some((arn, number)) = ours.next() else { return Ok(None) };
    let found = content(client, number).await?;
    Ok(Some(found.unwrap_or_else(|| arn.to_owned())))
}

/// ARNs of layers of a function that are not ours.
pub(crate) fn others(function: &FunctionConfiguration) -> Vec<String> {
    arns(function).filter(|arn| number(arn, function).is_none()).map(str::to_owned).collect()
}

/// The layers of a function: ours, if it is wanted.
pub(crate) async fn exactly(client: &Client, wanted: Option<&str>) -> Result<Vec<String>, Error> {
    match wanted {
        Some(sha256) => Ok(vec![version(client, sha256).await?.arn]),
        None => Ok(Vec::new()),
    }
}

/// The version with this content. Where another run has deleted it, a new look is needed.
async fn version(client: &Client, sha256: &str) -> Result<Version, Error> {
    let found = versions(client).await?.into_iter().find(|version| version.sha256 == sha256);
    found.ok_or_else(|| {
        let message = format!("layer {LAYER} has no version with SHA-256 {sha256} any more");
        Error::changed("lambda:ListLayerVersions", message)
    })
}

#[cfg(test)]
mod tests;
