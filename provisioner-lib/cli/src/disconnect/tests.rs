//! The command over an account in memory.

use cast_spot_provisioner::{
    names::LABEL_MANAGED_BY,
    resource::{Kind, Manifest, Resource},
};
use insta::assert_snapshot;

use super::*;
use crate::tests::{
    Ran,
    account::{self, FakeAccount},
    run,
};

const ASK: OutputOptions = OutputOptions { yes: false, dry_run: false, json: false };
const YES: OutputOptions = OutputOptions { yes: true, ..ASK };

fn connected() -> FakeAccount {
    let account = FakeAccount::new();
    account::connect(&account);
    account
}

fn disconnect(options: OutputOptions, account: &FakeAccount, answers: &str) -> Ran {
    run(answers, async |screen| carry_out("prod", options, account, screen).await)
}

#[test]
fn the_agent_is_removed_and_its_namespace_last() {
    let account = connected();
    assert_snapshot!("dry_run", disconnect(OutputOptions { dry_run: true, ..ASK }, &account, ""));
    assert_snapshot!("disconnected", disconnect(ASK, &account, "yes\n"));
    assert!(account.objects.lock().unwrap().is_empty());
    assert_snapshot!("nothing_is_here", disconnect(YES, &account, ""));
}

#[test]
fn json_is_one_document() {
    let json = OutputOptions { json: true, ..YES };
    assert_snapshot!("json", disconnect(json, &connected(), "").outline());
}

#[test]
fn half_of_an_agent_is_removed() {
    let account = connected();
    account.objects.lock().unwrap().retain(|id, _| id.name.starts_with("ClusterRole"));
    assert_snapshot!("half_of_an_agent", disconnect(YES, &account, ""));
    assert!(account.objects.lock().unwrap().is_empty());
}

#[test]
fn unmanaged_objects_keep_the_namespace() {
    let mut account = connected();
    account.unmanaged =
        vec!["Lease/agent-leader-election-lock".to_owned(), "Deployment/their-controller".to_owned()];
    assert_snapshot!("namespace_kept", disconnect(YES, &account, ""));
    let left: Vec<String> = account.objects.lock().unwrap().keys().map(ToString::to_string).collect();
    assert_eq!(left, ["Namespace castai-agent"]);
}

#[test]
fn a_foreign_agent_is_kept() {
    let account = connected();
    account.change(|resource| {
        if let Resource::Manifest(manifest) = resource {
            let mut value = manifest.value().clone();
            value["metadata"]["labels"][LABEL_MANAGED_BY] = "castai".into();
            *manifest = Manifest::new(value);
        }
    });
    assert_snapshot!("nothing_is_here", disconnect(YES, &account, ""));
    assert_eq!(account.objects.lock().unwrap().len(), 19);
}

#[test]
fn a_failure_is_reported_with_the_next_command() {
    let mut account = connected();
    account.refused = vec![Kind::Manifest];
    assert_snapshot!("denied", disconnect(YES, &account, ""));
}

#[test]
fn without_a_terminal_yes_is_required() {
    assert_snapshot!("without_a_terminal", disconnect(ASK, &connected(), ""));
}
