//! Versions of the function: the one before the last change of its code, under an alias, and the way back to it.

use aws_sdk_lambda::{
    Client,
    operation::get_function_configuration::GetFunctionConfigurationOutput,
    primitives::Blob,
    types::{Architecture, FunctionConfiguration},
};
use cast_spot_cloud::fetch;

use super::{
    architectures,
    settled::{settled, updated},
};
use crate::{
    names::{FUNCTION, PREVIOUS, PREVIOUS_DESCRIPTION as DESCRIPTION},
    provider::live::prelude::*,
    resource::{Code, CodeRecord},
};

/// What a rollback has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The version that it went back to.
    pub version: String,
    /// SHA-256 of the code that ran before, in base64.
    pub from: String,
    /// SHA-256 of the code that runs now, in base64.
    pub to: String,
    /// What is left although the rollback succeeded.
    pub warning: Option<String>,
}

/// The code that the alias has, and the function beside it.
struct Previous {
    rollback: RolledBack,
    location: String,
    architectures: Vec<Architecture>,
    before: GetFunctionConfigurationOutput,
}

/// A version that has been published, and the function's revision from then on.
pub(super) struct Published {
    pub(super) version: String,
    pub(super) revision: Option<String>,
}

/// Keeps code and settings as they are under a number. Where nothing has changed since the last time, Lambda gives
/// no new number.
pub(super) async fn publish(
    client: &Client,
    name: &str,
    before: &GetFunctionConfigurationOutput,
) -> Result<Published, Error> {
    let call_name = "lambda:PublishVersion";
    let call = client
        .publish_version()
        .function_name(name)
        .set_revision_id(before.revision_id().map(str::to_owned))
        .set_code_sha256(before.code_sha256().map(str::to_owned))
        .description(DESCRIPTION);
    let version = call.send().await.map_err(error::from_sdk(call_name))?.version.unwrap_or_default();
    let after = settled(client, name).await?;
    // The number may bring a new revision along, and nothing else.
    if before.code_sha256() == after.code_sha256() && before.environment() == after.environment() {
        return Ok(Published { version, revision: after.revision_id });
    }
    let message = format!("function {name} has been changed while it was published");
    Err(Error::changed(call_name, message))
}

/// Sets the alias on `version`.
pub(super) async fn set_previous(client: &Client, name: &str, version: &str) -> Result<(), Error> {
    let update = client.update_alias().function_name(name).name(PREVIOUS).function_version(version);
    if error::optional("lambda:UpdateAlias", update.send().await)?.is_some() {
        return Ok(());
    }
    let create = client.create_alias().function_name(name).name(PREVIOUS).function_version(version);
    create.send().await.map_err(error::from_sdk("lambda:CreateAlias")).map(drop)
}

/// Deletes the versions that onboardings before have published, and names what is left. The function is as wanted, so this
/// is not a failure: the next change tries again.
pub(super) async fn tidied(client: &Client, name: &str, kept: &str) -> Option<String> {
    let error = delete_versions_but(client, name, kept).await.err()?;
    Some(format!("versions with earlier code are left, which the next change of the code deletes: {error}"))
}

/// Deletes the versions that onboardings before have published. One that another alias has stays.
async fn delete_versions_but(client: &Client, name: &str, kept: &str) -> Result<(), Error> {
    let mut pages = client.list_versions_by_function().function_name(name).into_paginator().items().send();
    let mut old = Vec::new();
    while let Some(found) = pages.next().await {
        let found = found.map_err(error::from_sdk("lambda:ListVersionsByFunction"))?;
        let is_ours = found.description.as_deref() == Some(DESCRIPTION);
        old.extend(found.version.filter(|version| is_ours && version != kept));
    }
    for version in old {
        let call = client.delete_function().function_name(name).qualifier(version);
        match error::ok_if_absent("lambda:DeleteFunction", call.send().await) {
            Err(error) if error.reason == ErrorKind::Changed => {}
            other => other?,
        }
    }
    Ok(())
}

/// What a rollback changes.
pub(crate) async fn rollback(client: &Client, record: &CodeRecord) -> Result<RolledBack, Error> {
    Ok(previous(client, record).await?.rollback)
}

async fn previous(client: &Client, record: &CodeRecord) -> Result<Previous, Error> {
    const HINT: &str = "`cast-spot onboard --zip` with the zip of the earlier release brings it back";
    let call = "lambda:GetFunction";
    let answer = client.get_function().function_name(FUNCTION).qualifier(PREVIOUS).send().await;
    let Some(previous) = error::optional(call, answer)? else {
        let message =
            format!("function {FUNCTION} has no alias {PREVIOUS}, so its code was never changed here");
        return Err(Error::new(ErrorKind::Other, call, message).hint(HINT));
    };
    let location = previous.code.and_then(|code| code.location).unwrap_or_default();
    let configuration = previous.configuration.unwrap_or_else(|| FunctionConfiguration::builder().build());
    let before = settled(client, FUNCTION).await?;
    let code = |sha256: Option<&str>| sha256.unwrap_or_default().to_owned();
    let (from, to) = (code(before.code_sha256()), code(configuration.code_sha256()));
    let version = configuration.version().unwrap_or_default().to_owned();
    if from == to {
        let message =
            format!("version {version} has the code that runs already: there is nothing to go back to");
        return Err(Error::new(ErrorKind::Other, call, message).hint(HINT));
    }
    if !record.has(&to) {
        let message = format!(
            "version {version} has the code {to}, which is not on record: it is of an earlier release, or not cast-spot's"
        );
        return Err(Error::new(ErrorKind::Other, call, message).hint(HINT));
    }
    let architectures = configuration.architectures.unwrap_or_default();
    Ok(Previous {
        rollback: RolledBack { version, from, to, warning: None },
        location,
        architectures,
        before,
    })
}

/// Gives the function the code of the alias, and the alias the code that ran: once more goes forward again. Settings,
/// clusters and rules stay as they are. Code that is not on record is neither taken nor kept.
pub(crate) async fn roll_back(client: &Client, record: &CodeRecord) -> Result<RolledBack, Error> {
    let Previous { rollback, location, architectures, before } = previous(client, record).await?;
    let call = "lambda:GetFunction";
    let code = Code::of(fetch(call, &location).await?);
    let RolledBack { version, from, to, .. } = &rollback;
    if code.sha256 != *to {
        let message = format!("the zip of version {version} is not the one with SHA-256 {to}");
        return Err(Error::new(ErrorKind::Other, call, message).hint("run it again"));
    }
    let architecture = architectures.first().map(Architecture::as_str);
    if !record.has(from) {
        let warning = format!("the code {from} that ran is not kept: it is not on record");
        replace_code(client, FUNCTION, architecture, code.zip, before.revision_id).await?;
        updated(client, FUNCTION).await?;
        return Ok(RolledBack { warning: Some(warning), ..rollback });
    }
    let published = publish(client, FUNCTION, &before).await?;
    replace_code(client, FUNCTION, architecture, code.zip, published.revision).await?;
    updated(client, FUNCTION).await?;
    // Not before the code runs: a second try after a failure finds the same code under it.
    set_previous(client, FUNCTION, &published.version).await?;
    // Not an error: a second run would go forward again.
    let warning = tidied(client, FUNCTION, &published.version).await;
    Ok(RolledBack { warning, ..rollback })
}

pub(super) async fn replace_code(
    client: &Client,
    name: &str,
    architecture: Option<&str>,
    zip: Vec<u8>,
    revision: Option<String>,
) -> Result<(), Error> {
    let call = client
        .update_function_code()
        .function_name(name)
        .set_revision_id(revision)
        .set_architectures(architectures(architecture))
        .zip_file(Blob::new(zip));
    call.send().await.map_err(error::from_sdk("lambda:UpdateFunctionCode")).map(drop)
}

#[cfg(test)]
mod tests;
