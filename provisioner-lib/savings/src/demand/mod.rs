//! The pods to place, with everything that the kube-scheduler's filters read. What they read and the packing does not
//! model is an obstacle or a note.

mod daemons;
mod requests;
mod today;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    NodeSelectorTerm, Pod as KubernetesPod, PodAffinityTerm, PodSpec, Toleration, TopologySpreadConstraint,
};

use self::volumes::Volumes;
pub use self::{
    requests::{requests, requests_of},
    today::{Staying, TodayNode},
};
pub(crate) use self::{today::takes_pods, volumes::EBS};
use crate::{
    catalog::{CAPACITY_TYPE, Market},
    choices::Scoring,
    objects::{self, controller, is_live, is_static},
    quantity::Resources,
    snapshot::Snapshot,
};

/// The pods of a cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Demand {
    /// Pods to place.
    pub pods: Vec<Pod>,
    /// DaemonSets: one pod on every node that they select.
    pub daemons: Vec<Pod>,
    /// Today's nodes.
    pub nodes: Vec<TodayNode>,
    /// Labels of namespaces, for namespaceSelector.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// How the scheduler scores free resources.
    pub scoring: Scoring,
    /// Sentences about what the packing does not model.
    pub notes: Vec<String>,
}

/// A pod to place, or of a DaemonSet, with its constraints in the types of Kubernetes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pod {
    /// Its index in [`Snapshot::pods`], unless it is of a DaemonSet.
    pub source: usize,
    /// The node that it runs on, in [`Demand::nodes`].
    pub node: Option<usize>,
    /// metadata.namespace.
    pub namespace: String,
    /// metadata.name.
    pub name: String,
    /// metadata.labels.
    pub labels: BTreeMap<String, String>,
    /// Kind and name of its controller.
    pub owner: Option<(String, String)>,
    /// Requests as the scheduler counts them: containers, init containers, sidecars, overhead.
    pub requests: Resources,
    /// spec.nodeSelector.
    pub node_selector: BTreeMap<String, String>,
    /// Further labels that its node must have: the proposed capacity type, and what [`crate::pins`] keeps of today's node.
    /// The proposal holds only if they are added to its nodeSelector.
    pub pins: BTreeMap<String, String>,
    /// Terms of the required node affinity: if there are any, one has to match.
    pub node_affinity: Vec<NodeSelectorTerm>,
    /// For each volume its terms: the node has to match one of them.
    pub volume_affinity: Vec<Vec<NodeSelectorTerm>>,
    /// EBS volumes to attach, by handle or claim.
    pub volumes: BTreeSet<String>,
    /// spec.tolerations.
    pub tolerations: Vec<Toleration>,
    /// Spread constraints with DoNotSchedule.
    pub spread: Vec<TopologySpreadConstraint>,
    /// Spread constraints with ScheduleAnyway.
    pub soft_spread: Vec<TopologySpreadConstraint>,
    /// Required pod affinity.
    pub affinity: Vec<PodAffinityTerm>,
    /// Required pod anti-affinity.
    pub anti_affinity: Vec<PodAffinityTerm>,
    /// Preferred pod anti-affinity, whatever its weight.
    pub soft_anti_affinity: Vec<PodAffinityTerm>,
    /// Ports of the host: address, protocol, port.
    pub host_ports: BTreeSet<(String, String, i32)>,
    /// Why no node could take it.
    pub obstacle: Option<String>,
}

impl Demand {
    /// Reads the running and pending pods, without finished ones, terminating ones, and those of DaemonSets and
    /// kubelets.
    #[must_use]
    pub fn read(snapshot: &Snapshot) -> Self {
        let volumes = Volumes::new(snapshot);
        let today: Vec<TodayNode> = snapshot.nodes.iter().map(TodayNode::read).collect();
        let places: BTreeMap<&str, usize> =
            today.iter().enumerate().map(|(place, node)| (node.name.as_str(), place)).collect();
        let mut pods = Vec::new();
        for (source, pod) in snapshot.pods.iter().enumerate() {
            if is_placed_by_the_scheduler(pod) {
                let mut read = Pod::read(source, pod, &volumes);
                read.node = objects::node_of(pod).and_then(|node| places.get(node).copied());
                pods.push(read);
            }
        }
        let names = |chosen: &dyn Fn(&KubernetesPod) -> bool| {
            let chosen = snapshot.pods.iter().filter(|pod| chosen(pod)).map(full_name);
            chosen.collect::<Vec<_>>()
        };
        let others = names(&|pod| {
            let scheduler = pod.spec.as_ref().and_then(|spec| spec.scheduler_name.as_deref());
            is_placed_by_the_scheduler(pod) && scheduler.is_some_and(|name| name != "default-scheduler")
        });
        let mirrors = names(&|pod| is_static(pod));
        let shared = volumes::shared(&pods);
        let notes = [
            note("placed by another scheduler, treated as if by the default one", &others),
            note("static, not counted on new nodes", &mirrors),
            note("share an EBS volume, which only one node can have", &shared),
        ];
        let namespaces = snapshot.namespaces.iter().map(|found| &found.metadata);
        let namespaces =
            namespaces.map(|found| (objects::name(found).to_owned(), objects::labels(found).clone()));
        Self {
            pods,
            daemons: daemons::read(snapshot),
            nodes: today,
            namespaces: namespaces.collect(),
            scoring: Scoring::default(),
            notes: notes.into_iter().flatten().collect(),
        }
    }

    /// Keys of node labels in selectors, affinities and topology keys, by which node groups differ.
    #[must_use]
    pub fn node_label_keys(&self) -> BTreeSet<String> {
        let mut keys = self.selected_keys();
        for pod in &self.pods {
            keys.extend(pod.pins.keys().cloned());
            pod.volume_affinity.iter().for_each(|terms| keys.extend(keys_of(terms)));
            let spread = pod.spread.iter().chain(&pod.soft_spread);
            keys.extend(spread.map(|spread| spread.topology_key.clone()));
        }
        let staying = self.nodes.iter().filter_map(|node| node.stays.as_ref());
        for pod in self.pods.iter().chain(staying.flat_map(|stays| &stays.pods)) {
            let affinity = pod.affinity.iter().chain(&pod.anti_affinity).chain(&pod.soft_anti_affinity);
            keys.extend(affinity.map(|term| term.topology_key.clone()));
        }
        for daemon in &self.daemons {
            keys.extend(daemon.node_selector.keys().cloned());
            keys.extend(keys_of(&daemon.node_affinity));
        }
        keys
    }

    /// Keys of node labels in the node selectors and node affinities of pods.
    #[must_use]
    pub fn selected_keys(&self) -> BTreeSet<String> {
        let of_pod = |pod: &Pod| {
            let selected = pod.node_selector.keys().cloned();
            selected.chain(keys_of(&pod.node_affinity)).collect::<Vec<_>>()
        };
        self.pods.iter().flat_map(of_pod).collect()
    }
}

impl Pod {
    fn read(source: usize, pod: &KubernetesPod, volumes: &Volumes<'_>) -> Self {
        let metadata = &pod.metadata;
        let spec = pod.spec.clone().unwrap_or_default();
        let mut this = Self {
            source,
            namespace: objects::namespace(metadata).to_owned(),
            name: objects::name(metadata).to_owned(),
            labels: objects::labels(metadata).clone(),
            owner: controller(metadata).map(|owner| (owner.kind.clone(), owner.name.clone())),
            obstacle: obstacle(&spec),
            ..Self::of_spec(&spec)
        };
        volumes.add_to(&mut this, &spec);
        this
    }

    /// The pod of a spec, without name and volumes.
    pub(crate) fn of_spec(spec: &PodSpec) -> Self {
        let affinity = spec.affinity.clone().unwrap_or_default();
        let node = affinity.node_affinity.unwrap_or_default();
        let with = affinity.pod_affinity.unwrap_or_default();
        let without = affinity.pod_anti_affinity.unwrap_or_default();
        let spread = spec.topology_spread_constraints.clone().unwrap_or_default();
        let (spread, soft_spread) =
            spread.into_iter().partition(|spread| spread.when_unsatisfiable == "DoNotSchedule");
        let preferred = without.preferred_during_scheduling_ignored_during_execution.unwrap_or_default();
        Self {
            requests: requests(spec),
            node_selector: spec.node_selector.clone().unwrap_or_default(),
            node_affinity: node
                .required_during_scheduling_ignored_during_execution
                .map(|required| required.node_selector_terms)
                .unwrap_or_default(),
            tolerations: spec.tolerations.clone().unwrap_or_default(),
            spread,
            soft_spread,
            soft_anti_affinity: preferred.into_iter().map(|term| term.pod_affinity_term).collect(),
            affinity: with.required_during_scheduling_ignored_during_execution.unwrap_or_default(),
            anti_affinity: without.required_during_scheduling_ignored_during_execution.unwrap_or_default(),
            host_ports: requests::host_ports(spec),
            ..Self::default()
        }
    }

    /// Namespace and name.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Requires nodes of a market.
    pub fn pin_to(&mut self, market: Market) {
        self.pins.insert(CAPACITY_TYPE.to_owned(), market.label().to_owned());
    }
}

fn keys_of(terms: &[NodeSelectorTerm]) -> impl Iterator<Item = String> {
    let expressions = terms.iter().flat_map(|term| term.match_expressions.iter().flatten());
    expressions.map(|expression| expression.key.clone())
}

fn full_name(pod: &KubernetesPod) -> String {
    format!("{}/{}", objects::namespace(&pod.metadata), objects::name(&pod.metadata))
}

/// A sentence about pods, named by the first of them; none if there are none.
pub(crate) fn note(what: &str, pods: &[String]) -> Option<String> {
    let (first, others) = pods.split_first()?;
    Some(match others.len() {
        0 => format!("{first}: {what}"),
        others => format!("{first} and {others} more: {what}"),
    })
}

fn is_placed_by_the_scheduler(pod: &KubernetesPod) -> bool {
    is_live(pod) && !is_static(pod) && controller(&pod.metadata).is_none_or(|owner| owner.kind != "DaemonSet")
}

/// Constraints that the packing does not model.
fn obstacle(spec: &PodSpec) -> Option<String> {
    if spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        return Some("its scheduling gates hold it back".to_owned());
    }
    if spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
        return Some("it asks for devices by resource claims, which this report does not model".to_owned());
    }
    spec.os.as_ref().filter(|os| os.name != "linux").map(|os| format!("it runs on {}", os.name))
}
