//! The ConfigMap `aws-auth`: read once for all of its entries, written with the version that was read.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Kubernetes, revision};
use crate::{
    aws_auth::{self, AwsAuthError, Data, Mapping, Section},
    facts::AuthenticationMode,
    observed::Found,
    provider::{Error, ErrorKind, Made},
    resource::{AwsAuth, MappingFields, Resource},
};

const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/aws-auth";
const NEW: &str = "/api/v1/namespaces/kube-system/configmaps";
/// How often an edit is begun again because somebody else was faster.
const ATTEMPTS: u32 = 5;

impl Kubernetes {
    /// A cluster that has access entries has none of ours in here, or old ones: one that cannot be read keeps nobody out
    /// of it, and nobody from onboarding it.
    pub(super) async fn mappings(
        &self,
        mode: AuthenticationMode,
        wanted: &[&Resource],
    ) -> Result<Vec<Found>, Error> {
        let entries: Vec<_> = wanted
            .iter()
            .filter_map(|resource| match resource {
                Resource::AwsAuth(AwsAuth { principal, mapping }) => Some((principal, mapping)),
                _ => None,
            })
            .collect();
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let Some(there) = self.read().await? else { return Ok(Vec::new()) };
        let data = data_of(&there);
        let mut found = Vec::new();
        for (principal, wanted) in entries {
            let section = Mapping::from(wanted).section;
            let mapping = match aws_auth::find(&data, section, &wanted.arn) {
                Err(_) if mode.has_api() => None,
                other => other.map_err(|error| refused(&error))?,
            };
            let Some(mapping) = mapping else { continue };
            let mapping = MappingFields {
                users: mapping.section == Section::MapUsers,
                arn: mapping.arn,
                username: mapping.username,
                groups: mapping.groups,
            };
            let resource = Resource::AwsAuth(AwsAuth { principal: principal.clone(), mapping });
            found.push(Found { resource, created: None, revision: revision(&there) });
        }
        Ok(found)
    }

    /// Puts an entry in, or in the place of the one of the same ARN.
    pub(super) async fn map(&self, mapping: &Mapping) -> Result<Made, Error> {
        self.edit(|data| aws_auth::add(data, mapping)).await
    }

    /// Takes it out.
    pub(super) async fn unmap(&self, mapping: &Mapping) -> Result<Made, Error> {
        self.edit(|data| aws_auth::remove(data, mapping.section, &mapping.arn)).await
    }

    /// Whoever else edits it meanwhile is not undone: the write names the version that was read, and is begun again
    /// where that is not the newest any more.
    async fn edit(
        &self,
        edited: impl Fn(&Data) -> Result<Option<Data>, AwsAuthError>,
    ) -> Result<Made, Error> {
        let mut overtaken = None;
        for _ in 0..ATTEMPTS {
            let there = self.read().await?;
            let before = there.as_ref().map(data_of).unwrap_or_default();
            let Some(after) = edited(&before).map_err(|error| refused(&error))? else {
                return Ok(Made::default());
            };
            match self.replace(there, &after).await {
                Ok(()) => return Ok(Made { backup: Some(backup(&before)), ..Made::default() }),
                Err(error) if error.reason == ErrorKind::Changed => overtaken = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(overtaken.unwrap_or_else(|| {
            Error::new(ErrorKind::Changed, "update configmaps", "aws-auth is edited by others all the time")
        }))
    }

    async fn read(&self) -> Result<Option<Value>, Error> {
        self.send("get configmaps", Method::GET, PATH, None).await
    }

    async fn replace(&self, there: Option<Value>, data: &Data) -> Result<(), Error> {
        let written = if let Some(mut config_map) = there {
            config_map["data"] = json!(data);
            self.write("update configmaps", Method::PUT, PATH, &config_map).await
        } else {
            let config_map = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": { "name": "aws-auth", "namespace": "kube-system" },
                "data": data,
            });
            self.write("create configmaps", Method::POST, NEW, &config_map).await
        };
        written.map(drop)
    }
}

fn data_of(config_map: &Value) -> Data {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let data = config_map["data"].as_object();
    data.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// As `kubectl apply -f` takes it. JSON is YAML, and keeps every byte of the texts in it.
fn backup(data: &Data) -> String {
    let mut config_map = Map::new();
    config_map.insert("apiVersion".to_owned(), json!("v1"));
    config_map.insert("kind".to_owned(), json!("ConfigMap"));
    config_map.insert("metadata".to_owned(), json!({ "name": "aws-auth", "namespace": "kube-system" }));
    config_map.insert("data".to_owned(), json!(data));
    serde_json::to_string_pretty(&config_map).unwrap_or_default()
}

/// With what can be done by hand.
fn refused(error: &AwsAuthError) -> Error {
    Error::other("get configmaps", format!("aws-auth in kube-system: {error}")).hint(error.hint())
}
