//! The command over an account in memory.

use cast_spot_provisioner::{
    names::LABEL_MANAGED_BY,
    resource::{Kind, Manifest, Resource},
};

use super::*;
use crate::{
    error::{EXIT_CHANGES, EXIT_REFUSED, EXIT_USAGE},
    terminal::capture,
    tests::account::{self, FakeAccount, run_in_test},
};

fn connected() -> FakeAccount {
    let account = FakeAccount::new();
    account::connect(&account);
    account
}

fn disconnect(
    options: OutputOptions,
    account: &FakeAccount,
    answers: &str,
) -> (Result<u8, CliError>, String, String) {
    let (mut screen, out, err) = capture::screen(answers);
    let end = run_in_test(carry_out("prod", options, account, &mut screen));
    (end, out.text(), err.text())
}

fn yes() -> OutputOptions {
    OutputOptions { yes: true, ..OutputOptions::default() }
}

#[test]
fn the_agent_is_removed_and_its_namespace_last() {
    let account = connected();
    let (end, out, _) = disconnect(OutputOptions { dry_run: true, ..OutputOptions::default() }, &account, "");
    assert_eq!(end, Ok(EXIT_CHANGES));
    assert!(out.starts_with("Cluster prod in eu-west-1, account 111111111111\n"), "{out}");
    let place = |words: &str| out.find(words).unwrap_or_else(|| panic!("{words}\n{out}"));
    let namespace = place("    - remove   Namespace          castai-agent\n");
    assert!(place("    - remove   Deployment         castai-agent/castai-agent\n") < namespace, "{out}");
    assert!(out.contains("ClusterRoleBinding") && out.contains("Plan: 11 to remove\n"), "{out}");

    let (end, out, err) = disconnect(OutputOptions::default(), &account, "yes\n");
    assert_eq!(end, Ok(0), "{out}{err}");
    assert!(out.contains("✓ the cluster is disconnected; nothing of the agent is left\n"), "{out}");
    assert!(account.objects.lock().unwrap().is_empty());
    let (end, out, _) = disconnect(yes(), &account, "");
    assert_eq!((end, out.as_str()), (Ok(0), "✓ nothing of cast-spot's agent is here\n"));
}

#[test]
fn half_of_an_agent_is_removed() {
    let account = connected();
    account.objects.lock().unwrap().retain(|id, _| id.name.starts_with("ClusterRole"));
    let (end, out, _) = disconnect(yes(), &account, "");
    assert_eq!(end, Ok(0));
    assert!(out.contains("Plan: 2 to remove\n"), "{out}");
    assert!(account.objects.lock().unwrap().is_empty());
}

#[test]
fn unmanaged_objects_keep_the_namespace() {
    let mut account = connected();
    account.unmanaged =
        vec!["Lease/agent-leader-election-lock".to_owned(), "Deployment/their-controller".to_owned()];
    let (end, out, _) = disconnect(yes(), &account, "");
    assert_eq!(end, Ok(EXIT_INCOMPLETE));
    assert!(out.contains("Plan: 10 to remove\n"), "{out}");
    let left: Vec<String> = account.objects.lock().unwrap().keys().map(ToString::to_string).collect();
    assert_eq!(left, ["Namespace castai-agent"]);
    assert_eq!(
        namespace_kept(&["Deployment/their-controller".to_owned()]).error,
        "namespace castai-agent is kept: it has objects that cast-spot did not make: Deployment/their-controller"
    );
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
    let (end, out, _) = disconnect(yes(), &account, "");
    assert_eq!((end, out.as_str()), (Ok(0), "✓ nothing of cast-spot's agent is here\n"));
    assert_eq!(account.objects.lock().unwrap().len(), 11);
}

#[test]
fn a_failure_is_reported_with_the_next_command() {
    let mut account = connected();
    account.refused = vec![Kind::Manifest];
    let (end, out, _) = disconnect(yes(), &account, "");
    assert_eq!(end, Ok(EXIT_REFUSED), "{out}");
    assert!(out.contains("run `cast-spot disconnect` again to continue"), "{out}");
}

#[test]
fn without_a_terminal_yes_is_required() {
    let (end, _, _) = disconnect(OutputOptions::default(), &connected(), "");
    assert_eq!(end.unwrap_err().code, EXIT_USAGE);
}
