//! A plan as the `aws` and `kubectl` commands that do the same by hand ("Manual credential onboarding"): a script for
//! a POSIX shell, to be read and then run, as a whole or command by command. Pure.

use std::fmt::Write;

use crate::{
    facts::Facts,
    plan::{Action, Change, Plan, Step},
    resource::Tags,
};

mod function;
mod iam;
mod kubernetes;
mod layer;
mod shell;

use shell::Shell;

/// What the commands of one step go by.
#[derive(Clone, Copy)]
struct Context<'a> {
    facts: &'a Facts,
    /// The function's zip.
    zip: &'a str,
}

/// The script. `zip` is the file of the function's code.
#[must_use]
pub fn commands(plan: &Plan, facts: &Facts, zip: &str) -> String {
    let context = Context { facts, zip };
    let mut text = head(facts);
    if plan.is_empty() {
        text.push_str("\n# Nothing to do.\n");
    }
    for step in &plan.steps {
        let (word, shells) = match &step.action {
            Action::Keep => continue,
            Action::Create => ("create", create(step, context)),
            Action::Update { changes } => ("change", update(step, changes, context)),
            Action::Replace { .. } => ("replace", [delete(step, context), create(step, context)].concat()),
            Action::Delete => ("remove", delete(step, context)),
            Action::Conflict { why } => {
                let _ = writeln!(text, "\n# CONFLICT: {} is not cast-spot's: {why}", step.id);
                continue;
            }
        };
        let _ = writeln!(text, "\n# {word} {}", step.id);
        for shell in shells {
            let _ = writeln!(text, "{shell}");
        }
    }
    text
}

fn head(facts: &Facts) -> String {
    let (cluster, region, account) = (&facts.cluster.name, &facts.region, &facts.identity.account);
    format!(
        "#!/bin/sh\n\
         # Cluster {cluster} in {region}, account {account}: what cast-spot would do, as commands of aws and kubectl.\n\
         # kubectl has to be connected to the cluster: aws eks update-kubeconfig --name {cluster} --region {region}\n\
         set -eu\n\
         export AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_PAGER=\n"
    )
}

fn create(step: &Step, context: Context) -> Vec<Shell> {
    let resource = &step.resource;
    iam::create(resource)
        .or_else(|| function::create(resource, step, context))
        .or_else(|| kubernetes::create(resource))
        .unwrap_or_default()
}

fn update(step: &Step, changes: &[Change], context: Context) -> Vec<Shell> {
    let resource = &step.resource;
    iam::update(resource, changes)
        .or_else(|| function::update(resource, changes, context))
        .or_else(|| kubernetes::update(resource, changes))
        .unwrap_or_default()
}

fn delete(step: &Step, context: Context) -> Vec<Shell> {
    let resource = &step.resource;
    iam::delete(resource)
        .or_else(|| function::delete(resource, context))
        .or_else(|| kubernetes::delete(resource))
        .unwrap_or_default()
}

/// Whether one of `fields` changes.
fn touches(changes: &[Change], fields: &[&str]) -> bool {
    changes.iter().any(|change| fields.contains(&change.field.as_str()))
}

/// Tags that are set, and the names of those that go.
fn tag_changes(changes: &[Change]) -> (Tags, Vec<String>) {
    let (mut set, mut gone) = (Tags::new(), Vec::new());
    for change in changes {
        let Some(name) = change.field.strip_prefix("tags.") else { continue };
        if change.to.is_empty() {
            gone.push(name.to_owned());
        } else {
            set.insert(name.to_owned(), change.to.clone());
        }
    }
    (set, gone)
}

/// As IAM and EventBridge take tags.
fn listed(tags: &Tags) -> Vec<String> {
    tags.iter().map(|(key, value)| format!("Key={key},Value={value}")).collect()
}

/// As the other services do.
fn mapped(tags: &Tags) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The ARN of one of ours in the region.
fn arn(facts: &Facts, service: &str, resource: &str) -> String {
    let identity = &facts.identity;
    format!("arn:{}:{service}:{}:{}:{resource}", identity.partition, facts.region, identity.account)
}

#[cfg(test)]
mod tests;
