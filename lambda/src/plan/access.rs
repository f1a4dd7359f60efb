//! What the handler may do in a cluster, and what it must not be able to: `infra/kubernetes/rbac.yaml` from the
//! handler's side.

use crate::ports::Right;

const fn right(verb: &'static str, resource: &'static str) -> Right {
    Right { verb, api_group: "", resource, subresource: "" }
}

/// Each verb of the ClusterRole. A drain needs all of them.
pub const NEEDED: [Right; 9] = [
    right("get", "nodes"),
    right("list", "nodes"),
    right("patch", "nodes"),
    right("list", "pods"),
    right("watch", "pods"),
    right("delete", "pods"),
    Right { subresource: "eviction", ..right("create", "pods") },
    Right { api_group: "policy", ..right("list", "poddisruptionbudgets") },
    right("create", "events"),
];

/// Signs of a role or group that gives more than the ClusterRole: secrets, a way to run code, a way to end nodes.
pub const UNWANTED: [Right; 3] = [right("get", "secrets"), right("create", "pods"), right("delete", "nodes")];
