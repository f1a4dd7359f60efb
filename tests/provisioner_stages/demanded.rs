//! What an account demands of everything that is made: a permissions boundary, tags, owners of images. Given, left out by
//! the next onboarding, changed, taken back, and wrong.

use std::collections::BTreeSet;

use cast_spot_provisioner::{
    names::{MANAGED, TAG_MANAGED},
    onboard::plan,
    resource::{Policy, Resource, Role, Tags, User},
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
        ended("prod", &account, "out").await;
        same(&account, &before, "out");
    }
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
