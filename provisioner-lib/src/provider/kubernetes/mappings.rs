//! The ConfigMap `aws-auth`: read once for all of its entries, written with the version that was read.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Kubernetes, revision};
use crate::{
    aws_auth::{self, Data, Mapping, Section},
    plan::Found,
    provider::{Error, ErrorKind, Made},
    resource::{MappingFields, Resource},
};

const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/aws-auth";
const NEW: &str = "/api/v1/namespaces/kube-system/configmaps";
/// How often an edit is begun again because somebody else was faster.
const ATTEMPTS: u32 = 5;

impl Kubernetes {
    pub(super) async fn mappings(&self, wanted: &[&Resource]) -> Result<Vec<Found>, Error> {
        let entries: Vec<_> = wanted
            .iter()
            .filter_map(|resource| match resource {
                Resource::AwsAuth { principal, mapping } => Some((principal, mapping)),
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
            let mapping = aws_auth::find(&data, section, &wanted.arn)
                .map_err(|error| unreadable(&error.to_string()))?;
            let Some(mapping) = mapping else { continue };
            let mapping = MappingFields {
                users: mapping.section == Section::MapUsers,
                arn: mapping.arn,
                username: mapping.username,
                groups: mapping.groups,
            };
            let resource = Resource::AwsAuth { principal: principal.clone(), mapping };
            found.push(Found { resource, created: None, revision: revision(&there) });
        }
        Ok(found)
    }

    /// Puts an entry in, or in the place of the one of the same ARN.
    pub(super) async fn map(&self, mapping: &Mapping) -> Result<Made, Error> {
        self.edit(|data| aws_auth::add(data, mapping).map_err(|error| unreadable(&error.to_string()))).await
    }

    /// Takes it out.
    pub(super) async fn unmap(&self, mapping: &Mapping) -> Result<Made, Error> {
        self.edit(|data| {
            aws_auth::remove(data, mapping.section, &mapping.arn)
                .map_err(|error| unreadable(&error.to_string()))
        })
        .await
    }

    /// Whoever else edits it meanwhile is not undone: the write names the version that was read, and is begun again
    /// where that is not the newest any more.
    async fn edit(&self, edited: impl Fn(&Data) -> Result<Data, Error>) -> Result<Made, Error> {
        let mut overtaken = None;
        for _ in 0..ATTEMPTS {
            let there = self.read().await?;
            let before = there.as_ref().map(data_of).unwrap_or_default();
            let after = edited(&before)?;
            if after == before {
                return Ok(Made::default());
            }
            match self.write(there, &after).await {
                Ok(()) => return Ok(Made { backup: Some(backup(&before)), access_key: None }),
                Err(error) if error.reason == ErrorKind::Changed => overtaken = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(overtaken.unwrap_or_else(|| unreadable("it is edited by others all the time")))
    }

    async fn read(&self) -> Result<Option<Value>, Error> {
        self.send("get configmaps", Method::GET, PATH, None).await
    }

    async fn write(&self, there: Option<Value>, data: &Data) -> Result<(), Error> {
        match there {
            Some(mut config_map) => {
                config_map["data"] = json!(data);
                let written = self.send("update configmaps", Method::PUT, PATH, Some(&config_map)).await?;
                // Somebody has deleted it since.
                written
                    .map(drop)
                    .ok_or_else(|| Error::new(ErrorKind::Changed, "update configmaps", "aws-auth has gone"))
            }
            None => {
                let config_map = json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": { "name": "aws-auth", "namespace": "kube-system" },
                    "data": data,
                });
                self.send("create configmaps", Method::POST, NEW, Some(&config_map)).await.map(drop)
            }
        }
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

fn unreadable(problem: &str) -> Error {
    Error::new(ErrorKind::Other, "get configmaps", format!("aws-auth in kube-system: {problem}"))
        .hint("mend it with `kubectl -n kube-system edit configmap aws-auth`; nothing has been written")
}
