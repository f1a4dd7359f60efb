//! What an account demands of everything that is made: a permissions boundary, tags, owners of images. Given, left out by
//! the next onboarding, changed, taken back, and wrong.

use std::collections::BTreeSet;

use cast_spot_provisioner::{
    names::{LAMBDA_ROLE, MANAGED, TAG_MANAGED},
    onboard::plan,
    plan::Action,
    provider::Provider,
    recall::previous_choices,
    resource::{Id, Kind, Policy, Resource, Role, Tags, User},
    spec::{Request, Spec},
};
use serde_json::json;

use crate::{
    account::Account,
    situation::{DEFAULT, Scenario, completed, ended, same},
};

fn choosing(scenario: Scenario, choose: impl FnOnce(&mut Request)) -> Spec {
    let mut request = scenario.request("prod");
    choose(&mut request);
    request.validate().unwrap()
}

/// What `part` is of all resources that are ours.
fn of_ours<T: Ord>(account: &Account, part: impl Fn(&Resource) -> Option<T>) -> BTreeSet<T> {
    let is_ours = |resource: &&Resource| {
        resource.tags().is_some_and(|tags| tags.get(TAG_MANAGED).is_some_and(|value| value == MANAGED))
    };
    account.all().values().filter(is_ours).filter_map(part).collect()
}

async fn nothing_to_do(scenario: Scenario, account: &Account) {
    let planned = plan(&scenario.spec(), account).await.unwrap().plan;
    assert!(planned.is_empty(), "{:?}", planned.writes().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_boundary_stays_until_another_one_is_given() {
    let bounds = |account: &Account| {
        of_ours(account, |resource| match resource {
            Resource::Role(Role { boundary, .. }) | Resource::User(User { boundary, .. }) => {
                Some(boundary.clone().unwrap_or_default())
            }
            _ => None,
        })
    };
    for user in [false, true] {
        let scenario = Scenario { user, ..DEFAULT };
        let before = scenario.account().await;
        let arn = |name: &str| format!("arn:aws:iam::123456789012:policy/{name}");
        for name in ["one", "two"] {
            let (description, document) = (String::new(), json!({}));
            let policy =
                Policy { arn: arn(name), name: name.to_owned(), description, document, tags: Tags::new() };
            before.put(policy.into());
        }
        let account = before.copy();
        for name in ["one", "two"] {
            let arn = arn(name);
            let given = choosing(scenario, |request| request.permissions_boundary = Some(arn.clone()));
            completed(&given, &account, name).await;
            assert_eq!(bounds(&account), BTreeSet::from([arn]), "of each role and user");
            nothing_to_do(scenario, &account).await;
        }
        account.change(&Id::new(Kind::Role, LAMBDA_ROLE), |resource| {
            if let Resource::Role(Role { boundary, .. }) = resource {
                *boundary = None;
            }
        });
        let drifted = plan(&scenario.spec(), &account).await.unwrap().plan;
        let drifted: Vec<_> = drifted.writes().map(|step| step.id.name.as_str()).collect();
        assert_eq!(drifted, [LAMBDA_ROLE]);
        completed(&scenario.spec(), &account, "put back").await;
        assert_eq!(bounds(&account), BTreeSet::from([arn("two")]));
        ended("prod", &account, "out").await;
        same(&account, &before, "out");
    }
}

#[tokio::test]
async fn who_took_the_place_of_the_chosen_principal_is_drift() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let id = Id::new(Kind::Role, "cast-eks-prod");
    account.change(&id, |resource| {
        if let Resource::Role(Role { trust, .. }) = resource {
            let text =
                trust.to_string().replace("210987654321:root", "444455556666:root").replace("e-1", "e-2");
            *trust = text.parse().unwrap();
        }
    });
    let facts = account.facts("prod").await.unwrap();
    let open = Request { cluster: "prod".to_owned(), ..Request::default() };
    let recalled = previous_choices(open, &facts, &account).await.unwrap().validate().unwrap();
    let planned = plan(&recalled, &account).await.unwrap().plan;
    let Some(Action::Update { changes }) = planned.writes().map(|step| &step.action).next() else {
        panic!("{planned:?}")
    };
    assert_eq!(changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>(), ["trust"]);
    completed(&recalled, &account, "put back").await;
    nothing_to_do(DEFAULT, &account).await;
}

#[tokio::test]
async fn what_is_made_later_has_the_tags_of_the_rest() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let given = choosing(DEFAULT, |request| request.tags = vec!["team=a".to_owned()]);
    completed(&given, &account, "given").await;
    for kind in [Kind::InstanceProfile, Kind::LogGroup] {
        let is_tagged = |resource: &Resource| {
            resource.tags().is_some_and(|tags| tags.get("team").is_some_and(|team| team == "a"))
        };
        let of_kind = |id: &Id, resource: &Resource| id.kind == kind && is_tagged(resource);
        let found = account.all().into_iter().find(|((_, id), resource)| of_kind(id, resource));
        let id = found.unwrap().1.id();
        account.take(&id).unwrap();
        completed(&DEFAULT.spec(), &account, "made later").await;
        assert_eq!(account.object(&id).unwrap().resource.tags().unwrap()["team"], "a", "{id}");
    }
    // Those of another cluster are its own.
    let stage = account.of("eu-west-1", "stage");
    completed(&DEFAULT.spec_of("stage"), &stage, "stage").await;
    let role = stage.object(&Id::new(Kind::Role, "cast-eks-stage")).unwrap().resource;
    assert!(!role.tags().unwrap().contains_key("team"));
}

#[tokio::test]
async fn tags_stay_until_they_have_another_value() {
    let tag = |account: &Account, key: &str| {
        of_ours(account, |resource| resource.tags().map(|tags| tags.get(key).cloned().unwrap_or_default()))
    };
    let one = |value: &str| BTreeSet::from([value.to_owned()]);
    let tagged = |tags: &[&str]| {
        let tags = tags.iter().map(ToString::to_string).collect();
        choosing(DEFAULT, |request| request.tags = tags)
    };
    let before = DEFAULT.account().await;
    let account = before.copy();
    completed(&tagged(&["team=a", "cost-center=1"]), &account, "given").await;
    assert_eq!((tag(&account, "team"), tag(&account, "cost-center")), (one("a"), one("1")));
    nothing_to_do(DEFAULT, &account).await;
    completed(&tagged(&["team=b"]), &account, "changed").await;
    assert_eq!((tag(&account, "team"), tag(&account, "cost-center")), (one("b"), one("1")));
    ended("prod", &account, "out").await;
    same(&account, &before, "out");
}

#[tokio::test]
async fn an_owner_of_images_stays_until_it_is_taken_back() {
    const ONE: &str = "444455556666";
    const TWO: &str = "777788889999";
    let owners = |account: &Account| {
        let documents = of_ours(account, |resource| match resource {
            Resource::Policy(Policy { document, .. }) => Some(document.to_string()),
            _ => None,
        });
        [ONE, TWO].map(|owner| documents.iter().any(|document| document.contains(owner)))
    };
    let chosen = |owners: &[&str]| {
        let owners = owners.iter().map(ToString::to_string).collect();
        choosing(DEFAULT, |request| request.image_owners = owners)
    };
    let (_, account, _) = DEFAULT.undisturbed().await;
    for (given, expected) in [
        (&[ONE][..], [true, false]),
        (&[TWO], [false, true]),
        (&[ONE, TWO], [true, true]),
        (&[""], [false; 2]),
    ] {
        completed(&chosen(given), &account, "chosen").await;
        assert_eq!(owners(&account), expected, "{given:?}");
        nothing_to_do(DEFAULT, &account).await;
    }
}

#[test]
fn wrong_values_are_refused_with_the_field_of_each() {
    let text = |values: &[&str]| values.iter().map(ToString::to_string).collect();
    let wrong = Request {
        permissions_boundary: Some("boundary".to_owned()),
        tags: text(&["team", "aws:team=a", "cast-spot:cluster=other"]),
        image_owners: text(&["self", "", "123456789012"]),
        ..DEFAULT.request("prod")
    };
    let faults = wrong.validate().unwrap_err().0;
    let fields: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("tags", "team"),
            ("tags", "aws:team=a"),
            ("tags", "cast-spot:cluster=other"),
            ("image-owner", "self"),
            ("image-owner", ""),
            ("permissions-boundary", "boundary"),
        ]
    );
}
