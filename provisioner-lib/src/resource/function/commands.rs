//! `aws lambda` about functions.

use serde_json::{Map, Value, json};

use super::Function;
use crate::{
    names::{PREVIOUS, PREVIOUS_DESCRIPTION},
    resource::{
        Change, TemplateValues,
        layer::commands::{beside_others, latest},
        quoted,
        security_group::commands::group_id,
        touches,
    },
};

impl TemplateValues for Function {
    fn extra_values(&self, changes: &[Change]) -> Value {
        let is_touched = |field: &&str| changes.is_empty() || touches(changes, field);
        let is_moved = ["vpc_id", "subnet_ids", "security_group"].iter().any(is_touched);
        let vpc = self.network.as_ref().filter(|_| is_moved).map(|network| {
            let subnets = network.subnet_ids.join(",");
            format!("SubnetIds={subnets},SecurityGroupIds={}", group_id(&network.vpc_id))
        });
        let layers = is_touched(&"layer").then(|| beside_others(&self.name, self.layer.is_some()));
        json!({
            "alias": PREVIOUS,
            "note": PREVIOUS_DESCRIPTION,
            "vpc": vpc,
            "latest": self.layer.is_some().then(latest),
            "layers": layers,
            "variables": { "Variables": self.environment },
            "merged": self.merged(changes),
        })
    }
}

impl Function {
    /// The environment with the variables that change.
    fn merged(&self, changes: &[Change]) -> Option<String> {
        let variable =
            |change: &Change| Some((change.field.strip_prefix("environment.")?.to_owned(), json!(change.to)));
        let variables: Map<String, Value> = changes.iter().filter_map(variable).collect();
        let filter = quoted(&format!("{{Variables: ((.Variables // {{}}) + {})}}", json!(variables)));
        let get = format!("aws lambda get-function-configuration --function-name {}", self.name);
        (!variables.is_empty()).then(|| format!("\"$({get} --query Environment | jq -c {filter})\""))
    }
}
