//! The command over a provider in memory.

use cast_spot_provisioner::{
    names::LABEL_MANAGED_BY,
    resource::{Kind, Manifest, Resource},
};

use super::*;
use crate::{memory::Memory, refusal::CHANGES, session::run_in_test, terminal::recorded};

fn connected() -> Memory {
    let memory = Memory::new();
    crate::memory::connect(&memory);
    memory
}

fn disconnect(args: &Args, memory: &Memory, answers: &str) -> (Result<u8, Refusal>, String, String) {
    let (mut screen, out, err) = recorded::screen(answers);
    let end = run_in_test(carry_out("prod", args, memory, &mut screen));
    (end, out.text(), err.text())
}

fn yes() -> Args {
    Args { yes: true, ..Args::default() }
}

#[test]
fn all_of_it_goes_the_namespace_last_and_then_there_is_nothing() {
    let memory = connected();
    let (end, out, _) = disconnect(&Args { dry_run: true, ..Args::default() }, &memory, "");
    assert_eq!(end, Ok(CHANGES));
    assert!(out.starts_with("Cluster prod in eu-west-1, account 111111111111\n"), "{out}");
    let place = |words: &str| out.find(words).unwrap_or_else(|| panic!("{words}\n{out}"));
    let namespace = place("    - remove   Namespace          castai-agent\n");
    assert!(place("    - remove   Deployment         castai-agent/castai-agent\n") < namespace, "{out}");
    assert!(out.contains("ClusterRoleBinding") && out.contains("Plan: 11 to remove\n"), "{out}");

    let (end, out, err) = disconnect(&Args::default(), &memory, "yes\n");
    assert_eq!(end, Ok(0), "{out}{err}");
    assert!(out.contains("✓ the cluster is disconnected; nothing of the agent is left\n"), "{out}");
    assert!(memory.objects.lock().unwrap().is_empty());
    let (end, out, _) = disconnect(&yes(), &memory, "");
    assert_eq!((end, out.as_str()), (Ok(0), "✓ nothing of cast-spot's agent is here\n"));
}

#[test]
fn half_of_it_goes_as_well() {
    let memory = connected();
    memory.objects.lock().unwrap().retain(|id, _| id.name.starts_with("ClusterRole"));
    let (end, out, _) = disconnect(&yes(), &memory, "");
    assert_eq!(end, Ok(0));
    assert!(out.contains("Plan: 2 to remove\n"), "{out}");
    assert!(memory.objects.lock().unwrap().is_empty());
}

#[test]
fn what_others_have_in_the_namespace_keeps_it() {
    let mut memory = connected();
    memory.others =
        vec!["Lease/agent-leader-election-lock".to_owned(), "Deployment/their-controller".to_owned()];
    let (end, out, _) = disconnect(&yes(), &memory, "");
    assert_eq!(end, Ok(NOT_GOOD));
    assert!(out.contains("Plan: 10 to remove\n"), "{out}");
    let left: Vec<String> = memory.objects.lock().unwrap().keys().map(ToString::to_string).collect();
    assert_eq!(left, ["Namespace castai-agent"]);
    assert_eq!(
        staying(&["Deployment/their-controller".to_owned()]).error,
        "namespace castai-agent stays: in it is what cast-spot did not make: Deployment/their-controller"
    );
}

#[test]
fn what_somebody_else_has_made_stays() {
    let memory = connected();
    memory.change(|resource| {
        if let Resource::Manifest(manifest) = resource {
            let mut value = manifest.value().clone();
            value["metadata"]["labels"][LABEL_MANAGED_BY] = "castai".into();
            *manifest = Manifest::new(value);
        }
    });
    let (end, out, _) = disconnect(&yes(), &memory, "");
    assert_eq!((end, out.as_str()), (Ok(0), "✓ nothing of cast-spot's agent is here\n"));
    assert_eq!(memory.objects.lock().unwrap().len(), 11);
}

#[test]
fn it_goes_on_after_a_failure_and_says_what_is_left_and_why() {
    let mut memory = connected();
    memory.refused = vec![Kind::Manifest];
    let (end, out, _) = disconnect(&yes(), &memory, "");
    assert_eq!(end, Ok(crate::refusal::REFUSED), "{out}");
    assert!(out.contains("`cast-spot disconnect` again goes on from here"), "{out}");
}

#[test]
fn nobody_there_and_no_yes_is_refused() {
    let (end, _, _) = disconnect(&Args::default(), &connected(), "");
    assert_eq!(end.unwrap_err().code, crate::WRONG_CALL);
}
