//! Plans over an account in memory.

use cast_spot_provisioner::{
    resource::{Function, LogGroup, Policy, Resource, Role},
    spec::Request,
};

use super::*;
use crate::{
    error::EXIT_REFUSED,
    terminal::capture,
    tests::account::{FakeAccount, request, run_in_test},
};

/// The command: exit code and standard output.
fn plan(request: Request, form: Format, provider: &AccountChecked<FakeAccount>) -> (u8, String) {
    let (mut screen, out, err) = capture::screen("");
    let request = PartialRequest::read(request, Vec::new()).unwrap();
    let code = run_in_test(show(request, form, "bootstrap.zip", provider, &mut screen)).unwrap();
    assert_eq!(err.text(), "");
    (code, out.text())
}

#[test]
fn a_new_cluster_is_shown_part_by_part() {
    let (code, text) = plan(request(), Format::Table, &FakeAccount::new().unchecked());
    assert_eq!(code, EXIT_CHANGES);
    for words in [
        "Cluster prod in eu-west-1, account 111111111111\n",
        "\nIAM: the principal that manages the cluster\n",
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
fn unchanged_resources_are_counted() {
    let (code, text) =
        plan(Request { package: None, ..request() }, Format::Table, &FakeAccount::onboarded().unchecked());
    assert_eq!(code, 0);
    let all = "Nothing to do: all 36 resources are as they should be";
    assert_eq!(text, format!("Cluster prod in eu-west-1, account 111111111111\n\n{all}\n"));
}

#[test]
fn open_choices_come_from_an_earlier_onboarding() {
    let open = Request { principal: None, external_id: None, package: None, ..request() };
    let (code, text) = plan(open, Format::Table, &FakeAccount::onboarded().unchecked());
    assert_eq!(code, 0, "{text}");
}

#[test]
fn drift_is_shown_field_by_field() {
    let account = FakeAccount::onboarded();
    account.change(|resource| match resource {
        Resource::Function(Function { memory_mb, timeout_seconds, .. }) => {
            (*memory_mb, *timeout_seconds) = (128, 3);
        }
        Resource::Policy(Policy { name, document, .. }) if name == "CastEKSPolicy" => {
            document["Statement"][0]["Action"] = "ec2:*".into();
        }
        Resource::Role(Role { name, tags, .. }) if name == "CastLambdaRoleForSpot" => tags.clear(),
        _ => {}
    });
    let (code, text) = plan(Request { package: None, ..request() }, Format::Table, &account.unchecked());
    assert_eq!(code, EXIT_CONFLICT, "a role without the tag is not managed: {text}");
    for words in [
        "    ~ change   function           cast-spot\n",
        "            memory_mb: 128 -> 512\n",
        "            timeout_seconds: 3 -> 150\n",
        "    = keep     5 resources, as they are\n",
        "    ~ change   policy             CastEKSPolicy\n            document:\n",
        "                - Action ec2:*\n",
        "    ! CONFLICT role               CastLambdaRoleForSpot\n            it lacks the tag cast-spot:managed=cast-spot\n",
        "Conflict: cast-spot does not manage 1 resource that has the name of a desired one; nothing is written.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn json_names_its_schema_and_has_every_step() {
    let (code, text) = plan(request(), Format::Json, &FakeAccount::new().unchecked());
    assert_eq!(code, EXIT_CHANGES);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "cast-spot.plan/1");
    assert_eq!((&document["cluster"], &document["region"]), (&"prod".into(), &"eu-west-1".into()));
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(document["summary"]["create"], steps.len());
    assert!(steps.iter().all(|step| step["action"] == "create" && step["id"]["name"].is_string()), "{text}");
}

#[test]
fn commands_are_a_script() {
    let (code, text) = plan(request(), Format::Commands, &FakeAccount::new().unchecked());
    assert_eq!(code, EXIT_CHANGES);
    assert!(text.starts_with("#!/bin/sh\n") && text.contains("--zip-file fileb://bootstrap.zip"), "{text}");
}

#[test]
fn credentials_of_another_account_are_refused_first() {
    let (mut screen, out, _) = capture::screen("");
    let provider = FakeAccount::new().expecting("999999999999");
    let request = PartialRequest::read(request(), Vec::new()).unwrap();
    let error = run_in_test(show(request, Format::Table, "", &provider, &mut screen)).unwrap_err();
    assert_eq!((error.code, out.text().as_str()), (EXIT_REFUSED, ""));
    let error = &error.diagnostics[0].error;
    assert!(error.contains("111111111111") && error.contains("--account says 999999999999"), "{error}");
}

#[test]
fn only_a_shorter_retention_deletes_log_lines() {
    let asked =
        |days: &str| Request { package: None, log_retention_days: Some(days.to_owned()), ..request() };
    for (days, is_lost) in [("7", true), ("365", false), ("0", false)] {
        let (code, text) = plan(asked(days), Format::Table, &FakeAccount::onboarded().unchecked());
        assert_eq!(code, EXIT_CHANGES);
        assert_eq!(text.contains("(older log lines are deleted)"), is_lost, "{days}: {text}");
    }
    let account = FakeAccount::onboarded();
    account.change(|resource| {
        if let Resource::LogGroup(LogGroup { retention_days, .. }) = resource {
            *retention_days = 365;
        }
    });
    let (code, text) = plan(Request { package: None, ..request() }, Format::Table, &account.unchecked());
    assert_eq!(code, EXIT_CHANGES);
    assert!(text.contains("tags.cast-spot:retention-days: 30 -> 365"), "{text}");
    assert!(!text.contains("deleted"), "{text}");
}
