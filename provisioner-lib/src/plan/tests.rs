use serde_json::json;

use super::*;
use crate::names::{HANDLER_RBAC, LABEL_NAME, MANAGED, TAG_CLUSTER, TAG_MANAGED, TAG_NODE_ROLE, TAG_REGION};
use crate::resource::{
    AccessEntry, AccessKey, Attachment, CodeRecord, Function, InlinePolicy, Manifest, Permission, Policy,
    Principal, Role, SecurityGroup, Tags, User,
};

fn ours() -> Tags {
    Tags::from([(TAG_MANAGED.to_owned(), MANAGED.to_owned())])
}

fn role(name: &str, tags: Tags) -> Resource {
    Resource::Role(Role {
        name: name.to_owned(),
        description: String::new(),
        trust: json!({}),
        boundary: None,
        tags,
    })
}

fn entry(principal: &str) -> Resource {
    Resource::AccessEntry(AccessEntry {
        cluster: "prod".to_owned(),
        principal: Principal::Role(principal.to_owned()),
        principal_arn: String::new(),
        entry_type: "STANDARD".to_owned(),
        username: Some("cast-spot:{{SessionName}}".to_owned()),
        groups: vec!["cast-spot:handler".to_owned()],
        policies: Vec::new(),
        tags: ours(),
    })
}

fn attachment(principal: &str, policy: &str) -> Resource {
    let policy_arn = format!("arn:aws:iam::aws:policy/{policy}");
    Resource::Attachment(Attachment { principal: Principal::Role(principal.to_owned()), policy_arn })
}

fn found(resource: Resource, created: Option<i64>) -> (Id, Found) {
    (resource.id(), Found { created, ..Found::from(resource) })
}

fn actions(present: Vec<Resource>, absent: Vec<Resource>, observed: &Observed) -> Vec<(String, Action)> {
    let plan = diff(&Desired { present, absent, ..Desired::default() }, observed, false);
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
fn a_boundary_is_there_before_its_role_and_goes_after_it() {
    let Resource::Role(mut bounded) = role("a", ours()) else { panic!() };
    let arn = "arn:aws:iam::123456789012:policy/b".to_owned();
    let (name, description) = ("b".to_owned(), String::new());
    let policy = Policy { arn: arn.clone(), name, description, document: json!({}), tags: ours() };
    bounded.boundary = Some(arn);
    let both = vec![bounded.into(), policy.into()];
    let observed = both.iter().cloned().map(|resource| found(resource, None)).collect();
    let after = |present, absent, observed: &Observed| {
        let plan = diff(&Desired { present, absent, ..Desired::default() }, observed, false);
        plan.steps.into_iter().map(|step| (step.id.name, step.after.len())).collect::<Vec<_>>()
    };
    let last = |name: &str| (name.to_owned(), 1);
    assert_eq!(after(both.clone(), vec![], &Observed::new()).pop(), Some(last("a")));
    assert_eq!(after(vec![], both, &observed).pop(), Some(last("b")));
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
fn untagged_resources_can_be_adopted_other_clusters_cannot() {
    let mut own = ours();
    own.insert(TAG_CLUSTER.to_owned(), "prod".to_owned());
    let mut others = ours();
    others.insert(TAG_CLUSTER.to_owned(), "stage".to_owned());
    for (tags, adoptable) in [(Tags::new(), true), (others, false)] {
        let desired = Desired { present: vec![role("a", own.clone())], ..Desired::default() };
        let observed = Observed::from([found(role("a", tags), None)]);
        let plan = diff(&desired, &observed, false);
        assert_eq!(plan.conflicts().count(), 1, "{plan:?}");
        let adopted = diff(&desired, &observed, true);
        assert_eq!(matches!(adopted.steps[0].action, Action::Update { .. }), adoptable, "{adopted:?}");
    }
}

/// A principal of a cluster may make security groups with the tag of its cluster.
#[test]
fn a_shared_resource_with_the_tag_of_a_cluster_is_a_conflict() {
    let group = |tags| {
        let (name, vpc_id) = ("cast-spot-handler".to_owned(), "vpc-0a".to_owned());
        Resource::SecurityGroup(SecurityGroup { name, vpc_id, description: String::new(), tags })
    };
    let desired = Desired { present: vec![group(ours())], ..Desired::default() };
    for mut planted in [ours(), Tags::new()] {
        planted.insert(TAG_CLUSTER.to_owned(), "a".to_owned());
        let observed = Observed::from([found(group(planted), None)]);
        for adopt in [false, true] {
            let plan = diff(&desired, &observed, adopt);
            assert_eq!(plan.conflicts().count(), 1, "{plan:?}");
        }
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
    // The role was deleted: it is created again, and so is the entry.
    assert!(matches!(action(Observed::from([found(entry("a"), Some(10))])), Action::Replace { .. }));
}

#[test]
fn unwanted_managed_resources_are_deleted_parts_first() {
    let observed = Observed::from([
        found(role("a", ours()), None),
        found(attachment("a", "x"), None),
        found(role("b", Tags::new()), None),
        found(attachment("b", "x"), None),
    ]);
    let absent = vec![role("a", ours()), attachment("a", "x"), role("b", ours()), attachment("b", "x")];
    let steps = actions(vec![], absent, &observed);
    let names: Vec<_> = steps.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["attachment a/x", "role a"], "b and its attachments are foreign");
}

#[test]
fn an_access_key_comes_after_everything_else() {
    let user = Resource::User(User { name: "u".to_owned(), boundary: None, tags: ours() });
    let key = Resource::AccessKey(AccessKey { user: "u".to_owned(), rotate: false });
    let plan = diff(
        &Desired { present: vec![key, user, role("a", ours())], ..Desired::default() },
        &Observed::new(),
        false,
    );
    let last = plan.steps.last().expect("steps");
    assert_eq!((last.id.kind, last.after.len()), (Kind::AccessKey, 2));
}

fn function(environment: &[(&str, &str)], network: Option<crate::resource::Network>) -> Resource {
    Resource::Function(Function {
        name: "cast-spot".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/CastLambdaRoleForSpot".to_owned(),
        runtime: "provided.al2023".to_owned(),
        architecture: None,
        handler: "bootstrap".to_owned(),
        memory_mb: 512,
        timeout_seconds: 150,
        environment: environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        code: None,
        dead_letter_arn: "arn:aws:sqs:eu-west-1:123456789012:cast-spot-dlq".to_owned(),
        network,
        layer: None,
        record: CodeRecord::default(),
        other_layers: Vec::new(),
        others: BTreeMap::new(),
        tags: ours(),
    })
}

fn network(vpc_id: &str, subnets: &[&str]) -> crate::resource::Network {
    crate::resource::Network {
        vpc_id: vpc_id.to_owned(),
        subnet_ids: subnets.iter().map(ToString::to_string).collect(),
        security_group: "cast-spot-handler".to_owned(),
    }
}

/// Fields that an observed resource is changed in, to be as wanted.
fn changed(wanted: Resource, observed: Resource) -> Vec<String> {
    match actions(vec![wanted], vec![], &Observed::from([found(observed, None)])).remove(0).1 {
        Action::Keep => Vec::new(),
        Action::Update { changes } => changes.into_iter().map(|change| change.field).collect(),
        Action::Replace { why } => vec![why],
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_environment_is_exactly_what_is_wanted() {
    let list = "CAST_SPOT_CLUSTERS";
    for (wanted, there, fields) in [
        (vec![(list, "a")], vec![(list, "a"), ("LD_PRELOAD", "1")], vec!["environment.LD_PRELOAD"]),
        (vec![(list, "a,b")], vec![(list, "a")], vec!["environment.CAST_SPOT_CLUSTERS"]),
        (vec![(list, "a"), ("LOG", "x")], vec![(list, "a"), ("LOG", "y")], vec!["environment.LOG"]),
        (vec![], vec![(list, "a")], vec!["environment.CAST_SPOT_CLUSTERS"]),
    ] {
        assert_eq!(changed(function(&wanted, None), function(&there, None)), fields, "{wanted:?} {there:?}");
    }
}

#[test]
fn a_place_is_exactly_what_is_wanted() {
    let there = || function(&[], Some(network("vpc-1", &["b", "a"])));
    assert_eq!(changed(function(&[], None), there()), ["vpc_id", "subnet_ids", "security_group"]);
    assert!(
        changed(function(&[], Some(network("vpc-1", &["a", "b"]))), there()).is_empty(),
        "order is no change"
    );
    assert_eq!(changed(function(&[], Some(network("vpc-1", &["a"]))), there()), ["subnet_ids"]);
}

#[test]
fn an_immutable_change_recreates_and_the_reason_names_it() {
    let permission = |source_arn: &str| {
        Resource::Permission(Permission {
            function: "cast-spot".to_owned(),
            statement_id: "s".to_owned(),
            principal: "events.amazonaws.com".to_owned(),
            source_arn: source_arn.to_owned(),
        })
    };
    assert_eq!(changed(permission("a"), permission("b")), ["source_arn cannot be changed from b to a"]);
    let Resource::AccessEntry(own) = entry("a") else { panic!("no entry") };
    let other = Resource::AccessEntry(AccessEntry { entry_type: "EC2_LINUX".to_owned(), ..own });
    assert_eq!(changed(entry("a"), other), ["entry_type cannot be changed from EC2_LINUX to STANDARD"]);
    let binding = |role: &str| {
        Resource::Manifest(Manifest::new(json!({
            "kind": "ClusterRoleBinding",
            "metadata": { "name": HANDLER_RBAC, "labels": { LABEL_NAME: MANAGED } },
            "roleRef": role,
        })))
    };
    assert_eq!(changed(binding("x"), binding("y")), ["roleRef cannot be changed from y to x"]);
}

#[test]
fn an_object_without_the_label_is_a_conflict_and_stays() {
    let object = |label: serde_json::Value| {
        Resource::Manifest(Manifest::new(json!({
            "kind": "ClusterRole",
            "metadata": { "name": HANDLER_RBAC, "labels": { LABEL_NAME: label } },
        })))
    };
    for label in [json!("other"), json!(null)] {
        let observed = || Observed::from([found(object(label.clone()), None)]);
        let steps = actions(vec![object(json!(MANAGED))], vec![], &observed());
        assert!(matches!(steps[0].1, Action::Conflict { .. }), "{label}: {steps:?}");
        assert!(actions(vec![], vec![object(json!(MANAGED))], &observed()).is_empty(), "{label}");
    }
}

#[test]
fn an_adopted_equal_object_still_gets_the_label() {
    let object = |label: &str| {
        Resource::Manifest(Manifest::new(json!({
            "kind": "ClusterRole",
            "metadata": { "name": HANDLER_RBAC, "labels": { LABEL_NAME: label } },
            "rules": [],
        })))
    };
    let observed = Observed::from([found(object("theirs"), None)]);
    let desired = Desired { present: vec![object(MANAGED)], ..Desired::default() };
    let step = diff(&desired, &observed, true).steps.remove(0);
    let Action::Update { changes } = step.action else { panic!("{:?}", step.action) };
    assert_eq!((changes.len(), changes[0].from.as_str(), changes[0].to.as_str()), (1, "theirs", MANAGED));
}

#[test]
fn a_part_goes_only_with_a_whole_that_is_this_clusters() {
    let tags = |region: &str| {
        let mut tags = ours();
        tags.insert(TAG_REGION.to_owned(), region.to_owned());
        tags
    };
    let absent = || vec![role("a", tags("eu-west-1")), attachment("a", "x")];
    let of =
        |region| Observed::from([found(role("a", tags(region)), None), found(attachment("a", "x"), None)]);
    assert_eq!(actions(vec![], absent(), &of("eu-west-1")).len(), 2);
    assert!(actions(vec![], absent(), &of("us-east-1")).is_empty(), "a cluster of the same name, elsewhere");
}

#[test]
fn the_function_follows_its_rights_and_its_clusters() {
    let inline = |name: &str| {
        Resource::InlinePolicy(InlinePolicy {
            role: "CastLambdaRoleForSpot".to_owned(),
            name: name.to_owned(),
            document: json!({}),
        })
    };
    let present = vec![
        function(&[("CAST_SPOT_CLUSTERS", "prod")], None),
        inline("cast-spot.eu-west-1.prod"),
        inline("cast-spot"),
        role("CastLambdaRoleForSpot", ours()),
    ];
    let plan = diff(&Desired { present, ..Desired::default() }, &Observed::new(), false);
    let names: Vec<_> = plan.steps.iter().map(|step| step.id.name.as_str()).collect();
    assert_eq!(names.first(), Some(&"CastLambdaRoleForSpot"));
    assert_eq!(names.last(), Some(&"cast-spot"), "{names:?}");
    assert_eq!(plan.steps.last().map(|step| step.after.len()), Some(3));
}

#[test]
fn a_cluster_is_struck_off_after_the_function_has_let_go_of_it() {
    let registration = Resource::InlinePolicy(InlinePolicy {
        role: "CastLambdaRoleForSpot".to_owned(),
        name: "cast-spot.eu-west-1.prod".to_owned(),
        document: json!({}),
    });
    let observed = Observed::from([
        found(role("CastLambdaRoleForSpot", ours()), Some(1)),
        found(function(&[("CAST_SPOT_CLUSTERS", "prod,stage")], None), None),
        found(registration.clone(), None),
    ]);
    let present = vec![function(&[("CAST_SPOT_CLUSTERS", "stage")], None)];
    let plan = diff(&Desired { present, absent: vec![registration], ..Desired::default() }, &observed, false);
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.id.kind, step.after.len())).collect();
    assert_eq!(steps, [(Kind::Function, 0), (Kind::InlinePolicy, 1)]);
}

#[test]
fn a_plan_shows_no_revision_and_of_code_only_the_hash() {
    let mut wanted = function(&[], None);
    if let Resource::Function(Function { code, .. }) = &mut wanted {
        *code = Some(crate::resource::Code { sha256: "abc".to_owned(), zip: vec![80, 75] });
    }
    let mut observed = Observed::from([found(function(&[], None), None)]);
    for found in observed.values_mut() {
        found.revision = Some("revision-7".to_owned());
    }
    let plan = diff(&Desired { present: vec![wanted], ..Desired::default() }, &observed, false);
    assert_eq!(plan.steps[0].revision.as_deref(), Some("revision-7"));
    let shown = serde_json::to_string(&plan).expect("JSON");
    assert!(shown.contains("abc") && !shown.contains("zip") && !shown.contains("revision-7"), "{shown}");
}

#[test]
fn what_is_kept_is_mended_and_never_made() {
    let wanted = role("a", ours());
    let desired = Desired { kept: vec![wanted.clone()], ..Desired::default() };
    assert!(diff(&desired, &Observed::new(), false).steps.is_empty());
    let mut tags = ours();
    tags.insert(TAG_NODE_ROLE.to_owned(), "gone".to_owned());
    let plan = diff(&desired, &Observed::from([found(role("a", tags), None)]), false);
    assert!(matches!(plan.steps[0].action, Action::Update { .. }), "{plan:?}");
}

#[test]
fn what_others_added_to_ours_is_named_and_not_changed() {
    let user = |tags| Resource::User(User { name: "u".to_owned(), boundary: None, tags });
    let beside = |what: &str, is_expected| Beside { what: what.to_owned(), is_expected };
    let seen = vec![beside("a group", false), beside("a disabled key", true)];
    for (tags, counts) in [(ours(), 2), (Tags::new(), 0)] {
        let found = Found { beside: seen.clone(), ..Found::from(user(tags)) };
        let observed = Observed::from([(found.resource.id(), found)]);
        let kept = Desired { present: vec![user(ours())], ..Desired::default() };
        let plan = diff(&kept, &observed, false);
        assert_eq!((plan.unmanaged.len(), plan.unexpected().count()), (counts, counts / 2), "{plan:?}");
        let gone = Desired { absent: vec![user(ours())], ..Desired::default() };
        assert!(diff(&gone, &observed, false).unmanaged.iter().all(|it| it.why != "a group"), "it goes, too");
    }
}
