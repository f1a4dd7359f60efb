//! A request to an API server, and what it names.

use bytes::Bytes;
use http::{Method, header};

use super::{
    Reply, reviews,
    status::{self, About},
};
use crate::{facts::Operation, faults::Api};

/// A request, taken apart.
pub(super) struct Asked {
    pub(super) method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    pub(super) authorization: Option<String>,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// What a path names.
pub(super) enum Resource<'a> {
    Nodes,
    Node(&'a str),
    Pods(Option<&'a str>),
    Pod(&'a str, &'a str),
    Eviction(&'a str, &'a str),
    Events(&'a str),
    Budgets(Option<&'a str>),
    Reviews,
    Unknown,
}

impl Asked {
    pub(super) fn new(parts: &http::request::Parts, body: Bytes) -> Self {
        let header = |name| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let query = parts.uri.query().unwrap_or_default();
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().trim_matches('/').split('/').map(str::to_owned).collect(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            authorization: header(header::AUTHORIZATION),
            content_type: header(header::CONTENT_TYPE).unwrap_or_default(),
            body,
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_watch(&self) -> bool {
        matches!(self.parameter("watch"), Some("true" | "1"))
    }

    /// The node in a field selector on `spec.nodeName`.
    pub(super) fn selected_node(&self) -> Result<Option<&str>, Reply> {
        match self.parameter("fieldSelector").filter(|selector| !selector.is_empty()) {
            None => Ok(None),
            Some(selector) => {
                let node = selector.strip_prefix("spec.nodeName=").map(|node| node.trim_start_matches('='));
                let label = selector.split(['=', '!']).next().unwrap_or_default();
                let unknown = || status::bad_request(&format!("field label not supported: {label}"));
                node.map(Some).ok_or_else(unknown)
            }
        }
    }

    pub(super) fn resource(&self) -> Resource<'_> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path[..] {
            ["api", "v1", "nodes"] => Resource::Nodes,
            ["api", "v1", "nodes", name] => Resource::Node(name),
            ["api", "v1", "pods"] => Resource::Pods(None),
            ["api", "v1", "namespaces", ns, "pods"] => Resource::Pods(Some(ns)),
            ["api", "v1", "namespaces", ns, "pods", name] => Resource::Pod(ns, name),
            ["api", "v1", "namespaces", ns, "pods", name, "eviction"] => Resource::Eviction(ns, name),
            ["api", "v1", "namespaces", ns, "events"] => Resource::Events(ns),
            ["apis", "policy", "v1", "poddisruptionbudgets"] => Resource::Budgets(None),
            ["apis", "policy", "v1", "namespaces", ns, "poddisruptionbudgets"] => Resource::Budgets(Some(ns)),
            ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => Resource::Reviews,
            _ => Resource::Unknown,
        }
    }

    /// Verb and object in Kubernetes' terms.
    pub(super) fn about(&self) -> About<'_> {
        let on_list = match self.method {
            Method::POST => "create",
            _ if self.is_watch() => "watch",
            _ => "list",
        };
        let on_object = match self.method {
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            Method::PUT => "update",
            _ => "get",
        };
        let (verb, resource, group, namespace, name) = match self.resource() {
            Resource::Nodes => (on_list, "nodes", "", None, ""),
            Resource::Node(name) => (on_object, "nodes", "", None, name),
            Resource::Pods(ns) => (on_list, "pods", "", ns, ""),
            Resource::Pod(ns, name) => (on_object, "pods", "", Some(ns), name),
            Resource::Eviction(ns, name) => ("create", "pods/eviction", "", Some(ns), name),
            Resource::Events(ns) => (on_list, "events", "", Some(ns), ""),
            Resource::Budgets(ns) => (on_list, "poddisruptionbudgets", "policy", ns, ""),
            Resource::Reviews => (on_list, "selfsubjectaccessreviews", "authorization.k8s.io", None, ""),
            Resource::Unknown => (on_object, "unknown", "", None, ""),
        };
        About { verb, resource, group, namespace, name }
    }

    /// The object, for the trace.
    fn target(&self) -> String {
        match self.resource() {
            Resource::Nodes | Resource::Budgets(_) => String::new(),
            Resource::Node(name) | Resource::Events(name) => name.to_owned(),
            Resource::Pods(_) => self.parameter("fieldSelector").unwrap_or_default().to_owned(),
            Resource::Pod(ns, name) | Resource::Eviction(ns, name) => format!("{ns}/{name}"),
            Resource::Reviews => reviews::right(&self.body),
            Resource::Unknown => self.path.join("/"),
        }
    }

    /// Whether it is a patch of labels or annotations.
    pub(super) fn touches_metadata(&self) -> bool {
        self.method == Method::PATCH && String::from_utf8_lossy(&self.body).contains("\"/metadata/")
    }

    pub(super) fn operation(&self, cluster: &str) -> Operation {
        let About { verb, resource, .. } = self.about();
        Operation {
            api: Api::Kubernetes,
            cluster: Some(cluster.to_owned()),
            name: format!("{verb} {resource}"),
            target: self.target(),
            // A review is posted, and changes nothing.
            writes: self.method != Method::GET && !matches!(self.resource(), Resource::Reviews),
        }
    }
}
