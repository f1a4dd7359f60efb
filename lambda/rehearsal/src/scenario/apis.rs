//! APIs that fail.

use crate::{Api, Fault, FaultKind, WorldSpec};

use super::Options;
use super::cluster::terminated;

/// No connection to the API server, ever.
pub(super) fn api_server_down(options: &Options) -> WorldSpec {
    with(options, Fault::always(Api::Kubernetes, FaultKind::Refused))
}

/// The API server takes calls and answers none of them for half a minute.
pub(super) fn api_server_hangs(options: &Options) -> WorldSpec {
    with(options, Fault::always(Api::Kubernetes, FaultKind::Hang(u64::MAX)).between(0, 30_000))
}

/// The API server knows no caller for the first minute: STS throttles its authenticator.
pub(super) fn unauthorized_at_first(options: &Options) -> WorldSpec {
    with(options, Fault::always(Api::Kubernetes, FaultKind::Unauthorized).between(0, 60_000))
}

/// A webhook refuses every change of a node, for good.
pub(super) fn cordon_refused(options: &Options) -> WorldSpec {
    with(options, Fault::always(Api::Kubernetes, FaultKind::Denied(403)).on("patch nodes"))
}

/// EC2 throttles for good.
pub(super) fn ec2_throttled(options: &Options) -> WorldSpec {
    with(options, Fault::always(Api::Ec2, FaultKind::Throttled))
}

/// EC2 throttles for good, and there is no connection to the API server either.
pub(super) fn only_auto_scaling_answers(options: &Options) -> WorldSpec {
    let mut spec = api_server_down(options);
    spec.faults.push(Fault::always(Api::Ec2, FaultKind::Throttled));
    spec
}

/// A webhook denies evictions with an error of the server, as drain cleaners do.
pub(super) fn webhook_denies_evictions(options: &Options) -> WorldSpec {
    with(options, Fault::always(Api::Kubernetes, FaultKind::Denied(500)).on("create pods/eviction"))
}

/// Auto Scaling is out of order for good.
pub(super) fn autoscaling_fails(options: &Options) -> WorldSpec {
    with(options, Fault::always(Api::AutoScaling, FaultKind::InternalError))
}

/// EKS is out of order for good, and the function starts with nothing cached.
pub(super) fn eks_unavailable(options: &Options) -> WorldSpec {
    let mut spec = with(options, Fault::always(Api::Eks, FaultKind::Unavailable));
    spec.settings.cold = true;
    spec
}

fn with(options: &Options, fault: Fault) -> WorldSpec {
    terminated(options, |spec| spec.faults.push(fault))
}
