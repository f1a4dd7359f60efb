//! Requests and host ports of a pod. Kubernetes documentation, "Resource Management for Pods and Containers" and "Sidecar
//! Containers": init containers run one after the other, sidecars stay.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::core::v1::{Container, Pod, PodSpec, ResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};

use crate::quantity::Resources;

/// The greatest of the requests at each step of the pod's start and those of the running pod, plus its overhead.
#[must_use]
pub fn requests(spec: &PodSpec) -> Resources {
    let mut running = Resources::default();
    let mut peak = Resources::default();
    for container in spec.init_containers.iter().flatten() {
        let own = of(container.resources.as_ref());
        if container.restart_policy.as_deref() == Some("Always") {
            running = running.plus(&own);
            peak = peak.greater(&running);
        } else {
            peak = peak.greater(&running.plus(&own));
        }
    }
    for container in &spec.containers {
        running = running.plus(&of(container.resources.as_ref()));
    }
    let mut all = peak.greater(&running);
    // Requests of the pod as a whole replace those of its containers.
    if let Some(list) = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref()) {
        let whole = Resources::read(list);
        let named = |name: &str| list.contains_key(name);
        all.cpu = if named("cpu") { whole.cpu } else { all.cpu };
        all.memory = if named("memory") { whole.memory } else { all.memory };
        all.extended.extend(whole.extended);
    }
    spec.overhead.as_ref().map_or_else(|| all.clone(), |overhead| all.plus(&Resources::read(overhead)))
}

/// The same of a pod; nothing without a spec.
#[must_use]
pub fn requests_of(pod: &Pod) -> Resources {
    pod.spec.as_ref().map(requests).unwrap_or_default()
}

/// Requests of a container, which default to its limits. The API server sets them in pods, but not in the template of a
/// DaemonSet.
fn of(resources: Option<&ResourceRequirements>) -> Resources {
    let list = |list: Option<&BTreeMap<String, Quantity>>| list.cloned().unwrap_or_default();
    let mut all = list(resources.and_then(|found| found.limits.as_ref()));
    all.extend(list(resources.and_then(|found| found.requests.as_ref())));
    Resources::read(&all)
}

/// Address, protocol and number of each host port. With hostNetwork every port is a host port.
pub(super) fn host_ports(spec: &PodSpec) -> BTreeSet<(String, String, i32)> {
    let hosts = spec.host_network == Some(true);
    let sidecar = |container: &&Container| container.restart_policy.as_deref() == Some("Always");
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten().filter(sidecar));
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    let ports = ports.filter_map(|port| {
        let number = port.host_port.or(hosts.then_some(port.container_port)).filter(|number| *number > 0)?;
        let address = port.host_ip.clone().filter(|address| !address.is_empty());
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        Some((address.unwrap_or_else(|| "0.0.0.0".to_owned()), protocol, number))
    });
    ports.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn cpu_of(spec: Value) -> u64 {
        requests(&from_value(spec).unwrap()).cpu
    }

    #[test]
    fn a_pod_requests_the_greatest_of_its_steps() {
        let one = |cpu: &str| json!({ "name": "c", "resources": { "requests": { "cpu": cpu } } });
        let sidecar = |cpu: &str| json!({ "name": "s", "restartPolicy": "Always", "resources": { "requests": { "cpu": cpu } } });
        for (case, spec, expected) in [
            ("containers add up", json!({ "containers": [one("1"), one("500m")] }), 1500),
            (
                "a small init container",
                json!({ "initContainers": [one("1")], "containers": [one("2")] }),
                2000,
            ),
            ("a big init container", json!({ "initContainers": [one("3")], "containers": [one("2")] }), 3000),
            ("a sidecar stays", json!({ "initContainers": [sidecar("1")], "containers": [one("2")] }), 3000),
            (
                "a sidecar runs beside later init containers only",
                json!({ "initContainers": [one("4"), sidecar("1"), one("2")], "containers": [one("1")] }),
                4000,
            ),
            (
                "the sandbox takes its part",
                json!({ "containers": [one("1")], "overhead": { "cpu": "250m" } }),
                1250,
            ),
            (
                "a limit without a request",
                json!({ "containers": [{ "name": "c", "resources": { "limits": { "cpu": "2" } } }] }),
                2000,
            ),
            (
                "the pod as a whole",
                json!({ "containers": [one("1")], "resources": { "requests": { "cpu": "3" } } }),
                3000,
            ),
            ("nothing", json!({ "containers": [{ "name": "c" }] }), 0),
        ] {
            assert_eq!(cpu_of(spec), expected, "{case}");
        }
    }

    #[test]
    fn with_host_network_every_port_is_a_host_port() {
        let spec = |host: bool| {
            from_value(json!({ "hostNetwork": host, "containers": [
                { "name": "c", "ports": [{ "containerPort": 80 }, { "containerPort": 1, "hostPort": 53, "protocol": "UDP" }] },
            ]}))
            .unwrap()
        };
        let ports = |host| host_ports(&spec(host)).into_iter().map(|(_, _, port)| port).collect::<Vec<_>>();
        assert_eq!(ports(false), [53]);
        assert_eq!(ports(true), [80, 53]);
    }
}
