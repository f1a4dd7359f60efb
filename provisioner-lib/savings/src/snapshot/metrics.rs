//! Usage of pods in the form of the metrics API (`metrics.k8s.io/v1beta1`), which `k8s-openapi` does not have.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    Metadata, NamespaceResourceScope, Resource,
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use serde::{Deserialize, Serialize};

/// What a pod uses, by container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodMetrics {
    /// Namespace and name of the pod.
    pub metadata: ObjectMeta,
    /// When it was measured.
    pub timestamp: Option<Timestamp>,
    /// The containers that were measured.
    pub containers: Vec<ContainerMetrics>,
}

/// What a container uses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerMetrics {
    /// Its name.
    pub name: String,
    /// CPU of the last moment, and the working set of its memory.
    pub usage: BTreeMap<String, Quantity>,
}

impl Resource for PodMetrics {
    const API_VERSION: &'static str = "metrics.k8s.io/v1beta1";
    const GROUP: &'static str = "metrics.k8s.io";
    const KIND: &'static str = "PodMetrics";
    const VERSION: &'static str = "v1beta1";
    const URL_PATH_SEGMENT: &'static str = "pods";
    type Scope = NamespaceResourceScope;
}

impl Metadata for PodMetrics {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
