//! An object of Kubernetes as it is written down, of whatever kind.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Id, Kind};

/// What stands in the place of a secret value.
pub const HIDDEN: &str = "(secret)";

/// An object with `apiVersion`, `kind` and `metadata`. What it holds that is secret is in nothing that is shown: not
/// in its JSON, nor in its debug output.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Manifest(Value);

impl Manifest {
    /// The object of `value`.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// All of it, secrets included: for the API server only.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Such as `Deployment`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Namespace; none of what belongs to the whole cluster.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0["metadata"]["namespace"].as_str()
    }

    /// A label's value.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0["metadata"]["labels"][name].as_str()
    }

    /// Whether its data are secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind() == "Secret"
    }

    /// Without what is secret, and without what the API server keeps in it for itself.
    #[must_use]
    pub fn public(&self) -> Value {
        let mut value = self.0.clone();
        if let Some(object) = value.as_object_mut() {
            object.remove("status");
        }
        if let Some(metadata) = value["metadata"].as_object_mut() {
            metadata.remove("managedFields");
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                // The whole object once more, a Secret's data with it.
                annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            }
        }
        if self.is_secret() {
            for part in ["data", "stringData"] {
                let entries = value[part].as_object_mut().into_iter().flat_map(Map::values_mut);
                entries.for_each(|entry| *entry = json!(HIDDEN));
            }
            // Reading a part that is not there has left a null.
            if let Some(object) = value.as_object_mut() {
                object.retain(|_, part| !part.is_null());
            }
        }
        value
    }

    /// What it is known by.
    pub(super) fn id(&self) -> Id {
        id(self.kind(), self.namespace(), self.name())
    }

    /// What it refers to: its namespace, the role and the accounts of a binding, the level of a FlowSchema, what a
    /// workload's pods are given.
    pub(super) fn needs(&self) -> Vec<Id> {
        let namespace = self.namespace();
        let within = |kind: &str, name: &Value| name.as_str().map(|name| id(kind, namespace, name));
        let mut needs: Vec<Id> = namespace.map(|name| id("Namespace", None, name)).into_iter().collect();
        let role = &self.0["roleRef"];
        needs.extend(match role["kind"].as_str() {
            Some("ClusterRole") => role["name"].as_str().map(|name| id("ClusterRole", None, name)),
            Some(kind) => within(kind, &role["name"]),
            None => None,
        });
        for subject in list(&self.0["subjects"]).filter(|subject| subject["kind"] == "ServiceAccount") {
            let name = subject["name"].as_str();
            needs.extend(name.map(|name| id("ServiceAccount", subject["namespace"].as_str(), name)));
        }
        let level = self.0["spec"]["priorityLevelConfiguration"]["name"].as_str();
        needs.extend(level.map(|name| id("PriorityLevelConfiguration", None, name)));
        let pod = &self.0["spec"]["template"]["spec"];
        needs.extend(within("ServiceAccount", &pod["serviceAccountName"]));
        for container in list(&pod["containers"]) {
            for from in list(&container["envFrom"]) {
                needs.extend(within("Secret", &from["secretRef"]["name"]));
                needs.extend(within("ConfigMap", &from["configMapRef"]["name"]));
            }
        }
        for volume in list(&pod["volumes"]) {
            needs.extend(within("Secret", &volume["secret"]["secretName"]));
            needs.extend(within("ConfigMap", &volume["configMap"]["name"]));
        }
        needs
    }
}

/// Id of an object: its kind, its namespace if it has one, its name.
pub(crate) fn id(kind: &str, namespace: Option<&str>, name: &str) -> Id {
    let within = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    Id::new(Kind::Manifest, format!("{kind}/{within}{name}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Serialize for Manifest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.public().serialize(serializer)
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Manifest").field(&self.public()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Resource;

    #[test]
    fn what_is_secret_is_in_nothing_that_is_shown() {
        let secret = Manifest::new(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "s",
                "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "dG9rZW4=", "a": "b" },
            },
            "data": { "API_KEY": "dG9rZW4=" },
            "stringData": { "API_KEY": "token" },
        }));
        let resource = Resource::Manifest { manifest: secret.clone() };
        let shown = format!("{}{secret:?}{resource:?}", serde_json::to_string(&resource).unwrap());
        assert!(!shown.contains("dG9rZW4=") && !shown.contains("token"), "{shown}");
        assert!(shown.contains("API_KEY") && shown.contains(HIDDEN), "its names may be seen: {shown}");
    }

    #[test]
    fn a_binding_needs_its_role_and_its_accounts_and_a_workload_what_its_pods_are_given() {
        let names = |value: Value| -> Vec<String> {
            let manifest = Manifest::new(value);
            manifest.needs().into_iter().map(|id| id.name).collect()
        };
        let binding = json!({
            "kind": "RoleBinding",
            "metadata": { "name": "b", "namespace": "n" },
            "roleRef": { "kind": "Role", "name": "r" },
            "subjects": [{ "kind": "ServiceAccount", "name": "a", "namespace": "m" }, { "kind": "Group", "name": "g" }],
        });
        assert_eq!(names(binding), ["Namespace/n", "Role/n/r", "ServiceAccount/m/a"]);
        let workload = json!({
            "kind": "Deployment",
            "metadata": { "name": "d", "namespace": "n" },
            "spec": { "template": { "spec": {
                "serviceAccountName": "a",
                "containers": [{ "envFrom": [{ "secretRef": { "name": "s" } }] }],
                "volumes": [{ "configMap": { "name": "c" } }, { "emptyDir": {} }],
            } } },
        });
        assert_eq!(names(workload), ["Namespace/n", "ServiceAccount/n/a", "Secret/n/s", "ConfigMap/n/c"]);
        let role = json!({
            "kind": "ClusterRoleBinding",
            "metadata": { "name": "b" },
            "roleRef": { "kind": "ClusterRole", "name": "r" },
        });
        assert_eq!(names(role), ["ClusterRole/r"]);
        let schema = json!({
            "kind": "FlowSchema",
            "metadata": { "name": "f" },
            "spec": { "priorityLevelConfiguration": { "name": "p" } },
        });
        assert_eq!(names(schema), ["PriorityLevelConfiguration/p"]);
    }
}
