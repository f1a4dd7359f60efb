//! Clients whose settings differ from those that all services share.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction},
};
use cast_spot_cloud::limits;

/// Limit of one attempt of a call that uploads the function's zip, also over a slow line.
const UPLOAD: Duration = Duration::from_mins(5);

/// Lambda, with time enough for an upload.
pub(super) fn lambda(config: &SdkConfig) -> aws_sdk_lambda::Client {
    let config = aws_sdk_lambda::config::Builder::from(config).timeout_config(limits(UPLOAD));
    aws_sdk_lambda::Client::from_conf(config.build())
}

/// IAM, which retries where parallel steps change one role.
pub(super) fn iam(config: &SdkConfig) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::config::Builder::from(config).retry_classifier(Overlap);
    aws_sdk_iam::Client::from_conf(config.build())
}

/// Retries `ConcurrentModification`: of two requests that change one object at once, IAM refuses one, to be repeated
/// (IAM API reference). The SDK takes that for final.
#[derive(Debug)]
struct Overlap;

impl ClassifyRetry for Overlap {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let answer = context.response().and_then(|response| response.body().bytes()).unwrap_or_default();
        if String::from_utf8_lossy(answer).contains("<Code>ConcurrentModification") {
            return RetryAction::transient_error();
        }
        RetryAction::NoActionIndicated
    }

    fn name(&self) -> &'static str {
        "overlapping changes"
    }
}

#[cfg(test)]
mod tests {
    use aws_config::retry::RetryConfig;

    use super::*;
    use crate::provider::wire;

    #[tokio::test(start_paused = true)]
    async fn changes_that_meet_in_one_role_are_made_again() {
        let mut refusals = 2;
        let (config, asked) = wire::config(move |_| {
            refusals -= 1;
            if refusals >= 0 {
                let code = "<Code>ConcurrentModification</Code><Message>again</Message>";
                return (409, format!("<ErrorResponse><Error>{code}</Error></ErrorResponse>"));
            }
            (200, "<TagRoleResponse/>".to_owned())
        });
        let retries = RetryConfig::standard().with_max_attempts(3);
        let config = config.into_builder().retry_config(retries).build();
        iam(&config).tag_role().role_name("r").set_tags(Some(Vec::new())).send().await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), 3);
    }
}
