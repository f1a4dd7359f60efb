//! The requests, in order: later ones depend on earlier ones.

use serde_json::{Value, json};

use crate::situation::{ENDING, NAMESPACE};

/// A token without a signature.
pub(crate) const STRANGER: &str = "k8s-aws-v1.bm9ib2R5";

/// One request, and the real API server's status code.
pub(crate) struct Probe {
    pub(crate) case: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    pub(crate) caller: Caller,
    pub(crate) expected: u16,
}

/// The caller, as authenticated by the real API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Admin,
    /// With [`STRANGER`].
    Stranger,
    /// With a token that is too old.
    Late,
    /// A user of no group.
    WithoutRights,
    /// A user of the handler's group.
    Handler,
}

impl Probe {
    /// A request without a body.
    pub(crate) fn get(case: &'static str, path: &str) -> Self {
        Self {
            case,
            method: "GET",
            path: path.to_owned(),
            content_type: "",
            body: String::new(),
            caller: Caller::Admin,
            expected: 200,
        }
    }

    fn write(case: &'static str, method: &'static str, path: &str, body: &Value) -> Self {
        let content_type = if method == "PATCH" { "application/json-patch+json" } else { "application/json" };
        Self { method, content_type, body: body.to_string(), ..Self::get(case, path) }
    }

    fn patch(case: &'static str, node: &str, body: &Value) -> Self {
        Self::write(case, "PATCH", &format!("/api/v1/nodes/{node}"), body)
    }

    fn evict(case: &'static str, namespace: &str, pod: &str, uid: &str) -> Self {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
        let eviction = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": pod, "namespace": namespace },
            "deleteOptions": { "preconditions": { "uid": uid } },
        });
        Self::write(case, "POST", &path, &eviction).expect(201)
    }

    fn delete(case: &'static str, pod: &str, uid: &str, grace: u32) -> Self {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}");
        let options = json!({ "gracePeriodSeconds": grace, "preconditions": { "uid": uid } });
        Self::write(case, "DELETE", &path, &options)
    }

    fn event(case: &'static str, namespace: &str, about: &str) -> Self {
        let event = json!({
            "metadata": { "name": "event", "namespace": namespace },
            "involvedObject": { "kind": "Pod", "name": "x", "namespace": about },
            "reason": "Interrupted", "message": "x", "type": "Normal",
        });
        Self::write(case, "POST", &format!("/api/v1/namespaces/{namespace}/events"), &event).expect(201)
    }

    pub(crate) fn by(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    pub(crate) fn expect(self, expected: u16) -> Self {
        Self { expected, ..self }
    }

    /// The same with a grace in the eviction's deleteOptions.
    fn grace(self, seconds: u32) -> Self {
        let grace = format!("\"deleteOptions\":{{\"gracePeriodSeconds\":{seconds},");
        Self { body: self.body.replace("\"deleteOptions\":{", &grace), ..self }
    }
}

/// All probes.
pub(crate) fn probes() -> Vec<Probe> {
    [nodes(), pods(), evictions(), deletes(), events(), reviews()].into_iter().flatten().collect()
}

/// The cordon as a probe of its own.
pub(crate) fn cordon(case: &'static str) -> Probe {
    let cordon = json!({ "op": "add", "path": "/spec/unschedulable", "value": true });
    Probe::patch(case, "<node>", &json!([cordon]))
}

/// An eviction, for servers that deny it.
pub(crate) fn evict_kept(case: &'static str) -> Probe {
    Probe::evict(case, NAMESPACE, "<kept>", "<kept.uid>")
}

/// Every kind of request that the handler makes, by a user who may do none of them.
pub(crate) fn about_everything() -> Vec<Probe> {
    let pods = "/api/v1/pods?fieldSelector=spec.nodeName%3D<node>";
    let probes = vec![
        Probe::get("a node without rights", "/api/v1/nodes/<node>"),
        Probe::get("nodes without rights", "/api/v1/nodes?limit=1"),
        cordon("a patch without rights"),
        Probe::get("pods without rights", pods),
        Probe::get("a watch without rights", &format!("{pods}&watch=true")),
        evict_kept("an eviction without rights"),
        Probe::delete("a delete without rights", "<kept>", "<kept.uid>", 5),
        Probe::get(
            "budgets without rights",
            &format!("/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"),
        ),
        Probe::event("an event without rights", NAMESPACE, NAMESPACE),
    ];
    probes.into_iter().map(|probe| probe.by(Caller::WithoutRights).expect(403)).collect()
}

fn nodes() -> Vec<Probe> {
    let cordon = json!({ "op": "add", "path": "/spec/unschedulable", "value": true });
    let other = json!({ "op": "test", "path": "/spec/providerID", "value": "aws:///x/i-1" });
    let renamed = json!({ "op": "replace", "path": "/spec/providerID", "value": "aws:///x/i-1" });
    let append =
        json!({ "op": "add", "path": "/spec/taints/-", "value": { "key": "k", "effect": "NoSchedule" } });
    let absent = json!({ "op": "test", "path": "/spec/taints", "value": null });
    let stale = json!({ "op": "test", "path": "/metadata/resourceVersion", "value": "1" });
    let back = json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": "1" });
    let refused = |case, caller| Probe::get(case, "/api/v1/nodes/<node>").by(caller).expect(401);
    let mut unknown_format = Probe::patch("a patch of no known type", "<node>", &json!([cordon])).expect(415);
    unknown_format.content_type = "application/json";
    vec![
        refused("a token that does not hold", Caller::Stranger),
        refused("a token that is too old", Caller::Late),
        Probe::get("a node", "/api/v1/nodes/<node>"),
        Probe::get("no such node", "/api/v1/nodes/absent").expect(404),
        Probe::patch("a patch of no such node", "absent", &json!([cordon])).expect(404),
        Probe::patch("a test that fails", "<node>", &json!([other, cordon])).expect(422),
        Probe::patch("a test of an old version", "<node>", &json!([stale, cordon])).expect(422),
        Probe::patch("a write over an old version", "<node>", &json!([back, cordon])).expect(409),
        Probe::patch("a path without its parent", "<node>", &json!([append])).expect(422),
        Probe::patch("a patch that is not a list", "<node>", &json!({ "spec": {} })).expect(400),
        unknown_format,
        Probe::patch("another providerID", "<node>", &json!([renamed])).expect(422),
        Probe::patch("a test for absence, and the cordon", "<node>", &json!([absent, cordon])),
        Probe::patch("the cordon again", "<node>", &json!([cordon])),
        Probe::get("a page of nodes", "/api/v1/nodes?limit=1"),
        Probe::get("the next page", "/api/v1/nodes?limit=1&continue=<next>"),
        Probe::get("the last page", "/api/v1/nodes?limit=500&continue=<next>"),
        Probe::get("a page from the cache", "/api/v1/nodes?limit=1&resourceVersion=0"),
    ]
}

fn pods() -> Vec<Probe> {
    vec![
        Probe::get("pods of the node", "/api/v1/pods?fieldSelector=spec.nodeName%3D<node>"),
        Probe::get(
            "pods from the cache",
            "/api/v1/pods?fieldSelector=spec.nodeName%3D<node>&resourceVersion=0",
        ),
        Probe::get("pods of no node", "/api/v1/pods?fieldSelector=spec.nodeName%3Dnobody"),
        Probe::get("no such field", "/api/v1/pods?fieldSelector=spec.colour%3Dred").expect(400),
        Probe::get("budgets", &format!("/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets")),
    ]
}

fn evictions() -> Vec<Probe> {
    let free = format!("/api/v1/namespaces/{NAMESPACE}/pods/<free>");
    let path = format!("{free}/eviction");
    vec![
        Probe::evict("no such pod", NAMESPACE, "absent", "x").expect(404),
        Probe::evict("another pod under the name", NAMESPACE, "<free>", "x").expect(409),
        Probe::evict("a budget without room", NAMESPACE, "<kept>", "<kept.uid>").expect(429),
        Probe::evict("no room, and another pod", NAMESPACE, "<kept>", "x").expect(429),
        Probe::evict("two budgets", NAMESPACE, "<twice>", "<twice.uid>").expect(500),
        Probe::evict("an unready pod", NAMESPACE, "<unready>", "<unready.uid>").expect(429),
        Probe::evict("a budget that cannot be computed", NAMESPACE, "<agent>", "<agent.uid>").expect(429),
        Probe::evict("a namespace that ends", ENDING, "<ending>", "<ending.uid>").expect(403),
        Probe::write("no eviction", "POST", &path, &json!({ "deleteOptions": 7 })).expect(400),
        Probe::evict("a pod without a budget", NAMESPACE, "<free>", "<free.uid>"),
        Probe::evict("once more", NAMESPACE, "<free>", "<free.uid>"),
        Probe::get("after an eviction", &free),
        Probe::evict("on its way out, and another pod", NAMESPACE, "<free>", "x").expect(409),
        Probe::evict("with a longer grace", NAMESPACE, "<free>", "<free.uid>").grace(900),
        Probe::get("after a longer grace", &free),
        Probe::evict("with a shorter grace", NAMESPACE, "<free>", "<free.uid>").grace(300),
        Probe::get("after a shorter grace", &free),
        Probe::get("no such pod to read", &free.replace("<free>", "absent")).expect(404),
    ]
}

fn deletes() -> Vec<Probe> {
    let alone = format!("/api/v1/namespaces/{NAMESPACE}/pods/<alone>");
    let plain = json!({ "preconditions": { "uid": "<alone.uid>" } });
    vec![
        Probe::delete("delete: no such pod", "absent", "x", 5).expect(404),
        Probe::delete("delete: another pod", "<alone>", "x", 5).expect(409),
        Probe::delete("delete", "<alone>", "<alone.uid>", 300),
        Probe::delete("delete with a shorter grace", "<alone>", "<alone.uid>", 200),
        Probe::delete("delete with a longer grace", "<alone>", "<alone.uid>", 500),
        Probe::write("delete with no grace of its own", "DELETE", &alone, &plain),
        Probe::delete("delete: on its way out, and another pod", "<alone>", "x", 100).expect(409),
        Probe::get("after deletes", &alone),
        Probe::delete("delete over a budget", "<kept>", "<kept.uid>", 300),
    ]
}

fn events() -> Vec<Probe> {
    vec![
        Probe::event("an event", NAMESPACE, NAMESPACE),
        Probe::event("the same event", NAMESPACE, NAMESPACE).expect(409),
        Probe::event("an event about another namespace", NAMESPACE, "default").expect(422),
        Probe::event("an event in a namespace that ends", ENDING, ENDING).expect(403),
    ]
}

fn reviews() -> Vec<Probe> {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review = |verb: &str, group: &str, resource: &str, sub: &str| {
        let right = json!({ "verb": verb, "group": group, "resource": resource, "subresource": sub });
        json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "spec": { "resourceAttributes": right } })
    };
    let ask = |case, review: &Value| Probe::write(case, "POST", path, review).expect(201);
    vec![
        ask("a stranger's review", &review("get", "", "nodes", "")).by(Caller::Stranger).expect(401),
        ask("a right", &review("get", "", "nodes", "")),
        ask("a right on a subresource", &review("create", "", "pods", "eviction")),
        ask("a right of another group", &review("list", "policy", "poddisruptionbudgets", "")),
    ]
}
