//! The meaning of errors.

pub(crate) use cast_spot_cloud::{
    code_and_message, from_kube, from_sdk, is_absent, is_not_found, ok_if_absent, optional,
};
