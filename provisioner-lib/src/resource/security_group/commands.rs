//! `aws ec2` about security groups.

use serde_json::{Value, json};

use super::SecurityGroup;
use crate::{
    names::SECURITY_GROUP,
    resource::{Change, TemplateValues},
};

impl TemplateValues for SecurityGroup {
    fn extra_values(&self, _: &[Change]) -> Value {
        let tags: Vec<String> =
            self.tags.iter().map(|(key, value)| format!("{{Key={key},Value={value}}}")).collect();
        let specification = format!("ResourceType=security-group,Tags=[{}]", tags.join(","));
        json!({ "specification": specification, "id": group_id(&self.vpc_id) })
    }
}

/// The id of our group in a VPC, as a word of the shell.
pub(in crate::resource) fn group_id(vpc_id: &str) -> String {
    format!(
        "\"$(aws ec2 describe-security-groups --filters Name=group-name,Values={SECURITY_GROUP} Name=vpc-id,Values={vpc_id} \
         --query 'SecurityGroups[0].GroupId' --output text)\""
    )
}
