//! The meaning of errors, and the errors of many calls.

use super::{Error, ErrorKind};
use crate::observed::{Found, Observed};

pub(crate) use cast_spot_cloud::{
    code_and_message, from_kube, from_sdk, is_absent, is_not_found, listed, ok_if_absent, optional,
};

/// The resources that were found, or every distinct error.
pub(super) fn gathered(
    seen: Vec<Result<Found, Error>>,
    is_shared: fn(&ErrorKind) -> bool,
) -> Result<Observed, Vec<Error>> {
    let (found, failed): (Vec<_>, Vec<_>) = seen.into_iter().partition(Result::is_ok);
    let errors = distinct(failed.into_iter().filter_map(Result::err), is_shared);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(found.into_iter().flatten().map(|found| (found.resource.id(), found)).collect())
}

/// Each error once. Of a reason that all calls share, such as refused credentials, the first one stands for all.
pub(super) fn distinct(
    errors: impl IntoIterator<Item = Error>,
    is_shared: fn(&ErrorKind) -> bool,
) -> Vec<Error> {
    let mut distinct: Vec<Error> = Vec::new();
    for error in errors {
        let is_same =
            |other: &Error| *other == error || (other.reason == error.reason && is_shared(&error.reason));
        if !distinct.iter().any(is_same) {
            distinct.push(error);
        }
    }
    distinct
}
