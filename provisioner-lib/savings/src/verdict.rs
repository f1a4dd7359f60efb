//! Whether a workload tolerates Spot nodes, and why: what a notice of two minutes would do to it.

mod budgets;
mod owner;
mod placement;
mod platform;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use serde::Serialize;

pub use self::{
    budgets::covers,
    owner::{Kind, Owned, owned},
};
pub(crate) use self::{placement::is_spread, platform::is_headroom};
use crate::{
    catalog::Market,
    choices::Choices,
    demand::{self, requests_of},
    machines::Machine,
    markets::MarketLabels,
    objects, protection,
    snapshot::Snapshot,
};

/// The longest grace period that fits into a notice beside the work of the handler (docs/architecture.md).
const LONGEST_GRACE_S: i64 = 100;

/// A reason, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable word: `replicas`, `kind`, `local-storage`, `budget`, `annotation`, `affinity`, `platform`, …
    pub code: &'static str,
    /// A sentence.
    pub text: String,
}

impl Reason {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// A workload with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The workload: owner and pods.
    pub owned: Owned,
    /// The market that it may run on; none for DaemonSets and static pods.
    pub market: Option<Market>,
    /// Whether its own constraints require the market.
    pub is_pinned: bool,
    /// Whether all of its pods run on Spot today.
    pub is_on_spot_today: bool,
    /// The reasons for the market.
    pub reasons: Vec<Reason>,
    /// Risks that do not change the market.
    pub cautions: Vec<Reason>,
}

impl Judged {
    /// Whether it may run on Spot and does not require it.
    pub(crate) fn may_leave_spot(&self) -> bool {
        self.market == Some(Market::Spot) && !self.is_pinned
    }

    /// Keeps it On-Demand, unless its own constraints require Spot.
    pub(crate) fn stays_on_demand(&mut self, reason: Reason) {
        if self.may_leave_spot() {
            self.market = Some(Market::OnDemand);
            self.reasons = vec![reason];
            self.cautions.clear();
        }
    }
}

/// Judges all workloads of a cluster, by namespace, kind and name. `machines` are today's nodes.
#[must_use]
pub fn judge(snapshot: &Snapshot, machines: &BTreeMap<String, Machine>, choices: &Choices) -> Vec<Judged> {
    let (owned, markets) = (&owned(snapshot), &MarketLabels::of(snapshot));
    let cluster = Cluster { snapshot, machines, choices, owned, markets };
    let mut all: Vec<Judged> = cluster.owned.iter().map(|owned| cluster.judge(owned)).collect();
    follow_neighbours(&mut all, snapshot);
    all
}

/// What a verdict depends on.
struct Cluster<'c> {
    snapshot: &'c Snapshot,
    machines: &'c BTreeMap<String, Machine>,
    choices: &'c Choices,
    owned: &'c [Owned],
    markets: &'c MarketLabels,
}

impl Cluster<'_> {
    fn judge(&self, owned: &Owned) -> Judged {
        let pods: Vec<&Pod> = owned.pods.iter().map(|pod| &self.snapshot.pods[*pod]).collect();
        let judged = |market, is_pinned, reasons, cautions| Judged {
            owned: owned.clone(),
            market,
            is_pinned,
            is_on_spot_today: self.runs_on_spot(&pods),
            reasons,
            cautions,
        };
        let of_its_node = match owned.kind {
            Kind::DaemonSet => Some("one on every node"),
            Kind::StaticPod => Some("a static pod of its node"),
            _ => None,
        };
        if let Some(text) = of_its_node {
            return judged(None, false, vec![Reason::new("node", text)], Vec::new());
        }
        let spec = pods.first().and_then(|pod| pod.spec.as_ref());
        let constraints = spec.map(demand::Pod::of_spec).unwrap_or_default();
        let required = placement::required_market(&constraints, self.markets);
        let is_pinned = required.is_some();
        let mut cautions = Vec::new();
        let (market, reasons) = if let Some((market, reason)) = required {
            (market, vec![reason])
        } else {
            let blockers = self.blockers(owned, &pods, &constraints);
            if blockers.is_empty() {
                let text = format!("{} replicas of a {}", owned.replicas, owned.kind.as_str());
                (Market::Spot, vec![Reason::new("replicas", text)])
            } else if self.runs_on_spot(&pods) {
                cautions = blockers;
                (Market::Spot, vec![Reason::new("on-spot-today", "runs on Spot nodes today")])
            } else {
                (Market::OnDemand, blockers)
            }
        };
        if market == Market::Spot {
            cautions.extend(risks(owned, spec, &constraints));
        }
        cautions.extend(
            pods.iter().find_map(|pod| protection::at_first(pod)).map(|text| Reason::new("annotation", text)),
        );
        cautions.extend(counted_otherwise(owned, spec));
        cautions.extend(without_requests(owned, self.snapshot));
        judged(Some(market), is_pinned, reasons, cautions)
    }

    /// All reasons against Spot.
    fn blockers(&self, owned: &Owned, pods: &[&Pod], constraints: &demand::Pod) -> Vec<Reason> {
        let mut blockers = Vec::new();
        blockers.extend(owned.kind.blocker().map(|text| Reason::new("kind", text)));
        if blockers.is_empty() && owned.replicas < 2 {
            blockers.push(Reason::new("replicas", "1 replica: unavailable while it moves"));
        }
        blockers.extend(platform::reason(owned, pods).filter(|_| !self.choices.platform_on_spot));
        blockers.extend(annotation(pods));
        blockers.extend(budgets::blocker(self, owned, pods));
        if let Some(spec) = pods.first().and_then(|pod| pod.spec.as_ref()) {
            blockers.extend(local_storage(&owned.namespace, spec, self.snapshot));
        }
        blockers.extend(placement::bound_to_a_node(constraints));
        blockers
    }

    /// Whether all of the pods that have a node run on Spot today.
    fn runs_on_spot(&self, pods: &[&Pod]) -> bool {
        let nodes = pods.iter().filter_map(|pod| objects::node_of(pod));
        let mut markets =
            nodes.map(|node| self.machines.get(node).and_then(|machine| machine.market)).peekable();
        markets.peek().is_some() && markets.all(|market| market == Some(Market::Spot))
    }
}

fn annotation(pods: &[&Pod]) -> Option<Reason> {
    let mark = pods.iter().find_map(|pod| protection::of_pod(pod))?;
    Some(Reason::new("annotation", format!("must not be evicted ({mark})")))
}

fn local_storage(namespace: &str, spec: &PodSpec, snapshot: &Snapshot) -> Option<Reason> {
    let blocker = |text: String| Some(Reason::new("local-storage", text));
    for volume in spec.volumes.iter().flatten() {
        if let Some(path) = &volume.host_path {
            return blocker(format!("uses its node's disk (hostPath {})", path.path));
        }
        let Some(claim) = &volume.persistent_volume_claim else { continue };
        if let Some(name) = local_volume(namespace, &claim.claim_name, snapshot) {
            return blocker(format!("its volume {name} is local to one node"));
        }
    }
    None
}

/// The name of the volume of a claim, if it is bound to its node.
fn local_volume<'s>(namespace: &str, claim: &str, snapshot: &'s Snapshot) -> Option<&'s str> {
    let claim = snapshot.persistent_volume_claims.iter().find(|found| {
        (objects::namespace(&found.metadata), objects::name(&found.metadata)) == (namespace, claim)
    })?;
    let name = claim.spec.as_ref()?.volume_name.as_deref()?;
    let volume = snapshot.persistent_volumes.iter().find(|found| objects::name(&found.metadata) == name)?;
    let spec = volume.spec.as_ref()?;
    (spec.local.is_some() || spec.host_path.is_some()).then_some(name)
}

/// Risks of a notice that do not speak against Spot.
fn risks(owned: &Owned, spec: Option<&PodSpec>, constraints: &demand::Pod) -> Vec<Reason> {
    let mut cautions = Vec::new();
    let Some(spec) = spec else { return cautions };
    let grace_s = spec.termination_grace_period_seconds.unwrap_or(30);
    if grace_s > LONGEST_GRACE_S {
        let text = format!("may take {grace_s} s to terminate; a notice leaves {LONGEST_GRACE_S} s");
        cautions.push(Reason::new("grace", text));
    }
    if owned.replicas > 1 && !placement::is_spread(constraints) {
        cautions.push(Reason::new("spread", "its replicas are not spread: one node can hold all of them"));
    }
    if spec.volumes.iter().flatten().any(|volume| volume.empty_dir.is_some()) {
        cautions.push(Reason::new("empty-dir", "data in its emptyDir is lost with the node"));
    }
    cautions
}

/// Pods that are not there for long, or only hold room, and count in the figures nevertheless.
fn counted_otherwise(owned: &Owned, spec: Option<&PodSpec>) -> Vec<Reason> {
    let mut cautions = Vec::new();
    if spec.is_some_and(is_headroom) {
        cautions.push(Reason::new("headroom", "only holds room: pods of a higher priority take its place"));
    }
    if owned.pods.len() > owned.replicas {
        let text =
            format!("{} pods for {} replicas: all of them are counted", owned.pods.len(), owned.replicas);
        cautions.push(Reason::new("surplus", text));
    }
    cautions
}

fn without_requests(owned: &Owned, snapshot: &Snapshot) -> Option<Reason> {
    let asks_for_less = owned.pods.iter().any(|pod| requests_of(&snapshot.pods[*pod]).lack_cpu_or_memory());
    asks_for_less.then(|| {
        Reason::new("requests", "does not request both CPU and memory, so its size is underestimated")
    })
}

/// Keeps workloads On-Demand that must run on the node of another one that stays On-Demand.
pub(crate) fn follow_neighbours(all: &mut [Judged], snapshot: &Snapshot) {
    loop {
        let on_demand = all.iter().filter(|judged| judged.market == Some(Market::OnDemand));
        let stays = on_demand
            .flat_map(|judged| judged.owned.pods.iter().map(|pod| (&judged.owned, &snapshot.pods[*pod])));
        let stays: Vec<(&Owned, &Pod)> = stays.collect();
        let neighbour = |judged: &Judged| {
            let spec = snapshot.pods[*judged.owned.pods.first()?].spec.as_ref()?;
            let own = Some(demand::Pod::of_spec(spec)).filter(|own| !own.affinity.is_empty())?;
            let is_beside = |(other, pod): &&(&Owned, &Pod)| {
                let labels = objects::labels(&pod.metadata);
                placement::must_run_beside(&own, &judged.owned.namespace, &other.namespace, labels)
            };
            stays.iter().find(is_beside).map(|(other, _)| other.name.clone())
        };
        let leaving = all.iter().enumerate().filter(|(_, judged)| judged.may_leave_spot());
        let leaving: Vec<(usize, String)> =
            leaving.filter_map(|(place, judged)| Some((place, neighbour(judged)?))).collect();
        if leaving.is_empty() {
            return;
        }
        for (place, name) in leaving {
            let text = format!("must run on the same node as {name}, which stays On-Demand");
            all[place].stays_on_demand(Reason::new("affinity", text));
        }
    }
}

#[cfg(test)]
mod tests;
