//! Objects of Kubernetes, of whatever kind, by server-side apply.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Changes, Describe, Id, Kind};
use crate::names::{HANDLER_RBAC, LABEL_MANAGED_BY, LABEL_NAME};

mod commands;
mod compare;
mod kubernetes;

pub use compare::RECREATE_REASON;
use compare::merged;

/// Shown in the place of a secret value.
pub const HIDDEN: &str = "(secret)";

/// An object with `apiVersion`, `kind` and `metadata`. Fields that it does not name are taken off, but for what the API
/// server fills in and what others may set: labels and annotations, sizes. Secret values are neither in its JSON nor in
/// its debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(serialize_with = "public")]
    manifest: Value,
}

impl Manifest {
    /// The object of `value`.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self { manifest: value }
    }

    /// All of it, secrets included: for the API server only.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.manifest
    }

    /// Such as `Deployment`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.manifest["kind"].as_str().unwrap_or_default()
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.manifest["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Namespace; none of what belongs to the whole cluster.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.manifest["metadata"]["namespace"].as_str()
    }

    /// A label's value.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.manifest["metadata"]["labels"][name].as_str()
    }

    /// Whether its data are secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind() == "Secret"
    }

    /// Without what is secret, and without what the API server keeps in it for itself.
    #[must_use]
    pub fn public(&self) -> Value {
        let mut value = self.manifest.clone();
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

    /// Whether it has to be replaced where it is adopted: an apply would leave what others have put into it and it
    /// does not name, such as variables, volumes and annotations that give rights. A namespace keeps its content, and
    /// the RBAC of the handler is changed in place, so that it keeps its rights.
    #[must_use]
    pub fn is_recreated(&self) -> bool {
        self.kind() != "Namespace" && !self.is_handlers_rbac()
    }

    fn is_handlers_rbac(&self) -> bool {
        self.kind().starts_with("ClusterRole") && self.name() == HANDLER_RBAC
    }
}

impl Describe for Manifest {
    /// Begins with the kind of the object.
    fn id_name(&self) -> String {
        manifest_id(self.kind(), self.namespace(), self.name()).name
    }

    /// RBAC of the handler has had the label of its application alone ever since.
    fn owner_label(&self) -> Option<&'static str> {
        Some(if self.is_handlers_rbac() { LABEL_NAME } else { LABEL_MANAGED_BY })
    }

    /// The objects that it refers to: its namespace, the role and the accounts of a binding, the policy of one, the
    /// level of a FlowSchema, what the pods of a workload read, and what bounds them: objects that have their namespace's
    /// name.
    fn needs(&self) -> Vec<Id> {
        let id = manifest_id;
        let namespace = self.namespace();
        let within = |kind: &str, name: &Value| name.as_str().map(|name| id(kind, namespace, name));
        let mut needs: Vec<Id> = namespace.map(|name| id("Namespace", None, name)).into_iter().collect();
        let role = &self.manifest["roleRef"];
        needs.extend(match role["kind"].as_str() {
            Some("ClusterRole") => role["name"].as_str().map(|name| id("ClusterRole", None, name)),
            Some(kind) => within(kind, &role["name"]),
            None => None,
        });
        for subject in list(&self.manifest["subjects"]).filter(|subject| subject["kind"] == "ServiceAccount")
        {
            let name = subject["name"].as_str();
            needs.extend(name.map(|name| id("ServiceAccount", subject["namespace"].as_str(), name)));
        }
        let level = self.manifest["spec"]["priorityLevelConfiguration"]["name"].as_str();
        needs.extend(level.map(|name| id("PriorityLevelConfiguration", None, name)));
        let policy = self.manifest["spec"]["policyName"].as_str();
        needs.extend(policy.map(|name| id("ValidatingAdmissionPolicy", None, name)));
        let pod = &self.manifest["spec"]["template"]["spec"];
        needs.extend(within("ServiceAccount", &pod["serviceAccountName"]));
        if pod.is_object()
            && let Some(name) = namespace
        {
            needs.extend(
                ["ResourceQuota", "LimitRange", "NetworkPolicy"].map(|kind| id(kind, namespace, name)),
            );
        }
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

    /// What names the handler by its user follows what makes it that user, so that an upgrade never leaves it without its
    /// rights: before, it is known by its group. The API server remembers for minutes whom a token stands for, but an
    /// updated function has new ones.
    fn follows(&self) -> &'static [Kind] {
        let rules = list(&self.manifest["spec"]["rules"]).flat_map(|rule| list(&rule["subjects"]));
        let mut subjects = list(&self.manifest["subjects"]).chain(rules);
        if subjects.any(|subject| subject["kind"] == "User") {
            &[Kind::AccessEntry, Kind::AwsAuth, Kind::Function]
        } else {
            &[]
        }
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        compare::compare(self, found, changes);
    }

    fn immutable(&self) -> &'static [&'static str] {
        compare::immutable(self.kind())
    }
}

/// Id of an object: its kind, its namespace if it has one, its name.
pub(crate) fn manifest_id(kind: &str, namespace: Option<&str>, name: &str) -> Id {
    let within = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    Id::new(Kind::Manifest, format!("{kind}/{within}{name}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn public<S: Serializer>(manifest: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    Manifest::new(manifest.clone()).public().serialize(serializer)
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
        let resource = Resource::Manifest(secret.clone());
        let shown = format!("{}{secret:?}{resource:?}", serde_json::to_string(&resource).unwrap());
        assert!(!shown.contains("dG9rZW4=") && !shown.contains("token"), "{shown}");
        assert!(shown.contains("API_KEY") && shown.contains(HIDDEN), "its names may be seen: {shown}");
    }

    #[test]
    fn objects_need_what_they_refer_to() {
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
        assert_eq!(
            names(workload),
            [
                "Namespace/n",
                "ServiceAccount/n/a",
                "ResourceQuota/n/n",
                "LimitRange/n/n",
                "NetworkPolicy/n/n",
                "Secret/n/s",
                "ConfigMap/n/c"
            ]
        );
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
        let policy = json!({
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": "b" },
            "spec": { "policyName": "p" },
        });
        assert_eq!(names(policy), ["ValidatingAdmissionPolicy/p"]);
    }
}
