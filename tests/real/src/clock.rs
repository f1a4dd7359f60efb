//! The real clock, read in one place, and polling with a limit.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

/// Now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the real parts run on the real clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Polls until there is an answer; after `patience` fails with what was waited for.
pub async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + patience;
    loop {
        match ask().await {
            Ok(Some(answer)) => return Ok(answer),
            Err(error) if Instant::now() > end => return Err(error.context(what.to_owned())),
            Ok(None) if Instant::now() > end => bail!("not within {patience:?}: {what}"),
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}
