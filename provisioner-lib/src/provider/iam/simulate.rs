//! What IAM would say to a call.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use super::Iam;
use crate::{
    provider::{Error, ErrorKind, error},
    verify::{Check, Verdict},
};

impl Iam {
    /// All policies of the principal are looked at, in no more than one call.
    pub(in crate::provider) async fn simulate(&self, check: &Check) -> Result<Verdict, Error> {
        let name = "iam:SimulatePrincipalPolicy";
        let Check::Allowed { principal_arn, action, resource, context, expected } = check else {
            return Err(Error::new(ErrorKind::Other, name, "not a check of IAM"));
        };
        let entries = context.iter().map(|(key, value)| {
            let entry = ContextEntry::builder().context_key_name(key).context_key_values(value);
            entry.context_key_type(ContextKeyTypeEnum::String).build()
        });
        let call = self
            .client
            .simulate_principal_policy()
            .policy_source_arn(principal_arn)
            .action_names(action)
            .resource_arns(resource)
            .set_context_entries((!context.is_empty()).then(|| entries.collect()));
        let answer = call.send().await.map_err(error::of(name))?;
        let Some(result) = answer.evaluation_results().first() else {
            return Err(Error::new(ErrorKind::Other, name, "no result"));
        };
        let allowed = result.eval_decision == PolicyEvaluationDecisionType::Allowed;
        let said = match &result.eval_decision {
            PolicyEvaluationDecisionType::Allowed => "allowed",
            PolicyEvaluationDecisionType::ExplicitDeny => "denied by a policy",
            _ => "allowed by no policy",
        };
        let missing = result.missing_context_values();
        let detail = if missing.is_empty() || allowed {
            said.to_owned()
        } else {
            format!("{said}; its policies ask for {}", missing.join(", "))
        };
        Ok(Verdict { passed: allowed == *expected, detail })
    }
}
