//! Hand-made outcomes for the tests of the timeline.

use serde_json::json;

use crate::outcome::{
    Delivery, Fate, NodeTimeline, Outcome, PodCounts, PodTrack, ReplacementTrack, WorldSummary,
};

/// The `number`-th pod, with times that fit its fate.
pub(in crate::timeline) fn pod(number: usize, fate: Fate) -> PodTrack {
    let place = number as u64;
    let workload = ["web", "api", "worker", "search"][number % 4];
    let (asked, terminating, ended) = match fate {
        Fate::Stays => (None, None, None),
        Fate::Drained => (Some(100), Some(150), Some(1_150 + place * 613 % 7_000)),
        Fate::Deleted => (Some(100), Some(87_000), Some(91_400)),
        Fate::Left => (Some(100), None, None),
        Fate::Killed => (Some(100), Some(150), Some(120_000)),
    };
    PodTrack {
        namespace: if number.is_multiple_of(3) { "shop" } else { "batch" }.to_owned(),
        name: format!("{workload}-7d9f8c5b6-x{number:04}"),
        uid: format!("uid-{number}"),
        workload: workload.to_owned(),
        asked_ms: asked,
        terminating_ms: terminating,
        ended_ms: ended,
        fate,
    }
}

/// The `number`-th node with `pods`, replaced after 49 s.
pub(in crate::timeline) fn node(number: usize, pods: Vec<PodTrack>) -> NodeTimeline {
    NodeTimeline {
        instance: format!("i-0a1b2c3d4e5f{number:05}"),
        node: format!("ip-10-0-1-{number}.ec2.internal"),
        notice_ms: 0,
        reclaimed_ms: Some(120_000),
        cordoned_ms: Some(100),
        replacement: Some(ReplacementTrack {
            instance: format!("i-0replacement{number:05}"),
            launched_ms: 150,
            ready_ms: Some(49_000),
        }),
        pods,
    }
}

/// The outcome of a run over `nodes`.
pub(in crate::timeline) fn outcome(nodes: Vec<NodeTimeline>) -> Outcome {
    let fates = |fate: Fate| nodes.iter().flat_map(|node| &node.pods).filter(|pod| pod.fate == fate).count();
    let (drained, deleted) = (fates(Fate::Drained), fates(Fate::Deleted));
    let (left, killed) = (fates(Fate::Left), fates(Fate::Killed));
    let reports: Vec<_> = (nodes.iter())
        .map(|node| {
            let pods: Vec<_> = (node.pods.iter())
                .filter(|pod| pod.fate == Fate::Deleted)
                .map(
                    |pod| json!({"uid": pod.uid, "reason": "PodDisruptionBudget shop/db refused until 87 s"}),
                )
                .collect();
            json!({"event": {"instance_id": node.instance}, "outcome": "drained", "pods": pods,
                   "replacement": {"outcome": "requested"}})
        })
        .collect();
    let deliveries = nodes.iter().zip(&reports).map(|(node, report)| Delivery {
        at_ms: 0,
        answered_ms: Some(9_000),
        instances: vec![node.instance.clone()],
        answer: Ok(report.clone()),
        failed: None,
    });
    Outcome {
        scenario: "baseline".to_owned(),
        seed: 1,
        world: WorldSummary {
            pods: PodCounts { total: drained + deleted + left + killed, drained, deleted, left, killed },
            replacements: nodes.len(),
            ..WorldSummary::default()
        },
        errors: Vec::new(),
        virtual_ms: 120_000,
        real_ms: 80,
        deliveries: deliveries.collect(),
        reports: reports.clone(),
        timelines: nodes,
        trace: Vec::new(),
    }
}
