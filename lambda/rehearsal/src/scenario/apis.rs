//! APIs that fail.

use crate::{Api, Fault, FaultKind, WorldSpec};

use super::Options;

/// The API server takes calls and answers none of them for half a minute.
pub(super) fn api_server_hangs(spec: &mut WorldSpec, _: &Options) {
    spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Hang(u64::MAX)).between(0, 30_000));
}

/// The API server knows no caller for the first minute: STS throttles its authenticator.
pub(super) fn unauthorized_at_first(spec: &mut WorldSpec, _: &Options) {
    spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Unauthorized).between(0, 60_000));
}

/// EC2 throttles for good, and there is no connection to the API server either.
pub(super) fn only_auto_scaling_answers(spec: &mut WorldSpec, _: &Options) {
    always(spec, Api::Kubernetes, FaultKind::Refused);
    always(spec, Api::Ec2, FaultKind::Throttled);
}

/// EKS is out of order for good, and the function starts with nothing cached.
pub(super) fn eks_unavailable(spec: &mut WorldSpec, _: &Options) {
    always(spec, Api::Eks, FaultKind::Unavailable);
    spec.settings.cold = true;
}

/// Every call to an API fails, for good.
pub(super) fn always(spec: &mut WorldSpec, api: Api, kind: FaultKind) {
    spec.faults.push(Fault::always(api, kind));
}

/// A webhook of the API server denies an operation, for good.
pub(super) fn deny(spec: &mut WorldSpec, operation: &str, code: u16) {
    spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Denied(code)).on(operation));
}
