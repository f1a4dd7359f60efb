//! The ConfigMap `aws-auth`: read once for all of its entries, written with the version that was read.

use http::Method;
use serde_json::{Value, json};

use super::AwsAuth;
use crate::{
    aws_auth::{self, AwsAuthError, Data},
    provider::{Kubernetes, live::prelude::*},
};

const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/aws-auth";
const NEW: &str = "/api/v1/namespaces/kube-system/configmaps";
/// How often an edit is retried after a concurrent one.
const ATTEMPTS: u32 = 5;

impl Live<Kubernetes> for AwsAuth {
    /// One ConfigMap has all entries. A cluster with access entries has none of ours in here, or old ones: there, one
    /// that cannot be read stops nothing.
    async fn observe(
        wanted: &[&Self],
        kubernetes: &Kubernetes,
        sight: &Sight<'_>,
    ) -> Vec<Result<Found, Error>> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let config_map = match read(kubernetes).await {
            Ok(Some(config_map)) => config_map,
            Ok(None) => return Vec::new(),
            Err(error) => return vec![Err(error)],
        };
        let (data, version) = (data_of(&config_map), &config_map["metadata"]["resourceVersion"]);
        let mut seen = Vec::new();
        for Self { principal, mapping } in wanted {
            match aws_auth::find(&data, mapping.section(), &mapping.arn) {
                Ok(None) => {}
                Err(_) if sight.mode.has_api() => {}
                Err(error) => return vec![Err(refused(&error))],
                Ok(Some(mapping)) => {
                    let found = Found::from(Self { principal: principal.clone(), mapping });
                    seen.push(Ok(Found { revision: version.as_str().map(str::to_owned), ..found }));
                }
            }
        }
        seen
    }

    /// In the place of the entry of the same ARN, if there is one.
    async fn create(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        edit(kubernetes, |data| aws_auth::add(data, &self.mapping)).await
    }

    async fn delete(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        edit(kubernetes, |data| aws_auth::remove(data, self.mapping.section(), &self.mapping.arn)).await
    }
}

/// A concurrent edit is kept: the write names the version that was read, and is begun again
/// where that is not the newest any more.
async fn edit(
    kubernetes: &Kubernetes,
    edited: impl Fn(&Data) -> Result<Option<Data>, AwsAuthError>,
) -> Result<Made, Error> {
    let mut overtaken = None;
    for _ in 0..ATTEMPTS {
        let there = read(kubernetes).await?;
        let before = there.as_ref().map(data_of).unwrap_or_default();
        let Some(after) = edited(&before).map_err(|error| refused(&error))? else {
            return Ok(Made::default());
        };
        match replace(kubernetes, there, &after).await {
            Ok(()) => return Ok(Made { backup: Some(backup(&before)), ..Made::default() }),
            Err(error) if error.reason == ErrorKind::Changed => overtaken = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(overtaken.unwrap_or_else(|| {
        Error::new(ErrorKind::Changed, "update configmaps", "aws-auth is edited by others all the time")
    }))
}

async fn read(kubernetes: &Kubernetes) -> Result<Option<Value>, Error> {
    kubernetes.get("get configmaps", PATH).await
}

async fn replace(kubernetes: &Kubernetes, there: Option<Value>, data: &Data) -> Result<(), Error> {
    let written = if let Some(mut config_map) = there {
        config_map["data"] = json!(data);
        kubernetes.write("update configmaps", Method::PUT, PATH, &config_map).await
    } else {
        kubernetes.write("create configmaps", Method::POST, NEW, &config_map_of(data)).await
    };
    written.map(drop)
}

fn data_of(config_map: &Value) -> Data {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let data = config_map["data"].as_object();
    data.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// As `kubectl apply -f` takes it. JSON is YAML, and keeps every byte of the texts in it.
fn backup(data: &Data) -> String {
    format!("{:#}", config_map_of(data))
}

fn config_map_of(data: &Data) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "aws-auth", "namespace": "kube-system" },
        "data": data,
    })
}

/// With what can be done by hand.
fn refused(error: &AwsAuthError) -> Error {
    Error::new(ErrorKind::Other, "get configmaps", format!("aws-auth in kube-system: {error}"))
        .hint(&error.hint)
}
