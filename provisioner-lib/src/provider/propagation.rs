//! What is made in IAM is known everywhere only after a while ("Changes that I make are not always immediately
//! visible" in the IAM User Guide). Whoever comes too early is refused, and tries again within a limit.

use std::{future::Future, time::Duration};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use cast_spot_cloud::Failure;
use tokio::time::{Instant, sleep};

use super::{Error, error};

/// How long a service may take to hear of a new role or user.
pub(super) const KNOWN_EVERYWHERE: Duration = Duration::from_mins(1);
/// How long IAM itself may take to show what it has just made.
pub(super) const KNOWN_TO_IAM: Duration = Duration::from_secs(30);
/// How long IAM may take to forget what was in something that goes.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tries again as long as `is_early` says of code and message that it only came too early, for `limit` in all.
pub(super) async fn retry_until_consistent<T, E: Failure, F>(
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

/// Before something is begun anew because somebody else is at it, for the `round`th time: longer each time, and not
/// the same for two who meet.
pub(super) async fn pause(round: u32) {
    let longest = (FIRST_PAUSE * 2_u32.saturating_pow(round.min(8))).min(LONGEST_PAUSE);
    sleep(longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5))).await;
}

/// IAM does not show yet what it has just made.
pub(super) fn is_unseen(code: &str, _: &str) -> bool {
    code == "NoSuchEntity"
}

/// IAM still shows what it has just taken away.
pub(super) fn is_still_seen(code: &str, _: &str) -> bool {
    code == "DeleteConflict"
}
