//! Node objects. The JSON object is the truth, because clients patch it.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{spec::NodeSpec, watch::Watchers};
use crate::facts::PodId;

pub(super) const CORDON_TAINT: &str = "node.kubernetes.io/unschedulable";

/// One Node object, and what the world knows of the machine under it.
pub(crate) struct Node {
    pub(crate) instance: String,
    pub(crate) object: Value,
    pub(crate) capacity: usize,
    /// `false`: no kubelet moves anything here.
    pub(crate) alive: bool,
    /// Pods bound here that the API server still knows.
    pub(crate) pods: BTreeSet<PodId>,
    pub(crate) watchers: Watchers,
    serialised: Option<String>,
}

impl Node {
    pub(super) fn new(spec: &NodeSpec, name: &str, revision: u64) -> Self {
        let number: String = spec.instance.chars().filter(char::is_ascii_hexdigit).collect();
        let capacity_type = if spec.purchase.is_on_demand() { "ON_DEMAND" } else { "SPOT" };
        let mut object = json!({
            "metadata": {
                "name": name,
                "uid": format!("00000000-0000-4000-9000-{:0>12}", &number[number.len().saturating_sub(12)..]),
                "resourceVersion": revision.to_string(),
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/arch": "arm64",
                    "kubernetes.io/os": "linux",
                    "topology.kubernetes.io/zone": spec.zone,
                    "eks.amazonaws.com/capacityType": capacity_type,
                },
                "annotations": spec.annotations,
            },
            "spec": {
                "providerID": format!("aws:///{}/{}", spec.zone, spec.instance),
                "unschedulable": spec.unschedulable,
                "taints": spec.unschedulable.then(|| json!([{ "key": CORDON_TAINT, "effect": "NoSchedule" }])),
            },
            "status": {
                "capacity": { "pods": spec.capacity.to_string() },
                "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }],
                "addresses": [{ "type": "InternalDNS", "address": spec.private_dns_name }],
            },
        });
        for (label, value) in &spec.labels {
            object["metadata"]["labels"][label] = json!(value);
        }
        drop_empty(&mut object);
        Self {
            instance: spec.instance.clone(),
            object,
            capacity: spec.capacity,
            alive: true,
            pods: BTreeSet::new(),
            watchers: Watchers::default(),
            serialised: None,
        }
    }

    pub(crate) fn is_unschedulable(&self) -> bool {
        self.object["spec"]["unschedulable"] == true
    }

    /// Whether the scheduler may put one more pod here that tolerates every taint.
    pub(crate) fn has_room_for_tolerant(&self) -> bool {
        self.alive && self.pods.len() < self.capacity
    }

    /// Whether the scheduler may put one more pod here that tolerates no taint.
    pub(crate) fn has_room(&self) -> bool {
        let tainted = self.object["spec"]["taints"].as_array().is_some_and(|taints| {
            taints.iter().any(|t| t["effect"] == "NoSchedule" || t["effect"] == "NoExecute")
        });
        self.has_room_for_tolerant() && !tainted && !self.is_unschedulable()
    }

    /// The object as JSON text.
    pub(crate) fn json(&mut self) -> Bytes {
        let members = self.text().strip_prefix('{').unwrap_or_default();
        Bytes::from(format!("{{\"kind\":\"Node\",\"apiVersion\":\"v1\",{members}"))
    }

    /// Without its kind, as in a list; made once for each change.
    fn text(&mut self) -> &str {
        let object = &self.object;
        self.serialised.get_or_insert_with(|| object.to_string())
    }

    /// Adds the object as a list shows it, as large as `bytes` by the images on the node.
    pub(crate) fn list_into(&mut self, list: &mut String, bytes: usize) {
        const IMAGE: &str = r#"{"names":["registry.example/team/service@sha256:0"],"sizeBytes":1}"#;
        if bytes == 0 {
            list.push_str(self.text());
            return;
        }
        let text = self.object.to_string();
        // The status stands last, and ends with two braces.
        list.push_str(text.strip_suffix("}}").unwrap_or_default());
        list.push_str(",\"images\":[");
        for number in 0..bytes.saturating_sub(text.len()) / (IMAGE.len() + 1) {
            list.push_str(if number == 0 { "" } else { "," });
            list.push_str(IMAGE);
        }
        list.push_str("]}}");
    }

    pub(super) fn touch(&mut self, revision: u64) {
        self.object["metadata"]["resourceVersion"] = json!(revision.to_string());
        self.serialised = None;
    }

    pub(super) fn halt(&mut self, revision: u64) {
        self.alive = false;
        self.object["status"]["conditions"] =
            json!([{ "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown" }]);
        self.touch(revision);
    }
}

/// The API server leaves out what is empty or false.
pub(super) fn drop_empty(object: &mut Value) {
    let empty = [json!(null), json!(false), json!([]), json!({})];
    for (part, fields) in [("spec", ["unschedulable", "taints"]), ("metadata", ["labels", "annotations"])] {
        if let Some(part) = object[part].as_object_mut() {
            part.retain(|field, value| !fields.contains(&field.as_str()) || !empty.contains(value));
        }
    }
}
