//! The requests, in their order: later ones find what earlier ones have done.

use serde_json::{Value, json};

use crate::situation::{ENDING, NAMESPACE};

/// A token that nobody has signed.
pub(crate) const STRANGER: &str = "k8s-aws-v1.bm9ib2R5";

/// One request, and the status that the real API server answers.
pub(crate) struct Probe {
    pub(crate) case: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// `false`: with the token of a stranger.
    pub(crate) known: bool,
    pub(crate) expected: u16,
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
            known: true,
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

    fn expect(self, expected: u16) -> Self {
        Self { expected, ..self }
    }
}

/// All of them.
pub(crate) fn probes() -> Vec<Probe> {
    [nodes(), pods(), evictions(), deletes(), events(), reviews()].into_iter().flatten().collect()
}

fn nodes() -> Vec<Probe> {
    let cordon = json!({ "op": "add", "path": "/spec/unschedulable", "value": true });
    let other = json!({ "op": "test", "path": "/spec/providerID", "value": "aws:///x/i-1" });
    let renamed = json!({ "op": "replace", "path": "/spec/providerID", "value": "aws:///x/i-1" });
    let append =
        json!({ "op": "add", "path": "/spec/taints/-", "value": { "key": "k", "effect": "NoSchedule" } });
    let absent = json!({ "op": "test", "path": "/spec/taints", "value": null });
    let mut stranger = Probe::get("a token that does not hold", "/api/v1/nodes/<node>").expect(401);
    stranger.known = false;
    let mut unknown_format = Probe::patch("a patch of no known type", "<node>", &json!([cordon])).expect(415);
    unknown_format.content_type = "application/json";
    vec![
        stranger,
        Probe::get("a node", "/api/v1/nodes/<node>"),
        Probe::get("no such node", "/api/v1/nodes/nobody").expect(404),
        Probe::patch("a patch of no such node", "nobody", &json!([cordon])).expect(404),
        Probe::patch("a test that fails", "<node>", &json!([other, cordon])).expect(422),
        Probe::patch("a path without its parent", "<node>", &json!([append])).expect(422),
        Probe::patch("a patch that is no list", "<node>", &json!({ "spec": {} })).expect(400),
        unknown_format,
        Probe::patch("another providerID", "<node>", &json!([renamed])).expect(422),
        Probe::patch("a test for absence, and the cordon", "<node>", &json!([absent, cordon])),
        Probe::patch("the cordon again", "<node>", &json!([cordon])),
    ]
}

fn pods() -> Vec<Probe> {
    vec![
        Probe::get("pods of the node", "/api/v1/pods?fieldSelector=spec.nodeName%3D<node>"),
        Probe::get("pods of no node", "/api/v1/pods?fieldSelector=spec.nodeName%3Dnobody"),
        Probe::get("no such field", "/api/v1/pods?fieldSelector=spec.colour%3Dred").expect(400),
        Probe::get("budgets", &format!("/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets")),
    ]
}

fn evictions() -> Vec<Probe> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/<free>/eviction");
    vec![
        Probe::evict("no such pod", NAMESPACE, "nobody", "x").expect(404),
        Probe::evict("another pod under the name", NAMESPACE, "<free>", "x").expect(409),
        Probe::evict("a budget without room", NAMESPACE, "<kept>", "<kept.uid>").expect(429),
        Probe::evict("no room, and another pod", NAMESPACE, "<kept>", "x").expect(429),
        Probe::evict("two budgets", NAMESPACE, "<twice>", "<twice.uid>").expect(500),
        Probe::evict("an unready pod", NAMESPACE, "<unready>", "<unready.uid>").expect(429),
        Probe::evict("a budget that cannot be reckoned", NAMESPACE, "<agent>", "<agent.uid>").expect(429),
        Probe::evict("a namespace that ends", ENDING, "<ending>", "<ending.uid>").expect(403),
        Probe::write("no eviction", "POST", &path, &json!({ "deleteOptions": 7 })).expect(400),
        Probe::evict("a pod without a budget", NAMESPACE, "<free>", "<free.uid>"),
        Probe::evict("once more", NAMESPACE, "<free>", "<free.uid>"),
    ]
}

fn deletes() -> Vec<Probe> {
    vec![
        Probe::delete("delete: no such pod", "nobody", "x", 5).expect(404),
        Probe::delete("delete: another pod", "<alone>", "x", 5).expect(409),
        Probe::delete("delete", "<alone>", "<alone.uid>", 300),
        Probe::delete("delete with a shorter grace", "<alone>", "<alone.uid>", 200),
        Probe::delete("delete with a longer grace", "<alone>", "<alone.uid>", 500),
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
    let mut stranger = ask("a stranger's review", &review("get", "", "nodes", "")).expect(401);
    stranger.known = false;
    vec![
        stranger,
        ask("a right", &review("get", "", "nodes", "")),
        ask("a right on a subresource", &review("create", "", "pods", "eviction")),
        ask("a right of another group", &review("list", "policy", "poddisruptionbudgets", "")),
    ]
}
