//! A notice for an instance that there is not, through the deployed function.

use std::time::SystemTime;

use aws_sdk_lambda::primitives::{Blob, DateTime, DateTimeFormat};
use serde_json::{Value, json};

use super::Lambda;
use crate::{
    facts::{Facts, Identity},
    provider::{Error, error},
    verify::Verdict,
};

/// Nobody's: EC2 draws ids at random.
const NOBODY: &str = "i-00000000000000000";
const ID: &str = "00000000-0000-0000-0000-000000000000";

impl Lambda {
    /// Passed when the function answers with a report. An error of the function is the answer, too.
    pub(in crate::provider) async fn notice(&self, function: &str, facts: &Facts) -> Result<Verdict, Error> {
        let event = event(&facts.region, &facts.identity, &now()).to_string();
        let call = self.client.invoke().function_name(function).payload(Blob::new(event));
        let answer = call.send().await.map_err(error::of("lambda:InvokeFunction"))?;
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        Ok(verdict(answer.function_error(), payload))
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

/// As EC2 sends it ("EC2 Spot Instance interruption notices" in the EC2 User Guide), with a mark that the handler
/// knows.
fn event(region: &str, identity: &Identity, time: &str) -> Value {
    let Identity { partition, account, .. } = identity;
    json!({
        "version": "0",
        "id": ID,
        "detail-type": "EC2 Spot Instance Interruption Warning",
        "source": "aws.ec2",
        "account": account,
        "time": time,
        "region": region,
        "resources": [format!("arn:{partition}:ec2:{region}:{account}:instance/{NOBODY}")],
        "detail": { "instance-id": NOBODY, "instance-action": "terminate", "dry-run": true },
    })
}

fn verdict(function_error: Option<&str>, payload: &[u8]) -> Verdict {
    let text = || String::from_utf8_lossy(payload).trim().to_owned();
    if let Some(kind) = function_error {
        return Verdict { passed: false, detail: format!("the function failed ({kind}): {}", text()) };
    }
    let report: Value = serde_json::from_slice(payload).unwrap_or_default();
    match report["outcome"].as_str() {
        Some("ignored") => Verdict { passed: true, detail: "answered; there is no such instance".to_owned() },
        Some(outcome) => {
            let reason = report["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
            Verdict {
                passed: report["dry_run"] == true && outcome != "failed",
                detail: format!("{outcome}{reason}"),
            }
        }
        None => Verdict { passed: false, detail: format!("not a report: {}", text()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_report_is_an_answer() {
        let passed = |error, payload: Value| verdict(error, payload.to_string().as_bytes()).passed;
        assert!(passed(None, json!({ "outcome": "ignored", "dry_run": true })));
        assert!(passed(None, json!({ "outcome": "drained", "dry_run": true })));
        assert!(!passed(None, json!({ "outcome": "failed", "dry_run": true, "reason": "EC2 says no" })));
        assert!(!passed(None, json!({ "outcome": "drained" })));
        assert!(!passed(None, json!("hello")));
        assert!(!passed(Some("Unhandled"), json!({ "outcome": "ignored" })));
    }

    #[test]
    fn the_notice_says_the_region_and_now() {
        let identity = Identity {
            partition: "aws-us-gov".to_owned(),
            account: "123456789012".to_owned(),
            arn: String::new(),
        };
        let event = event("us-gov-west-1", &identity, &now());
        let instance = "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:instance/i-00000000000000000";
        assert_eq!(event["resources"], json!([instance]));
        let time = event["time"].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
        assert_eq!(event["detail"]["dry-run"], true);
    }
}
