//! A self-test of the deployed function.

use std::time::SystemTime;

use aws_sdk_lambda::primitives::{Blob, DateTime, DateTimeFormat};

use super::Lambda;
use crate::{
    check::self_test::{self, Reported},
    facts::Facts,
    names,
    provider::{Error, error},
};

const ID: &str = "00000000-0000-0000-0000-000000000000";

impl Lambda {
    /// What the function says of itself; within, why it says nothing. It answers within half a minute.
    pub(in crate::provider) async fn self_test(
        &self,
        facts: &Facts,
    ) -> Result<Result<Vec<Reported>, String>, Error> {
        let event = self_test::event(ID, &now(), &facts.region, &facts.identity.account);
        let call = self.client.invoke().function_name(names::FUNCTION).payload(Blob::new(event));
        let answer = call.send().await.map_err(error::from_sdk("lambda:InvokeFunction"))?;
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        Ok(self_test::read(answer.function_error(), payload))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a notice carries the time, and the function holds it against its own"
)]
fn now() -> String {
    let now = DateTime::from(SystemTime::now());
    DateTime::from_secs(now.secs()).fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_as_events_have_it() {
        let time = now();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }
}
