//! The meaning of errors, and the one that is a defect of this crate.

use super::Error;
use crate::resource::Resource;

pub(super) use cast_spot_cloud::{
    code_and_message, from_kube, from_sdk, is_absent, is_not_found, ok_if_absent, optional,
};

/// A resource that reached the wrong service: a defect of this crate.
pub(super) fn wrong_service(resource: &Resource) -> Error {
    Error::other("provider", format!("{} is of another service", resource.id()))
}
