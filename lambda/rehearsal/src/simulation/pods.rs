//! Pods of a random world, their budgets, and what others do to them.

use super::dice::Dice;
use crate::{
    Budget, Deletion, ExitTime, PdbSpec, PodState, Seats, TerminatingNamespace, WorkloadKind, WorkloadSpec,
    WorldSpec,
};

pub(super) fn workloads(spec: &mut WorldSpec, rng: &mut Dice) {
    for workload in &mut spec.cluster().workloads {
        if workload.namespace == "shop" {
            vary(workload, rng);
        }
    }
    let names: Vec<String> = spec.cluster().nodes.iter().map(|node| node.name.clone()).collect();
    for number in 0..rng.usize(0..=4) {
        let kind = rng.one(&[
            WorkloadKind::StatefulSet,
            WorkloadKind::StatefulSet,
            WorkloadKind::Job,
            WorkloadKind::Bare,
            WorkloadKind::Mirror,
        ]);
        let nodes = (0..rng.usize(1..=4)).map(|_| names[rng.usize(..names.len())].clone()).collect();
        let mut extra = WorkloadSpec { kind, ..WorkloadSpec::deployment(&format!("extra-{number}"), nodes) };
        if kind == WorkloadKind::Mirror {
            // A kubelet has one mirror pod of a name.
            extra.nodes.truncate(1);
        }
        vary(&mut extra, rng);
        spec.cluster().workloads.push(extra);
    }
}

fn vary(workload: &mut WorkloadSpec, rng: &mut Dice) {
    workload.grace_s = rng.one(&[30, 30, 30, 0, 1, 5, 60, 110, 600, 3_600]);
    workload.exit = match rng.u8(..10) {
        0 => ExitTime::Never,
        1 => ExitTime::Ms(0),
        2 => ExitTime::Between(20_000, 100_000),
        _ => ExitTime::Between(100, 8_000),
    };
    workload.ready_ms = rng.one(&[0, 1_000, 3_000, 40_000]);
    workload.state = match rng.u8(..20) {
        0 => PodState::UnreadyUntil(u64::MAX),
        1 => PodState::UnreadyUntil(rng.u64(0..90_000)),
        2 | 4 => PodState::Terminating,
        3 if workload.kind != WorkloadKind::Deployment => PodState::Succeeded,
        5 if workload.kind != WorkloadKind::Deployment => PodState::Failed,
        _ => PodState::Ready,
    };
    workload.tolerates = rng.chance(8);
    if rng.chance(8) && workload.state == PodState::Ready {
        workload.binds_after_ms = Some(rng.u64(0..=90_000));
    }
    if rng.chance(10) {
        let class = rng.one(&["system-cluster-critical", "system-node-critical", "high"]);
        workload.priority_class = Some(class.to_owned());
    }
}

pub(super) fn budgets(spec: &mut WorldSpec, rng: &mut Dice) {
    let mut pdbs = Vec::new();
    for workload in &spec.cluster().workloads {
        for number in 0..rng.one(&[0, 0, 1, 1, 1, 2]) {
            let mut pdb = PdbSpec::over(&workload.name, budget(rng));
            pdb.namespace.clone_from(&workload.namespace);
            pdb.name = format!("{}-{number}", pdb.name);
            pdb.always_allow_unhealthy = rng.chance(30);
            pdb.change = rng.chance(20).then(|| (rng.u64(0..110_000), budget(rng)));
            pdbs.push(pdb);
        }
    }
    if rng.chance(10) {
        pdbs.push(PdbSpec { app: None, ..PdbSpec::over("whole-shop", budget(rng)) });
    }
    if rng.chance(5) {
        let pods_deleted_ms = rng.chance(50).then(|| rng.u64(0..60_000));
        spec.cluster().terminating = vec![TerminatingNamespace { name: "shop".to_owned(), pods_deleted_ms }];
    }
    spec.cluster().pdbs = pdbs;
}

/// What others do to pods, and how many calls the API server serves.
pub(super) fn others(spec: &mut WorldSpec, rng: &mut Dice) {
    let workloads: Vec<String> = spec.cluster().workloads.iter().map(|w| w.name.clone()).collect();
    for _ in 0..rng.one(&[0, 0, 1, 3]) {
        let deletion = Deletion {
            workload: workloads[rng.usize(..workloads.len())].clone(),
            at_ms: rng.u64(0..110_000),
            grace_s: rng.one(&[None, Some(1), Some(30), Some(3_600)]),
        };
        spec.cluster().deletions.push(deletion);
    }
    if rng.chance(20) {
        let seats = Seats {
            concurrent: rng.u32(1..=10),
            queue: rng.one(&[0, 5, 50]),
            service_ms: rng.one(&[5, 20, 100]),
        };
        spec.cluster().seats = Some(seats);
    }
}

fn budget(rng: &mut Dice) -> Budget {
    match rng.u8(..6) {
        0 => Budget::MinAvailable(rng.u32(0..=4)),
        1 => Budget::MinAvailablePercent(rng.one(&[0, 50, 100])),
        2 => Budget::MaxUnavailablePercent(rng.one(&[0, 25, 100])),
        3 => Budget::MaxUnavailable(0),
        _ => Budget::MaxUnavailable(1),
    }
}
