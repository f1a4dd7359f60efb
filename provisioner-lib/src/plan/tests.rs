use serde_json::json;

use super::*;
use crate::resource::{Principal, Tags};

fn ours() -> Tags {
    Tags::from([(TAG_MANAGED.to_owned(), MANAGED.to_owned())])
}

fn role(name: &str, tags: Tags) -> Resource {
    Resource::Role { name: name.to_owned(), description: String::new(), trust: json!({}), tags }
}

fn entry(principal: &str) -> Resource {
    Resource::AccessEntry {
        cluster: "prod".to_owned(),
        principal: Principal::Role(principal.to_owned()),
        principal_arn: String::new(),
        entry_type: "STANDARD".to_owned(),
        groups: vec!["cast-spot:handler".to_owned()],
        policies: Vec::new(),
        tags: ours(),
    }
}

fn attachment(principal: &str, policy: &str) -> Resource {
    let policy_arn = format!("arn:aws:iam::aws:policy/{policy}");
    Resource::Attachment { principal: Principal::Role(principal.to_owned()), policy_arn }
}

fn found(resource: Resource, created: Option<i64>) -> (Id, Found) {
    (resource.id(), Found { resource, created, revision: None })
}

fn actions(present: Vec<Resource>, absent: Vec<Resource>, observed: &Observed) -> Vec<(String, Action)> {
    let plan = diff(&Desired { present, absent }, observed, false);
    plan.steps.into_iter().map(|step| (step.id.to_string(), step.action)).collect()
}

#[test]
fn what_is_not_there_is_made_after_what_it_needs() {
    let steps = actions(vec![attachment("a", "x"), entry("a"), role("a", ours())], vec![], &Observed::new());
    let names: Vec<_> = steps.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[0], "role a");
    assert!(steps.iter().all(|(_, action)| *action == Action::Create), "{steps:?}");
}

#[test]
fn what_is_as_it_should_be_is_kept_whatever_foreign_tags_it_has() {
    let mut tags = ours();
    tags.insert("team".to_owned(), "platform".to_owned());
    let observed = Observed::from([found(role("a", tags), None)]);
    assert_eq!(actions(vec![role("a", ours())], vec![], &observed)[0].1, Action::Keep);
}

#[test]
fn a_tag_of_ours_that_is_not_wanted_is_a_change() {
    let mut tags = ours();
    tags.insert("cast-spot:node-role".to_owned(), "x".to_owned());
    let observed = Observed::from([found(role("a", tags), None)]);
    let steps = actions(vec![role("a", ours())], vec![], &observed);
    let Action::Update { changes } = &steps[0].1 else { panic!("{steps:?}") };
    assert_eq!((changes[0].field.as_str(), changes[0].to.as_str()), ("tags.cast-spot:node-role", ""));
}

#[test]
fn what_lacks_our_tag_or_is_another_clusters_is_a_conflict_unless_adopted() {
    let mut own = ours();
    own.insert(TAG_CLUSTER.to_owned(), "prod".to_owned());
    let mut others = ours();
    others.insert(TAG_CLUSTER.to_owned(), "stage".to_owned());
    for tags in [Tags::new(), others] {
        let desired = Desired { present: vec![role("a", own.clone())], absent: vec![] };
        let observed = Observed::from([found(role("a", tags), None)]);
        let plan = diff(&desired, &observed, false);
        assert_eq!(plan.conflicts().count(), 1, "{plan:?}");
        let adopted = diff(&desired, &observed, true);
        assert!(matches!(adopted.steps[0].action, Action::Update { .. }), "{adopted:?}");
    }
}

#[test]
fn an_access_entry_that_is_older_than_its_role_is_replaced() {
    let observed = |role_made, entry_made| {
        Observed::from([found(role("a", ours()), Some(role_made)), found(entry("a"), Some(entry_made))])
    };
    let action = |observed| actions(vec![role("a", ours()), entry("a")], vec![], &observed)[1].1.clone();
    assert_eq!(action(observed(10, 20)), Action::Keep);
    assert!(matches!(action(observed(20, 10)), Action::Replace { .. }));
    // The role is gone: it is made anew, and so is the entry.
    assert!(matches!(action(Observed::from([found(entry("a"), Some(10))])), Action::Replace { .. }));
}

#[test]
fn what_is_not_wanted_goes_if_it_is_ours_parts_before_their_whole() {
    let observed = Observed::from([
        found(role("a", ours()), None),
        found(attachment("a", "x"), None),
        found(role("b", Tags::new()), None),
        found(attachment("b", "x"), None),
    ]);
    let absent = vec![role("a", ours()), attachment("a", "x"), role("b", ours()), attachment("b", "x")];
    let steps = actions(vec![], absent, &observed);
    let names: Vec<_> = steps.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["attachment a/x", "role a"], "b and what is on it are somebody else's");
}

#[test]
fn an_access_key_comes_after_everything_else() {
    let user = Resource::User { name: "u".to_owned(), tags: ours() };
    let key = Resource::AccessKey { user: "u".to_owned(), rotate: false };
    let plan = diff(
        &Desired { present: vec![key, user, role("a", ours())], absent: vec![] },
        &Observed::new(),
        false,
    );
    let last = plan.steps.last().expect("steps");
    assert_eq!((last.id.kind, last.after.len()), (Kind::AccessKey, 2));
}
