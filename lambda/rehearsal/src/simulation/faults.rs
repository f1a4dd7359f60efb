//! What goes wrong with the calls of a random storm.

use super::dice::Dice;
use crate::{Api, Fault, FaultKind, world::baseline::CLUSTER};

/// One fault.
pub(super) fn fault(rng: &mut Dice) -> Fault {
    if rng.chance(30) {
        // Nothing but evictions is struck: whatever it is, the last moment passes it.
        let kind = match rng.u8(..8) {
            0 => FaultKind::Throttled,
            1 => FaultKind::UnavailableFor(rng.one(&[1, 5, 10])),
            2 => FaultKind::Denied(rng.one(&[400, 403, 422, 500])),
            3 => FaultKind::Forbidden,
            4 => FaultKind::Hang(u64::MAX),
            _ => FaultKind::ConflictFor(rng.one(&[500, 4_000, 8_000, 10_000])),
        };
        let fault = Fault::always(Api::Kubernetes, kind).on("create pods/eviction");
        return fault.percent(rng.one(&[30, 100, 100]));
    }
    if rng.chance(15) {
        // Policies and webhooks: of patches, or of evictions for a while.
        let code = rng.one(&[400, 403, 422, 500]);
        let (kind, operation) = rng.one(&[
            (FaultKind::DeniedMetadata(code), "patch nodes"),
            (FaultKind::Denied(code), "patch nodes"),
            (FaultKind::Denied(500), "create pods/eviction"),
        ]);
        let until_ms = rng.one(&[5_000, 60_000, u64::MAX]);
        return Fault::always(Api::Kubernetes, kind).on(operation).between(0, until_ms);
    }
    if rng.chance(10) {
        let unknown = Fault::always(Api::Kubernetes, FaultKind::Unauthorized);
        let until_ms = rng.one(&[1_000, 30_000, 60_000, u64::MAX]);
        return unknown.between(0, until_ms).percent(rng.one(&[100, 100, 30]));
    }
    let api = rng.one(&[Api::Ec2, Api::AutoScaling, Api::Kubernetes, Api::Kubernetes, Api::Eks]);
    let kind = match rng.u8(..9) {
        0 | 1 => FaultKind::Throttled,
        8 => FaultKind::Denied(rng.one(&[400, 403, 500])),
        2 => rng.one(&[FaultKind::Unavailable, FaultKind::UnavailableFor(1), FaultKind::UnavailableFor(10)]),
        3 => FaultKind::InternalError,
        4 => FaultKind::Refused,
        5 => FaultKind::AnswerLost,
        6 => FaultKind::Hang(rng.one(&[200, 3_000, 30_000, u64::MAX])),
        _ => FaultKind::Forbidden,
    };
    let later_ms = rng.u64(0..60_000);
    let from_ms = rng.one(&[0, 0, later_ms]);
    let until_ms = rng.one(&[from_ms + 5_000, from_ms + 30_000, u64::MAX]);
    let operation = match (api, rng.u8(..3)) {
        (Api::Kubernetes, 0) => Some(rng.one(&[
            "create pods/eviction",
            "create pods/eviction",
            "delete pods",
            "patch nodes",
            "list pods",
            "list nodes",
            "get nodes",
            "watch pods",
            "list poddisruptionbudgets",
            "create events",
        ])),
        (Api::AutoScaling, 0) => Some(rng.one(&[
            "DetachInstances",
            "DescribeAutoScalingGroups",
            "DescribeScalingActivities",
            "DescribeLifecycleHooks",
        ])),
        _ => None,
    };
    let kind = match (operation, kind) {
        (Some("watch pods"), _) => rng.one(&[FaultKind::Expired, FaultKind::Refused, FaultKind::Unavailable]),
        (_, kind) => kind,
    };
    let of_clusters = matches!(api, Api::Eks | Api::Kubernetes);
    Fault {
        cluster: (of_clusters && rng.chance(20)).then(|| rng.one(&[CLUSTER, "another"]).to_owned()),
        operation: operation.map(str::to_owned),
        percent: rng.one(&[100, 100, 50, 10]),
        times: rng.one(&[None, None, Some(1), Some(5)]),
        ..Fault::always(api, kind).between(from_ms, until_ms)
    }
}
