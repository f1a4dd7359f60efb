//! `aws eks`.

use serde_json::{Value, json};

use super::AccessEntry;
use crate::resource::{Change, TemplateValues};

impl TemplateValues for AccessEntry {
    /// Policies that are missing, those that are too much, and the ARN, which only EKS knows.
    fn extra_values(&self, changes: &[Change]) -> Value {
        let change = changes.iter().find(|change| change.field == "policies");
        let there: Vec<String> =
            change.and_then(|change| serde_json::from_str(&change.from).ok()).unwrap_or_default();
        let missing: Vec<_> = self.policies.iter().filter(|arn| !there.contains(arn)).collect();
        let unwanted = self.unwanted(&there);
        let arn = format!(
            "\"$(aws eks describe-access-entry --cluster-name {} --principal-arn {} \
             --query accessEntry.accessEntryArn --output text)\"",
            self.cluster, self.principal_arn
        );
        json!({ "missing": missing, "unwanted": unwanted, "arn": arn })
    }
}
