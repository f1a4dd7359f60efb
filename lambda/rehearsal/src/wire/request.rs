//! A request to an API server, and what it names.

use bytes::Bytes;
use http::{Method, header};
use serde_json::Value;

use crate::{
    facts::{Call, Operation},
    faults::Api,
    world::{clusters::Cluster, state::State},
};

/// A request, taken apart.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) verb: &'static str,
    /// API group; empty: the core.
    pub(super) group: String,
    /// Empty: the request is for the whole cluster.
    pub(super) namespace: String,
    /// With its subresource.
    pub(super) resource: String,
    /// Empty for a list, or what does not exist yet.
    pub(super) name: String,
    query: Vec<(String, String)>,
    pub(super) authorization: Option<String>,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// A request at its API server.
pub(super) struct Visit<'a> {
    pub(super) asked: &'a Asked,
    pub(super) state: &'a mut State,
    /// Index of the cluster.
    pub(super) index: usize,
    pub(super) call: &'a Call,
}

impl Visit<'_> {
    pub(super) fn cluster(&mut self) -> &mut Cluster {
        &mut self.state.clusters[self.index]
    }
}

impl Asked {
    pub(super) fn new(parts: &http::request::Parts, body: Bytes) -> Self {
        let header = |name| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
        let (group, path) = match &path[..] {
            ["api", "v1", path @ ..] => ("", path),
            ["apis", group, "v1", path @ ..] => (*group, path),
            _ => ("", &[][..]),
        };
        let (namespace, path) = match path {
            ["namespaces", namespace, path @ ..] => (*namespace, path),
            path => ("", path),
        };
        let (resource, name) = match path {
            [resource] => ((*resource).to_owned(), ""),
            [resource, name] => ((*resource).to_owned(), *name),
            [resource, name, sub] => (format!("{resource}/{sub}"), *name),
            _ => ("unknown".to_owned(), ""),
        };
        let mut this = Self {
            verb: "",
            group: group.to_owned(),
            namespace: namespace.to_owned(),
            resource,
            name: name.to_owned(),
            query: query.into_owned().collect(),
            authorization: header(header::AUTHORIZATION),
            content_type: header(header::CONTENT_TYPE).unwrap_or_default(),
            body,
        };
        this.verb = match parts.method {
            Method::POST => "create",
            Method::PATCH => "patch",
            Method::PUT => "update",
            Method::DELETE if name.is_empty() => "deletecollection",
            Method::DELETE => "delete",
            _ if !name.is_empty() => "get",
            _ if matches!(this.parameter("watch"), Some("true" | "1")) => "watch",
            _ => "list",
        };
        this
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Verb and resource that a SelfSubjectAccessReview asks for, as calls are named.
    pub(super) fn reviewed_right(&self) -> String {
        let review: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let attributes = &review["spec"]["resourceAttributes"];
        let text = |field: &str| attributes[field].as_str().unwrap_or_default();
        let (verb, resource) = (text("verb"), text("resource"));
        match text("subresource") {
            "" => format!("{verb} {resource}"),
            sub => format!("{verb} {resource}/{sub}"),
        }
    }

    /// The object, for the trace.
    fn target(&self) -> String {
        match (self.resource.as_str(), self.namespace.as_str(), self.name.as_str()) {
            ("selfsubjectaccessreviews", ..) => self.reviewed_right(),
            ("pods", _, "") => self.parameter("fieldSelector").unwrap_or_default().to_owned(),
            ("events", namespace, _) => namespace.to_owned(),
            (_, "", name) => name.to_owned(),
            (_, _, "") => String::new(),
            (_, namespace, name) => format!("{namespace}/{name}"),
        }
    }

    /// Whether it is a patch of labels or annotations.
    pub(super) fn touches_metadata(&self) -> bool {
        self.verb == "patch" && String::from_utf8_lossy(&self.body).contains("\"/metadata/")
    }

    pub(super) fn operation(&self, cluster: &str) -> Operation {
        Operation {
            api: Api::Kubernetes,
            cluster: Some(cluster.to_owned()),
            name: format!("{} {}", self.verb, self.resource),
            target: self.target(),
            // A review is posted, and changes nothing.
            writes: !matches!(self.verb, "get" | "list" | "watch")
                && self.resource != "selfsubjectaccessreviews",
        }
    }
}
