//! What plans look like.

use cast_spot_provisioner::{
    resource::{Function, LogGroup, Policy, Resource, Role},
    spec::Request,
};

use super::*;
use crate::{
    memory::{Memory, request},
    session::run_in_test,
    terminal::recorded,
};

/// The command: exit code and what it printed.
fn plan(request: Request, form: Form, provider: &Guarded<Memory>) -> (u8, String) {
    let (mut screen, out, err) = recorded::screen("");
    let asked = Asked::read(request, Vec::new()).unwrap();
    let code = run_in_test(show(asked, form, "bootstrap.zip", provider, &mut screen)).unwrap();
    assert_eq!(err.text(), "");
    (code, out.text())
}

fn onboarded() -> Memory {
    let memory = Memory::new();
    run_in_test(async {
        let spec = crate::memory::spec();
        let planned = onboard::plan(&spec, &memory).await.unwrap();
        let stop = cast_spot_provisioner::apply::Stop::new();
        onboard::onboard(&spec, planned, &memory, &stop, &mut |_| {}).await.unwrap();
    });
    memory
}

#[test]
fn a_new_cluster_is_shown_part_by_part_with_signs_and_words() {
    let (code, text) = plan(request(), Form::Table, &Memory::new().guarded());
    assert_eq!(code, CHANGES);
    for words in [
        "Cluster prod in eu-west-1, account 111111111111\n",
        "\nIAM: who manages the cluster from outside\n",
        "    + create   role               cast-eks-prod\n",
        "\nIAM: role of new nodes\n",
        "\nIAM: role of the function\n",
        "    + create   role               CastLambdaRoleForSpot\n",
        "\nFunction and events\n",
        "    + create   function           cast-spot\n",
        "\nKubernetes\n",
        "\nPlan: ",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(!text.contains('{'), "no wall of JSON: {text}");
}

#[test]
fn what_is_as_it_should_be_is_counted() {
    let (code, text) = plan(Request { package: None, ..request() }, Form::Table, &onboarded().guarded());
    assert_eq!(code, 0);
    let all = "Nothing to do: all 36 resources are as they should be";
    assert_eq!(text, format!("Cluster prod in eu-west-1, account 111111111111\n\n{all}\n"));
}

#[test]
fn what_is_not_said_is_as_an_earlier_onboarding_has_it() {
    let open = Request { principal: None, external_id: None, package: None, ..request() };
    let (code, text) = plan(open, Form::Table, &onboarded().guarded());
    assert_eq!(code, 0, "{text}");
}

#[test]
fn drift_is_shown_field_by_field() {
    let memory = onboarded();
    memory.change(|resource| match resource {
        Resource::Function(Function { memory_mb, timeout_seconds, .. }) => {
            (*memory_mb, *timeout_seconds) = (128, 3)
        }
        Resource::Policy(Policy { name, document, .. }) if name == "CastEKSPolicy" => {
            document["Statement"][0]["Action"] = "ec2:*".into();
        }
        Resource::Role(Role { name, tags, .. }) if name == "CastLambdaRoleForSpot" => tags.clear(),
        _ => {}
    });
    let (code, text) = plan(Request { package: None, ..request() }, Form::Table, &memory.guarded());
    assert_eq!(code, CONFLICT, "a role without our tag is not ours: {text}");
    for words in [
        "    ~ change   function           cast-spot\n",
        "            memory_mb: 128 -> 512\n",
        "            timeout_seconds: 3 -> 150\n",
        "    = keep     5 resources, as they are\n",
        "    ~ change   policy             CastEKSPolicy\n            document:\n",
        "                - Action ec2:*\n",
        "    ! CONFLICT role               CastLambdaRoleForSpot\n            it lacks the tag cast-spot:managed=cast-spot\n",
        "Conflict: 1 resource is in the way that cast-spot did not make; nothing is written.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn json_says_what_it_is_and_has_every_step() {
    let (code, text) = plan(request(), Form::Json, &Memory::new().guarded());
    assert_eq!(code, CHANGES);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "cast-spot.plan/1");
    assert_eq!((&document["cluster"], &document["region"]), (&"prod".into(), &"eu-west-1".into()));
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(document["summary"]["create"], steps.len());
    assert!(steps.iter().all(|step| step["action"] == "create" && step["id"]["name"].is_string()), "{text}");
}

#[test]
fn commands_are_a_script() {
    let (code, text) = plan(request(), Form::Commands, &Memory::new().guarded());
    assert_eq!(code, CHANGES);
    assert!(text.starts_with("#!/bin/sh\n") && text.contains("--zip-file fileb://bootstrap.zip"), "{text}");
}

#[test]
fn credentials_of_another_account_are_refused_before_anything_is_looked_at() {
    let (mut screen, out, _) = recorded::screen("");
    let provider = Memory::new().guarded_by("999999999999");
    let asked = Asked::read(request(), Vec::new()).unwrap();
    let refusal = run_in_test(show(asked, Form::Table, "", &provider, &mut screen)).unwrap_err();
    assert_eq!((refusal.code, out.text().as_str()), (crate::refusal::REFUSED, ""));
    let error = &refusal.complaints[0].error;
    assert!(error.contains("111111111111") && error.contains("--account says 999999999999"), "{error}");
}

#[test]
fn a_shorter_retention_says_what_is_lost_and_a_longer_one_is_left_alone() {
    let asked =
        |days: &str| Request { package: None, log_retention_days: Some(days.to_owned()), ..request() };
    for (days, is_lost) in [("7", true), ("365", false), ("0", false)] {
        let (code, text) = plan(asked(days), Form::Table, &onboarded().guarded());
        assert_eq!(code, CHANGES);
        assert_eq!(text.contains("(older log lines are deleted)"), is_lost, "{days}: {text}");
    }
    let memory = onboarded();
    memory.change(|resource| {
        if let Resource::LogGroup(LogGroup { retention_days, .. }) = resource {
            *retention_days = 365;
        }
    });
    let (code, text) = plan(Request { package: None, ..request() }, Form::Table, &memory.guarded());
    assert_eq!(code, CHANGES);
    assert!(text.contains("tags.cast-spot:retention-days: 30 -> 365"), "{text}");
    assert!(!text.contains("deleted"), "{text}");
}
