//! `aws lambda` about functions.

use serde_json::{Value, json};

use super::{Function, Network};
use crate::{
    names::{LOG_GROUP, PREVIOUS, PREVIOUS_DESCRIPTION},
    resource::{
        Change, TemplateValues, layer::commands::latest, security_group::commands::group_id, touches,
    },
};

impl TemplateValues for Function {
    fn extra_values(&self, changes: &[Change]) -> Value {
        let is_touched = |field: &&str| changes.is_empty() || touches(changes, field);
        let is_moved = Network::FIELDS.iter().any(is_touched);
        let vpc = self.network.as_ref().filter(|_| is_moved).map(|network| {
            let subnets = network.subnet_ids.join(",");
            format!("SubnetIds={subnets},SecurityGroupIds={}", group_id(&network.vpc_id))
        });
        // Empty lists take it out of its VPC.
        let out = !changes.is_empty() && is_moved;
        let vpc = vpc.or_else(|| out.then(|| "SubnetIds=[],SecurityGroupIds=[]".to_owned()));
        let is_layered = ["layer", "other_layers"].iter().any(is_touched);
        // An empty list takes all layers off.
        let layers = is_layered.then(|| self.layer.as_ref().map_or_else(|| "[]".to_owned(), |_| latest()));
        let variables = is_touched(&"environment").then(|| json!({ "Variables": self.environment }));
        let is_kept = |change: &Change| change.field != "code" || self.record.has(&change.from);
        let note = changes.iter().all(is_kept).then_some(PREVIOUS_DESCRIPTION);
        json!({
            "alias": note.map(|_| PREVIOUS),
            "note": note,
            "kept": note.map(|_| ""),
            "vpc": vpc,
            "latest": self.layer.is_some().then(latest),
            "layers": layers,
            "variables": variables,
            "logging": touches(changes, "others.logging").then(|| format!("LogFormat=Text,LogGroup={LOG_GROUP}")),
            "mounted": touches(changes, "others.file_systems").then_some("[]"),
        })
    }
}
