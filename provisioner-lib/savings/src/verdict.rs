//! Whether a workload may run on Spot nodes, and why: what a notice two minutes ahead would do to it.

mod budgets;
mod owner;
mod placement;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use serde::Serialize;

pub(crate) use self::budgets::covers;
pub use self::owner::{Kind, Owned, owned};
use self::{budgets::Budgets, placement::Capacity};
use crate::{catalog::Market, snapshot::Snapshot};

/// Annotations of pods that forbid what happens to them on a Spot notice, and the value that does so. Cluster
/// Autoscaler FAQ; Karpenter documentation, "Disruption"; and the annotation of the seed's product.
const NOT_EVICTABLE: [(&str, &str); 4] = [
    ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
    ("karpenter.sh/do-not-disrupt", "true"),
    ("karpenter.sh/do-not-evict", "true"),
    ("autoscaling.cast.ai/removal-disabled", "true"),
];

/// Longest grace period that fits into a notice beside what the handler does (docs/architecture.md).
const LONGEST_GRACE_S: i64 = 100;

/// Why, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A word that stays the same: `replicas`, `kind`, `local-storage`, `budget`, `annotation`, `affinity`, …
    pub code: &'static str,
    /// A sentence.
    pub text: String,
}

impl Reason {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// What was found of one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Its owner and its pods.
    pub owned: Owned,
    /// The market that it may run on; none for what belongs to a node.
    pub market: Option<Market>,
    /// Whether its own constraints name the market, so that it cannot run on the other one.
    pub is_asked_for: bool,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What should be known all the same.
    pub cautions: Vec<Reason>,
}

/// Judges all workloads of a cluster, by namespace, kind and name.
#[must_use]
pub fn judge(snapshot: &Snapshot) -> Vec<Judged> {
    let budgets = Budgets::read(snapshot);
    let mut all: Vec<Judged> =
        owned(snapshot).into_iter().map(|owned| judge_one(owned, snapshot, &budgets)).collect();
    follow_neighbours(&mut all, snapshot);
    all
}

fn judge_one(owned: Owned, snapshot: &Snapshot, budgets: &Budgets<'_>) -> Judged {
    let pods: Vec<&Pod> = owned.pods.iter().map(|pod| &snapshot.pods[*pod]).collect();
    if owned.kind.is_of_the_node() {
        let text =
            if owned.kind == Kind::DaemonSet { "one on every node" } else { "a static pod of its node" };
        let reasons = vec![Reason::new("node", text)];
        return Judged { owned, market: None, is_asked_for: false, reasons, cautions: Vec::new() };
    }
    let spec = pods.first().and_then(|pod| pod.spec.as_ref());
    let (market, is_asked_for, reasons) = match spec.map(placement::capacity) {
        Some(Capacity::Only(Market::Spot, how)) => {
            (Market::Spot, true, vec![Reason::new("affinity", format!("asks for Spot itself ({how})"))])
        }
        Some(Capacity::Only(Market::OnDemand, how)) => (
            Market::OnDemand,
            true,
            vec![Reason::new("affinity", format!("asks for On-Demand itself ({how})"))],
        ),
        _ => {
            let bars = bars(&owned, &pods, snapshot, budgets);
            if bars.is_empty() {
                (Market::Spot, false, vec![grounds(&owned)])
            } else {
                (Market::OnDemand, false, bars)
            }
        }
    };
    let mut cautions = if market == Market::Spot { before_a_notice(&owned, spec) } else { Vec::new() };
    cautions.extend(without_requests(&owned, snapshot));
    Judged { owned, market: Some(market), is_asked_for, reasons, cautions }
}

fn grounds(owned: &Owned) -> Reason {
    Reason::new("replicas", format!("{} replicas of a {}", owned.replicas, owned.kind.as_str()))
}

/// All that speaks against Spot.
fn bars(owned: &Owned, pods: &[&Pod], snapshot: &Snapshot, budgets: &Budgets<'_>) -> Vec<Reason> {
    let mut bars = Vec::new();
    bars.extend(owned.kind.bar().map(|text| Reason::new("kind", text)));
    if bars.is_empty() && owned.replicas < 2 {
        bars.push(Reason::new("replicas", "1 replica: nothing serves while it moves"));
    }
    bars.extend(annotation(pods));
    bars.extend(budgets.bar(owned, pods));
    if let Some(spec) = pods.first().and_then(|pod| pod.spec.as_ref()) {
        bars.extend(local_storage(&owned.namespace, spec, snapshot));
        bars.extend(placement::bound_to_a_node(spec));
    }
    bars
}

fn annotation(pods: &[&Pod]) -> Option<Reason> {
    let says = |pod: &&Pod| {
        let annotations = pod.metadata.annotations.as_ref()?;
        let found = NOT_EVICTABLE
            .iter()
            .find(|(name, value)| annotations.get(*name).is_some_and(|found| found == value))?;
        Some(format!("not to be evicted ({}: {})", found.0, found.1))
    };
    pods.iter().find_map(says).map(|text| Reason::new("annotation", text))
}

fn local_storage(namespace: &str, spec: &PodSpec, snapshot: &Snapshot) -> Option<Reason> {
    let bar = |text: String| Some(Reason::new("local-storage", text));
    for volume in spec.volumes.iter().flatten() {
        if let Some(path) = &volume.host_path {
            return bar(format!("uses its node's disk (hostPath {})", path.path));
        }
        let Some(claim) = &volume.persistent_volume_claim else { continue };
        if let Some(name) = local_volume(namespace, &claim.claim_name, snapshot) {
            return bar(format!("its volume {name} is a disk of one node"));
        }
    }
    None
}

/// Name of the volume behind a claim, if it cannot leave its node.
fn local_volume<'s>(namespace: &str, claim: &str, snapshot: &'s Snapshot) -> Option<&'s str> {
    let claim = snapshot.persistent_volume_claims.iter().find(|found| {
        found.metadata.name.as_deref() == Some(claim)
            && found.metadata.namespace.as_deref() == Some(namespace)
    })?;
    let name = claim.spec.as_ref()?.volume_name.as_deref()?;
    let volume =
        snapshot.persistent_volumes.iter().find(|found| found.metadata.name.as_deref() == Some(name))?;
    let spec = volume.spec.as_ref()?;
    (spec.local.is_some() || spec.host_path.is_some()).then_some(name)
}

/// What is no bar, and good to know before the first notice.
fn before_a_notice(owned: &Owned, spec: Option<&PodSpec>) -> Vec<Reason> {
    let mut cautions = Vec::new();
    let Some(spec) = spec else { return cautions };
    let grace_s = spec.termination_grace_period_seconds.unwrap_or(30);
    if grace_s > LONGEST_GRACE_S {
        let text = format!("may take {grace_s} s to end, and a notice leaves {LONGEST_GRACE_S} s");
        cautions.push(Reason::new("grace", text));
    }
    if owned.replicas > 1 && !placement::is_spread(spec) {
        cautions.push(Reason::new("spread", "nothing keeps its replicas apart: one node can hold them all"));
    }
    if spec.volumes.iter().flatten().any(|volume| volume.empty_dir.is_some()) {
        cautions.push(Reason::new("empty-dir", "what is in its emptyDir goes with the node"));
    }
    cautions
}

fn without_requests(owned: &Owned, snapshot: &Snapshot) -> Option<Reason> {
    let asks_for_less = owned.pods.iter().any(|pod| {
        let requests = snapshot.pods[*pod].spec.as_ref().map(crate::demand::requests).unwrap_or_default();
        requests.cpu == 0 || requests.memory == 0
    });
    asks_for_less
        .then(|| Reason::new("requests", "does not request both CPU and memory, so it counts for too little"))
}

/// What has to stand on the same node as something that stays On-Demand stays with it.
pub(crate) fn follow_neighbours(all: &mut [Judged], snapshot: &Snapshot) {
    loop {
        let stays: Vec<(String, BTreeMap<String, String>, String)> = all
            .iter()
            .filter(|judged| judged.market == Some(Market::OnDemand))
            .flat_map(|judged| {
                let pods = judged.owned.pods.iter().map(|pod| &snapshot.pods[*pod].metadata);
                pods.map(|pod| {
                    let labels = pod.labels.clone().unwrap_or_default();
                    (judged.owned.namespace.clone(), labels, judged.owned.name.clone())
                })
            })
            .collect();
        let mut moved = false;
        for judged in
            all.iter_mut().filter(|judged| judged.market == Some(Market::Spot) && !judged.is_asked_for)
        {
            let spec = judged.owned.pods.first().and_then(|pod| snapshot.pods[*pod].spec.as_ref());
            let Some(spec) = spec else { continue };
            let neighbour = stays.iter().find(|(namespace, labels, _)| {
                placement::must_stand_beside(spec, &judged.owned.namespace, namespace, labels)
            });
            if let Some((_, _, name)) = neighbour {
                judged.market = Some(Market::OnDemand);
                judged.cautions.clear();
                let text = format!("has to stand on the same node as {name}, which stays On-Demand");
                judged.reasons = vec![Reason::new("affinity", text)];
                moved = true;
            }
        }
        if !moved {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
