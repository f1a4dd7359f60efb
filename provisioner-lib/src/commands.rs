//! A plan as the `aws` and `kubectl` commands that do the same by hand ("Manual credential onboarding"): a script for
//! a POSIX shell, to be read and then run, as a whole or command by command. Pure.

use std::fmt::Write;

use crate::{
    facts::Facts,
    invisible::visible,
    plan::{Action, Phases, Plan},
    resource::{Context, Id, commands as shells, quoted},
};

/// The script. `zip` is the file of the function's code.
#[must_use]
pub fn commands(plan: &Plan, facts: &Facts, zip: &str) -> String {
    let mut text = head(facts);
    if plan.is_empty() {
        text.push_str("\n# Nothing to do.\n");
    }
    let Phases { first, steps, last } = plan.phases();
    for (step, action) in first.iter().chain(&steps).chain(&last) {
        let (resource, context) = (&step.resource, context(facts, zip, &step.after));
        let create = || shells(resource, "create", &[], &context);
        let delete = || shells(resource, "delete", &[], &context);
        let (word, shells) = match action {
            Action::Keep => continue,
            Action::Create => ("create", create()),
            Action::Update { changes } => ("change", shells(resource, "update", changes, &context)),
            Action::Replace { .. } => ("replace", [delete(), create()].concat()),
            Action::Delete => ("remove", delete()),
            Action::Conflict { why } => {
                let comment = format!("CONFLICT: {} is not cast-spot's: {why}", step.id);
                let _ = writeln!(text, "\n# {}", visible(&comment));
                continue;
            }
        };
        let _ = writeln!(text, "\n# {word} {}", visible(&step.id.to_string()));
        for shell in shells {
            let _ = writeln!(text, "{shell}");
        }
    }
    text
}

fn head(facts: &Facts) -> String {
    let (cluster, account) = (visible(&facts.cluster.name), visible(&facts.identity.account));
    let region = quoted(&facts.region);
    format!(
        "#!/bin/sh\n\
         # Cluster {cluster} in {region}, account {account}: what cast-spot would do, as commands of aws and kubectl.\n\
         # kubectl has to be connected to the cluster: aws eks update-kubeconfig --name {cluster} --region {region}\n\
         set -eu\n\
         export AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_PAGER=\n"
    )
}

fn context<'a>(facts: &'a Facts, zip: &'a str, after: &'a [Id]) -> Context<'a> {
    let identity = &facts.identity;
    let (partition, account) = (&identity.partition, &identity.account);
    Context { partition, region: &facts.region, account, zip, after }
}

#[cfg(test)]
mod tests;
