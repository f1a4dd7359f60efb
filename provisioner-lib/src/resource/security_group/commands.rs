//! `aws ec2` about security groups.

use super::SecurityGroup;
use crate::{
    names::SECURITY_GROUP,
    resource::{Change, Commands, Context, Shell, TagChanges},
};

impl Commands for SecurityGroup {
    fn create(&self, _: &Context) -> Vec<Shell> {
        let tags: Vec<String> =
            self.tags.iter().map(|(key, value)| format!("{{Key={key},Value={value}}}")).collect();
        vec![
            Shell::aws("ec2", "create-security-group")
                .with("--group-name", &self.name)
                .with("--vpc-id", &self.vpc_id)
                .with("--description", &self.description)
                .with(
                    "--tag-specifications",
                    format!("ResourceType=security-group,Tags=[{}]", tags.join(",")),
                ),
        ]
    }

    fn update(&self, changes: &[Change], _: &Context) -> Vec<Shell> {
        let tag = Shell::aws("ec2", "create-tags").raw(format!("--resources {}", group_id(&self.vpc_id)));
        vec![tag.listed(&TagChanges::of(changes).set)]
    }

    fn delete(&self) -> Vec<Shell> {
        let id = group_id(&self.vpc_id);
        vec![Shell::aws("ec2", "delete-security-group").raw(format!("--group-id {id}"))]
    }
}

/// The id of our group in a VPC, as a word of the shell.
pub(in crate::resource) fn group_id(vpc_id: &str) -> String {
    format!(
        "\"$(aws ec2 describe-security-groups --filters Name=group-name,Values={SECURITY_GROUP} Name=vpc-id,Values={vpc_id} \
         --query 'SecurityGroups[0].GroupId' --output text)\""
    )
}
