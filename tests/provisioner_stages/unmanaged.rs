//! What an earlier principal, or any other program, has put among our resources: into the function, beside its policies,
//! in the place of a role.

use std::collections::BTreeSet;

use cast_spot_infra::events::SPOT_INTERRUPTION;
use cast_spot_provisioner::{
    names::{FUNCTION, LAMBDA_ROLE, node_role},
    offboard::{self, Removal},
    onboard::{PlanError, plan},
    plan::Plan,
    resource::{Attachment, Code, Function, Id, InlinePolicy, Kind, Principal, Resource, Role},
    spec::{Request, Spec},
    verify::verify,
};
use serde_json::json;

use crate::{
    account::Account,
    others::{permission, target},
    situation::{DEFAULT, completed, end, ended},
};

fn without_zip() -> Spec {
    Request { package: None, ..DEFAULT.request("prod") }.validate().unwrap()
}

fn planted(account: &Account, change: impl FnOnce(&mut Function)) {
    account.change(&Id::new(Kind::Function, FUNCTION), |resource| {
        let Resource::Function(function) = resource else { panic!("{resource:?}") };
        change(function);
    });
}

fn named(plan: &Plan) -> BTreeSet<String> {
    plan.unexpected().map(|unmanaged| unmanaged.id.to_string()).collect()
}

#[tokio::test]
async fn code_that_cast_spot_did_not_give_does_not_survive() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    assert!(plan(&without_zip(), &account).await.unwrap().plan.is_empty(), "the recorded code needs no zip");
    planted(&account, |function| function.code = Some(Code::known("trojan")));
    // Also for a cluster that joins: it would have the function act in it.
    let joins = Request { package: None, ..DEFAULT.request("stage") }.validate().unwrap();
    for (spec, account) in [(without_zip(), account.copy()), (joins, account.of("eu-west-1", "stage"))] {
        let Err(PlanError::Faults(faults)) = plan(&spec, &account).await else { panic!("a trojan") };
        assert_eq!(faults.0.len(), 1, "{faults:?}");
        assert!(faults.0[0].field == "zip" && faults.0[0].problem.contains("trojan"), "{faults:?}");
    }
    let verified = verify(&without_zip(), &account, &mut |_| ()).await.unwrap();
    assert!(!verified.is_good(), "status shows it");
    completed(&DEFAULT.spec(), &account, "with the zip").await;
    assert!(verify(&without_zip(), &account, &mut |_| ()).await.unwrap().is_good());
}

#[tokio::test]
async fn variables_and_layers_of_others_are_taken_off() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let clean = account.objects();
    planted(&account, |function| {
        function.environment.insert("AWS_ENDPOINT_URL_EKS".to_owned(), "https://evil.example".to_owned());
        function.environment.insert("CAST_SPOT_DRY_RUN".to_owned(), "true".to_owned());
        function.other_layers.push("arn:aws:lambda:eu-west-1:210987654321:layer:evil:1".to_owned());
    });
    assert!(!verify(&without_zip(), &account, &mut |_| ()).await.unwrap().is_good());
    completed(&DEFAULT.spec(), &account, "again").await;
    let resources = |objects: Vec<_>| -> Vec<Resource> {
        objects.into_iter().map(|object: crate::account::Object| object.resource).collect()
    };
    assert_eq!(
        resources(account.objects().into_values().collect()),
        resources(clean.into_values().collect())
    );
}

fn choosing(settings: &[&str]) -> Spec {
    let settings = settings.iter().map(ToString::to_string).collect();
    Request { settings, ..DEFAULT.request("prod") }.validate().unwrap()
}

#[tokio::test]
async fn a_chosen_setting_stays_without_being_given_again() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let (proxy, beside) = ("HTTPS_PROXY=http://proxy.example:3128", "NO_PROXY=10.0.0.0/8,a@b c");
    completed(&choosing(&["CAST_SPOT_STAY=20", proxy, beside]), &account, "chosen").await;
    completed(&without_zip(), &account, "again").await;
    assert_eq!(account.environment()["CAST_SPOT_STAY"], "20");
    assert_eq!(account.environment()["HTTPS_PROXY"], "http://proxy.example:3128");
    assert_eq!(account.environment()["NO_PROXY"], "10.0.0.0/8,a@b c");
    completed(&choosing(&["HTTPS_PROXY="]), &account, "cleared").await;
    assert!(!account.environment().contains_key("HTTPS_PROXY"));
    // Also when another cluster comes and goes.
    let stage = account.of("eu-west-1", "stage");
    completed(&DEFAULT.spec_of("stage"), &stage, "stage").await;
    ended("stage", &stage, "stage").await;
    assert_eq!(account.environment()["CAST_SPOT_STAY"], "20");
}

#[tokio::test]
async fn parts_that_cast_spot_has_not_made_are_named() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let attach = |role: &str, policy: &str| {
        let principal = Principal::Role(role.to_owned());
        account.put(Attachment { principal, policy_arn: format!("arn:aws:iam::aws:policy/{policy}") }.into());
    };
    let nodes = node_role("prod", &plan(&without_zip(), &account).await.unwrap().facts.cluster.arn);
    attach(&nodes, "AmazonSSMManagedInstanceCore");
    assert!(verify(&without_zip(), &account, &mut |_| ()).await.unwrap().is_good(), "an operator's choice");
    attach("cast-eks-prod", "AdministratorAccess");
    let inline =
        |role: &str| InlinePolicy { role: role.to_owned(), name: "more".to_owned(), document: json!({}) };
    account.put(inline("cast-eks-prod").into());
    account.put(inline(LAMBDA_ROLE).into());
    account.put(permission(FUNCTION));
    account.put(target(SPOT_INTERRUPTION.rule));
    let expected: BTreeSet<String> = [
        "attachment cast-eks-prod/AdministratorAccess",
        "inline policy cast-eks-prod/more",
        "inline policy CastLambdaRoleForSpot/more",
        "permission cast-spot/theirs",
        "target cast-spot-interruption/theirs",
    ]
    .map(str::to_owned)
    .into();
    let verified = verify(&without_zip(), &account, &mut |_| ()).await.unwrap();
    assert_eq!(named(&verified.planned.plan), expected);
    assert!(verified.planned.plan.is_empty() && !verified.is_good(), "nothing to change, and not good");
    assert_eq!(verified.planned.plan.unmanaged.len(), expected.len() + 1, "with the node role's");
}

#[tokio::test]
async fn a_role_that_took_the_place_of_ours_is_named_at_the_end() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let nodes = node_role("prod", &plan(&without_zip(), &account).await.unwrap().facts.cluster.arn);
    account.change(&Id::new(Kind::Role, &nodes), |resource| {
        let Resource::Role(Role { tags, trust, .. }) = resource else { panic!("{resource:?}") };
        tags.clear();
        *trust = json!({ "Statement": [{ "Principal": { "AWS": "arn:aws:iam::210987654321:root" } }] });
    });
    let planned = offboard::plan(&Removal::of("prod"), &account).await.unwrap();
    assert_eq!(named(&planned.plan), BTreeSet::from([format!("role {nodes}")]));
    let report = end("prod", &account).await.unwrap();
    let failed: Vec<_> = report.failures().map(|(id, _)| id.to_string()).collect();
    assert_eq!(failed, [format!("policy {nodes}")], "it is the role's boundary");
    let left = offboard::plan(&Removal::of("prod"), &account).await.unwrap();
    assert_eq!(named(&left.plan), BTreeSet::from([format!("role {nodes}")]));
}
