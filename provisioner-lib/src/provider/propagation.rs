//! IAM is eventually consistent ("Changes that I make are not always immediately visible" in the IAM User Guide). A
//! call that comes too early is refused, and retried within a limit.

use std::{future::Future, time::Duration};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use cast_spot_cloud::Failure;
use tokio::time::{Instant, sleep};

use super::{Error, Made, error};

/// Until then every service knows a new role or user.
pub(crate) const KNOWN_EVERYWHERE: Duration = Duration::from_mins(1);
/// Until then IAM itself shows what it has created.
pub(crate) const KNOWN_TO_IAM: Duration = Duration::from_secs(30);
/// Until then IAM knows that a resource is empty and can be deleted.
pub(crate) const FORGOTTEN: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Retries for up to `limit` while `is_early` says, by code and message, that the call came too early.
pub(crate) async fn retry_until_consistent<T, E: Failure, F>(
    call: &str,
    limit: Duration,
    is_early: fn(&str, &str) -> bool,
    attempt: impl Fn() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let end = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        let failure = match attempt().await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        let (code, message) = error::code_and_message(&failure);
        if !is_early(code, message) || Instant::now() + pause > end {
            return Err(error::from_sdk(call)(failure));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Deletes what may stay in use for a while. A resource that does not exist is deleted already.
pub(crate) async fn delete_when_free<T, E: Failure, F>(
    call: &str,
    limit: Duration,
    is_in_use: fn(&str, &str) -> bool,
    attempt: impl Fn() -> F,
) -> Result<Made, Error>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let deleted = retry_until_consistent(call, limit, is_in_use, || async {
        match attempt().await {
            Err(failure) if error::is_absent(error::code_and_message(&failure).0) => Ok(()),
            other => other.map(drop),
        }
    });
    deleted.await.map(Made::alone)
}

/// Waits before the `round`th new plan: longer each time, and by a random part, so that two runs that collide come apart.
pub(crate) async fn pause(round: u32) {
    let longest = (FIRST_PAUSE * 2_u32.saturating_pow(round.min(8))).min(LONGEST_PAUSE);
    sleep(longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5))).await;
}

/// Whether IAM does not show yet what it has created.
pub(crate) fn is_unseen(code: &str, _: &str) -> bool {
    code == "NoSuchEntity"
}

/// Whether IAM still shows what it has deleted.
pub(crate) fn is_still_seen(code: &str, _: &str) -> bool {
    code == "DeleteConflict"
}
