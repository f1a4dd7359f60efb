//! What others have in a namespace that would go with it.

use futures_util::future::{join_all, try_join_all};
use serde_json::Value;

use super::{Error, ErrorKind, Kubernetes};
use crate::names::{LABEL_MANAGED_BY, MANAGED};

/// Kubernetes itself puts these into every namespace.
const OF_EVERY_NAMESPACE: [&str; 2] = ["ServiceAccount/default", "ConfigMap/kube-root-ca.crt"];
/// A record of what has happened to others.
const RECORD: &str = "Event";

/// A kind of object that can be listed.
struct Listed {
    path: String,
    plural: String,
    kind: String,
}

impl Kubernetes {
    /// Objects of every kind that the API server has, each as kind and name, that are neither managed by cast-spot nor
    /// owned by another object.
    pub(in crate::provider) async fn unmanaged_objects(&self, namespace: &str) -> Result<Vec<String>, Error> {
        let mut versions = vec!["/api/v1".to_owned()];
        let groups = self.get("get /apis", "/apis").await?.unwrap_or_default();
        versions.extend(items(&groups["groups"]).filter_map(|group| {
            group["preferredVersion"]["groupVersion"].as_str().map(|version| format!("/apis/{version}"))
        }));
        let (mut kinds, mut found) = (Vec::new(), Vec::new());
        for (version, answer) in
            versions.iter().zip(join_all(versions.iter().map(|version| self.kinds(version))).await)
        {
            match answer {
                Ok(more) => kinds.extend(more),
                // An aggregated API that is down. Its objects still exist, and Kubernetes itself deletes no namespace
                // before it answers ("Namespaces" in the Kubernetes documentation: finalizers).
                Err(error) if error.reason == ErrorKind::Unreachable && version.starts_with("/apis/") => {
                    found.push(format!(
                        "whatever {} holds, which does not answer",
                        version.replace("/apis/", "")
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        let own = try_join_all(kinds.iter().map(|kind| self.own(namespace, kind))).await?;
        found.extend(own.into_iter().flatten());
        // A kind may be served by two groups.
        found.sort();
        found.dedup();
        Ok(found)
    }

    async fn kinds(&self, version: &str) -> Result<Vec<Listed>, Error> {
        let answer = self.get(&format!("get {version}"), version).await?.unwrap_or_default();
        let can = |resource: &Value, verb: &str| items(&resource["verbs"]).any(|own| own == verb);
        let resources = items(&answer["resources"]).filter(|resource| {
            // What can be listed but not deleted is made up by the API server, such as metrics.
            let is_somebodys = can(resource, "list") && can(resource, "delete");
            resource["namespaced"] == true && resource["kind"] != RECORD && is_somebodys
        });
        let listed = |resource: &Value| {
            Some(Listed {
                path: version.to_owned(),
                plural: resource["name"].as_str()?.to_owned(),
                kind: resource["kind"].as_str()?.to_owned(),
            })
        };
        Ok(resources.filter_map(listed).collect())
    }

    async fn own(&self, namespace: &str, kind: &Listed) -> Result<Vec<String>, Error> {
        let path = format!("{}/namespaces/{namespace}/{}", kind.path, kind.plural);
        let list = self.get(&format!("list {}", kind.plural), &path).await?.unwrap_or_default();
        let found = items(&list["items"]).filter(|object| is_somebodys(object));
        let found = found.filter_map(|object| object["metadata"]["name"].as_str());
        let found = found.map(|name| format!("{}/{name}", kind.kind));
        Ok(found.filter(|name| !OF_EVERY_NAMESPACE.contains(&name.as_str())).collect())
    }
}

/// Whether an object is not ours, does not go with another one, and is not on its way out.
fn is_somebodys(object: &Value) -> bool {
    let metadata = &object["metadata"];
    metadata["labels"][LABEL_MANAGED_BY] != MANAGED
        && items(&metadata["ownerReferences"]).next().is_none()
        && metadata["deletionTimestamp"].is_null()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
