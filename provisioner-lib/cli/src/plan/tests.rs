//! Plans over an account in memory.

use cast_spot_provisioner::{
    resource::{Function, LogGroup, Policy, Resource, Role},
    spec::Request,
};
use insta::assert_snapshot;

use super::*;
use crate::style::green;
use crate::tests::{
    Ran,
    account::{FakeAccount, request},
    run,
};

fn plan(request: Request, form: Format, provider: &AccountChecked<FakeAccount>) -> Ran {
    let request = PartialRequest::read(request, Vec::new()).unwrap();
    run("", async |screen| show(request, form, "bootstrap.zip", provider, screen).await)
}

#[test]
fn a_new_cluster_is_shown_part_by_part() {
    assert_snapshot!("new_cluster", plan(request(), Format::Table, &FakeAccount::new().unchecked()));
}

#[test]
fn unchanged_resources_are_counted() {
    let again = Request { package: None, ..request() };
    assert_snapshot!("unchanged", plan(again, Format::Table, &FakeAccount::onboarded().unchecked()));
}

#[test]
fn open_choices_come_from_an_earlier_onboarding() {
    let open = Request { principal: None, external_id: None, package: None, ..request() };
    assert_snapshot!("unchanged", plan(open, Format::Table, &FakeAccount::onboarded().unchecked()));
}

#[test]
fn beside_foreign_parts_nothing_is_green() {
    let again = Request { package: None, ..request() };
    let account = FakeAccount { planted: vec![FakeAccount::planted()], ..FakeAccount::onboarded() };
    let ran = plan(again, Format::Table, &account.unchecked());
    assert_eq!(ran.code, 0, "there is nothing to do");
    assert!(!ran.styled.contains(&green("Nothing to do")), "{ran}");
    assert_snapshot!("foreign_parts", ran);
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
    // A role without the tag is not managed.
    let again = Request { package: None, ..request() };
    assert_snapshot!("drift", plan(again, Format::Table, &account.unchecked()));
}

#[test]
fn json_names_its_schema_and_has_every_step() {
    let ran = plan(request(), Format::Json, &FakeAccount::new().unchecked());
    assert_snapshot!("json", ran.outline());
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(document["summary"]["create"], steps.len());
    assert!(steps.iter().all(|step| step["action"] == "create" && step["id"]["name"].is_string()), "{ran}");
}

#[test]
fn commands_are_a_script() {
    let ran = plan(request(), Format::Commands, &FakeAccount::new().unchecked());
    assert_eq!(ran.code, EXIT_CHANGES);
    assert!(ran.out.starts_with("#!/bin/sh\n"), "{ran}");
    assert!(ran.out.contains("--zip-file fileb://bootstrap.zip"), "{ran}");
}

#[test]
fn credentials_of_another_account_are_refused_first() {
    let provider = FakeAccount::new().expecting("999999999999");
    assert_snapshot!("another_account", plan(request(), Format::Table, &provider));
}

#[test]
fn only_a_shorter_retention_deletes_log_lines() {
    let asked =
        |days: &str| Request { package: None, log_retention_days: Some(days.to_owned()), ..request() };
    let onboarded = || FakeAccount::onboarded().unchecked();
    assert_snapshot!("shorter_retention", plan(asked("7"), Format::Table, &onboarded()));
    for days in ["365", "0"] {
        let ran = plan(asked(days), Format::Table, &onboarded());
        assert_eq!(ran.code, EXIT_CHANGES);
        assert!(!ran.out.contains("(older log lines are deleted)"), "{days}: {ran}");
    }
    let account = FakeAccount::onboarded();
    account.change(|resource| {
        if let Resource::LogGroup(LogGroup { retention_days, .. }) = resource {
            *retention_days = 365;
        }
    });
    let again = Request { package: None, ..request() };
    assert_snapshot!("kept_retention", plan(again, Format::Table, &account.unchecked()));
}

#[test]
fn a_user_who_loses_the_administration_is_named() {
    let user = |cluster_admin| Request {
        mode: "user".to_owned(),
        principal: None,
        external_id: None,
        cluster_admin,
        ..request()
    };
    let account = || FakeAccount::onboarded_by(&user(true).validate().unwrap()).unchecked();
    let kept = plan(user(true), Format::Table, &account());
    assert_eq!(kept.code, 0, "{kept}");
    let lost = plan(user(false), Format::Table, &account());
    assert_eq!(lost.code, EXIT_CHANGES);
    let words = "policies: (not administrator of the cluster any more; --cluster-admin keeps it)";
    assert!(lost.out.contains(words), "{lost}");
}

#[test]
fn a_plan_marks_the_documented_privilege_and_its_end() {
    let chosen = |documented| Request { documented_privilege: Some(documented), ..request() };
    let granted = plan(chosen(true), Format::Table, &FakeAccount::onboarded().unchecked());
    assert_snapshot!("documented_privilege", granted);
    let account = FakeAccount::onboarded_by(&chosen(true).validate().unwrap());
    let taken = plan(chosen(false), Format::Table, &account.unchecked());
    assert!(!taken.out.contains("caution:"), "{taken}");
    assert_snapshot!("least_privilege", taken);
}

#[test]
fn the_documented_privilege_of_another_cluster_is_named() {
    let again = Request { package: None, ..request() };
    let ran = plan(again, Format::Table, &FakeAccount::beside_documented().unchecked());
    assert_eq!(ran.code, 0, "{ran}");
    assert_snapshot!("documented_elsewhere", ran);
}
