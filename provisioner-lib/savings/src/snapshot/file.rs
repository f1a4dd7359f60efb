//! The file of a snapshot: written by `--save-snapshot`, or printed by `kubectl get … -o json`.

use k8s_openapi::{
    Metadata,
    api::core::v1::{Container, PodSpec},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{MIRROR, NOT_EVICTABLE, Snapshot};
use crate::prices::{self, PriceList};

/// Schema of the file. Fields may be added to it, but not removed, and none changes its meaning.
pub const SCHEMA: &str = "cast-spot.snapshot/1";

/// A text that is not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON of something else.
    #[error("neither a snapshot (schema {SCHEMA}) nor a List of `kubectl get … -o json`, but {0}")]
    Other(String),
    /// A field has the wrong type or value.
    #[error("{0}")]
    Field(String),
}

/// Reads a file of prices, or takes those of a snapshot.
pub fn parse_prices(text: &str) -> Result<PriceList, prices::FileError> {
    let fault = |error: serde_json::Error| prices::FileError::Json(error.to_string());
    let mut document: Value = serde_json::from_str(text).map_err(fault)?;
    let prices: PriceList = if document["schema"] == prices::SCHEMA {
        serde_json::from_str(text).map_err(fault)?
    } else if document["schema"] == SCHEMA && document["prices"].is_object() {
        serde_json::from_value(document["prices"].take()).map_err(fault)?
    } else {
        return Err(prices::FileError::Other);
    };
    prices.check()?;
    Ok(prices)
}

impl Snapshot {
    /// Reads a file: a snapshot, or a list of `kubectl`.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| FileError::Json(error.to_string()))?;
        if document["schema"] == SCHEMA {
            let mut snapshot: Self =
                serde_json::from_str(text).map_err(|error| FileError::Field(error.to_string()))?;
            // It may have been edited by hand.
            snapshot
                .prices
                .iter()
                .try_for_each(PriceList::check)
                .map_err(|error| FileError::Field(error.to_string()))?;
            snapshot.tidy();
            return Ok(snapshot);
        }
        match (&document["kind"], document["items"].as_array()) {
            (Value::String(kind), Some(items)) if kind.ends_with("List") => Self::of_items(kind, items),
            _ => Err(FileError::Other(match (&document["schema"], &document["kind"]) {
                (Value::String(schema), _) => format!("the schema {schema}"),
                (_, Value::String(kind)) => format!("a {kind}"),
                _ => "nothing of the kind".to_owned(),
            })),
        }
    }

    /// A list of `kubectl get nodes,pods,… -A -o json`. Other kinds are ignored.
    fn of_items(list: &str, items: &[Value]) -> Result<Self, FileError> {
        let mut snapshot = Self { schema: SCHEMA.to_owned(), ..Self::default() };
        for (place, item) in items.iter().enumerate() {
            // Items of a list of one kind do not name it.
            let kind = item["kind"].as_str().unwrap_or_else(|| list.trim_end_matches("List"));
            let added = match kind {
                "Node" => add(&mut snapshot.nodes, item),
                "Pod" => add(&mut snapshot.pods, item),
                "Deployment" => add(&mut snapshot.deployments, item),
                "ReplicaSet" => add(&mut snapshot.replica_sets, item),
                "StatefulSet" => add(&mut snapshot.stateful_sets, item),
                "DaemonSet" => add(&mut snapshot.daemon_sets, item),
                "Job" => add(&mut snapshot.jobs, item),
                "PodDisruptionBudget" => add(&mut snapshot.pod_disruption_budgets, item),
                "Namespace" => add(&mut snapshot.namespaces, item),
                "PersistentVolume" => add(&mut snapshot.persistent_volumes, item),
                "PersistentVolumeClaim" => add(&mut snapshot.persistent_volume_claims, item),
                "StorageClass" => add(&mut snapshot.storage_classes, item),
                "CSINode" => add(&mut snapshot.csi_nodes, item),
                _ => Ok(()),
            };
            added.map_err(|error| FileError::Field(format!("items[{place}], a {kind}: {error}")))?;
        }
        snapshot.tidy();
        Ok(snapshot)
    }

    /// The text of the file.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|text| text + "\n")
    }

    /// Removes what is not needed and may be secret: commands, environment, annotations, managed fields.
    pub fn tidy(&mut self) {
        for pod in &mut self.pods {
            pod.metadata.managed_fields = None;
            if let Some(annotations) = &mut pod.metadata.annotations {
                let forbids = |name: &str| NOT_EVICTABLE.iter().any(|(kept, _)| *kept == name);
                annotations.retain(|name, _| name == MIRROR || forbids(name));
            }
            if let Some(status) = &mut pod.status {
                status.container_statuses = None;
                status.init_container_statuses = None;
                status.ephemeral_container_statuses = None;
            }
            let Some(spec) = &mut pod.spec else { continue };
            spec.ephemeral_containers = None;
            spec.host_aliases = None;
            spec.image_pull_secrets = None;
            strip_containers(spec);
        }
        strip_metadata(&mut self.nodes);
        for node in &mut self.nodes {
            if let Some(status) = &mut node.status {
                status.images = None;
            }
        }
        for set in &mut self.replica_sets {
            set.spec.iter_mut().for_each(|spec| spec.template = None);
        }
        let deployments = self.deployments.iter_mut();
        let templates = deployments
            .filter_map(|found| Some(&mut found.spec.as_mut()?.template))
            .chain(self.stateful_sets.iter_mut().filter_map(|found| Some(&mut found.spec.as_mut()?.template)))
            .chain(self.daemon_sets.iter_mut().filter_map(|found| Some(&mut found.spec.as_mut()?.template)))
            .chain(self.jobs.iter_mut().filter_map(|found| Some(&mut found.spec.as_mut()?.template)));
        templates.filter_map(|template| template.spec.as_mut()).for_each(strip_containers);
        strip_metadata(&mut self.deployments);
        strip_metadata(&mut self.replica_sets);
        strip_metadata(&mut self.stateful_sets);
        strip_metadata(&mut self.daemon_sets);
        strip_metadata(&mut self.jobs);
        strip_metadata(&mut self.pod_disruption_budgets);
        strip_metadata(&mut self.namespaces);
        strip_metadata(&mut self.persistent_volumes);
        strip_metadata(&mut self.persistent_volume_claims);
        strip_metadata(&mut self.storage_classes);
        strip_metadata(&mut self.csi_nodes);
    }
}

fn add<T: DeserializeOwned>(objects: &mut Vec<T>, item: &Value) -> serde_json::Result<()> {
    objects.push(T::deserialize(item)?);
    Ok(())
}

fn strip_metadata<T: Metadata<Ty = ObjectMeta>>(objects: &mut [T]) {
    for metadata in objects.iter_mut().map(Metadata::metadata_mut) {
        metadata.managed_fields = None;
        metadata.annotations = None;
    }
}

fn strip_containers(spec: &mut PodSpec) {
    spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()).for_each(strip);
}

/// Keeps names, images, ports and resources only.
fn strip(container: &mut Container) {
    *container = Container {
        name: std::mem::take(&mut container.name),
        image: container.image.take(),
        ports: container.ports.take(),
        resources: container.resources.take(),
        restart_policy: container.restart_policy.take(),
        ..Container::default()
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "web-1", "namespace": "shop",
                "annotations": { "karpenter.sh/do-not-disrupt": "true", "secret": "hunter2" },
                "managedFields": [{ "manager": "kubectl" }],
            },
            "spec": { "containers": [{
                "name": "web", "image": "web:1", "command": ["serve", "--token=hunter2"],
                "env": [{ "name": "PASSWORD", "value": "hunter2" }],
                "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } },
            }] },
        })
    }

    #[test]
    fn a_list_of_kubectl_is_read_without_secrets() {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": [
            pod(), { "kind": "Service", "metadata": { "name": "web" } },
            { "kind": "Node", "metadata": { "name": "n" } },
        ]});
        let snapshot = Snapshot::parse(&list.to_string()).unwrap();
        assert_eq!((snapshot.pods.len(), snapshot.nodes.len()), (1, 1));
        let text = snapshot.to_json().unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("do-not-disrupt") && text.contains("100m"), "{text}");
        assert_eq!(Snapshot::parse(&text).unwrap(), snapshot, "written and read again");
    }

    #[test]
    fn a_list_of_one_kind_is_read() {
        let list = json!({ "kind": "PodList", "items": [{ "metadata": { "name": "a" } }] });
        assert_eq!(Snapshot::parse(&list.to_string()).unwrap().pods.len(), 1);
    }

    #[test]
    fn another_document_is_refused_by_its_kind() {
        for (text, words) in [
            ("{", "not JSON"),
            ("[]", "nothing of the kind"),
            (r#"{"schema": "cast-spot.plan/1"}"#, "the schema cast-spot.plan/1"),
            (r#"{"kind": "Pod"}"#, "a Pod"),
            (r#"{"kind": "List", "items": [{"kind": "Pod", "spec": 7}]}"#, "items[0], a Pod"),
            (r#"{"schema": "cast-spot.snapshot/1", "nodes": 7}"#, "invalid type"),
        ] {
            let error = Snapshot::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn all_prices_below_zero_are_refused_at_once() {
        let price = |hourly: &str| json!({ "instanceType": "m5.large", "market": "spot", "hourly": hourly });
        let list = json!({
            "schema": prices::SCHEMA, "region": "eu-west-1", "types": [],
            "prices": [price("0.1"), price("-0.03"), price("0"), price("-1")],
        });
        let snapshot = json!({ "schema": SCHEMA, "prices": list });
        let read_as_snapshot = Snapshot::parse(&snapshot.to_string()).map(|_| ());
        for (case, error) in [
            ("a file of prices", parse_prices(&list.to_string()).unwrap_err().to_string()),
            ("those of a snapshot", parse_prices(&snapshot.to_string()).unwrap_err().to_string()),
            ("a snapshot", read_as_snapshot.unwrap_err().to_string()),
        ] {
            for words in ["prices[1].hourly", "-0.03", "prices[3].hourly", "-1.00", "m5.large", "hint: "] {
                assert!(error.contains(words), "{case}: {words}: {error}");
            }
            assert!(!error.contains("prices[0]") && !error.contains("prices[2]"), "{case}: {error}");
        }
    }
}
