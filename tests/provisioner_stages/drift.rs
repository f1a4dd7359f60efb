//! Drift: every field of every kind, changed by another program.

use cast_spot_provisioner::{
    onboard::plan,
    plan::Action,
    resource::{AccessEntry, AwsAuth, Function, Kind, Manifest, Network, Resource},
};
use serde_json::json;

use crate::situation::{DEFAULT, Scenario, completed, same};

type Spoil = (&'static str, fn(&mut Resource));

macro_rules! spoil {
    ($kind:ident . $field:ident = $value:expr) => {
        (stringify!($field), |resource| {
            if let Resource::$kind(resource) = resource {
                resource.$field = $value;
            }
        })
    };
}

/// Drift of the function's fields.
fn of_function() -> Vec<Spoil> {
    vec![
        spoil!(Function.role_arn = "arn:aws:iam::123456789012:role/other".to_owned()),
        spoil!(Function.runtime = "python3.13".to_owned()),
        spoil!(Function.architecture = Some("arm64".to_owned())),
        spoil!(Function.handler = "other".to_owned()),
        spoil!(Function.memory_mb = 128),
        spoil!(Function.timeout_seconds = 3),
        spoil!(Function.dead_letter_arn = String::new()),
        ("environment", |resource| {
            if let Resource::Function(Function { environment, .. }) = resource {
                environment.insert("CAST_SPOT_CLUSTERS".to_owned(), String::new());
            }
        }),
        ("others", |resource| {
            if let Resource::Function(Function { others, .. }) = resource {
                others.insert("file_systems".to_owned(), "arn:access-point".to_owned());
            }
        }),
        ("endpoints", |resource| {
            if let Resource::Function(Function { environment, .. }) = resource {
                environment.insert("CAST_SPOT_ENDPOINTS".to_owned(), "{}".to_owned());
            }
        }),
        ("code", |resource| {
            if let Resource::Function(Function { code: Some(code), .. }) = resource {
                "other".clone_into(&mut code.sha256);
            }
        }),
        ("network", |resource| {
            if let Resource::Function(Function { network, .. }) = resource {
                *network = network.clone().map(|there| Network { subnet_ids: Vec::new(), ..there });
            }
        }),
    ]
}

/// Sets a field of an object, if it has one of this path.
fn set(resource: &mut Resource, path: &str, to: &serde_json::Value) {
    let Resource::Manifest(manifest) = resource else { return };
    let mut value = manifest.value().clone();
    if let Some(field) = value.pointer_mut(path) {
        field.clone_from(to);
    }
    *manifest = Manifest::new(value);
}

/// Adds a field to a part of an object, if it is of this kind.
fn add(resource: &mut Resource, (kind, part): (&str, &str), field: &str, value: &serde_json::Value) {
    let Resource::Manifest(manifest) = resource else { return };
    if manifest.kind() != kind {
        return;
    }
    let mut object = manifest.value().clone();
    if let Some(part) = object.pointer_mut(part) {
        part[field].clone_from(value);
    }
    *manifest = Manifest::new(object);
}

/// Each field that can drift. Without names, which identify the resource; descriptions, which cannot be changed and
/// grant nothing; attachments and ingress rules, which exist or not.
fn drifts(kind: Kind) -> Vec<Spoil> {
    match kind {
        Kind::Policy => vec![spoil!(Policy.document = json!({ "Statement": [] }))],
        Kind::Role => vec![spoil!(Role.trust = json!({ "Statement": [] }))],
        Kind::InlinePolicy => vec![spoil!(InlinePolicy.document = json!({ "Statement": [] }))],
        Kind::InstanceProfile => {
            vec![
                spoil!(InstanceProfile.role = "other".to_owned()),
                spoil!(InstanceProfile.role = String::new()),
            ]
        }
        // A longer retention stays, see `shared.rs`.
        Kind::LogGroup => vec![spoil!(LogGroup.retention_days = 1)],
        Kind::Queue => vec![spoil!(Queue.retention_seconds = 60), spoil!(Queue.policy = json!(null))],
        Kind::Function => of_function(),
        Kind::InvokeConfig => vec![
            spoil!(InvokeConfig.maximum_event_age_seconds = 21_600),
            spoil!(InvokeConfig.maximum_retry_attempts = 0),
            spoil!(InvokeConfig.others = [("on_success".to_owned(), "arn:theirs".to_owned())].into()),
        ],
        Kind::Permission => vec![
            spoil!(Permission.principal = "*".to_owned()),
            spoil!(Permission.source_arn = "arn:aws:events:eu-west-1:123456789012:rule/other".to_owned()),
        ],
        // A disabled rule has no pattern.
        Kind::Rule => {
            vec![spoil!(Rule.pattern = json!({ "source": ["x"] })), spoil!(Rule.pattern = json!(null))]
        }
        Kind::Target => vec![
            spoil!(Target.arn = "arn:aws:lambda:eu-west-1:123456789012:function:other".to_owned()),
            spoil!(Target.dead_letter_arn = String::new()),
            spoil!(Target.others = [("role_arn".to_owned(), "arn:theirs".to_owned())].into()),
        ],
        Kind::AccessEntry => vec![
            spoil!(AccessEntry.entry_type = "FARGATE_LINUX".to_owned()),
            // EKS gives the others theirs.
            ("username", |resource| {
                if let Resource::AccessEntry(AccessEntry { username: Some(username), .. }) = resource {
                    "theirs".clone_into(username);
                }
            }),
            spoil!(AccessEntry.groups = vec!["system-like".to_owned()]),
            spoil!(AccessEntry.policies = vec!["arn:aws:eks::aws:cluster-access-policy/Other".to_owned()]),
        ],
        Kind::AwsAuth => vec![
            ("groups", |resource| {
                if let Resource::AwsAuth(AwsAuth { mapping, .. }) = resource {
                    mapping.groups = vec!["system:masters-of-others".to_owned()];
                }
            }),
            ("username", |resource| {
                if let Resource::AwsAuth(AwsAuth { mapping, .. }) = resource {
                    "other".clone_into(&mut mapping.username);
                }
            }),
        ],
        // The agent's are in `connecting`.
        Kind::Manifest => vec![
            ("rules", |resource| set(resource, "/rules", &json!([{ "apiGroups": ["*"], "verbs": ["*"] }]))),
            ("roleRef", |resource| set(resource, "/roleRef/name", &json!("cluster-admin"))),
            ("subjects", |resource| set(resource, "/subjects", &json!([]))),
            ("shares", |resource| set(resource, "/spec/limited/nominalConcurrencyShares", &json!(1))),
            ("failure", |resource| set(resource, "/spec/failurePolicy", &json!("Ignore"))),
            ("validations", |resource| set(resource, "/spec/validations", &json!([]))),
            ("binding", |resource| set(resource, "/spec/policyName", &json!("other"))),
            ("actions", |resource| set(resource, "/spec/validationActions", &json!(["Audit"]))),
            ("precedence", |resource| set(resource, "/spec/matchingPrecedence", &json!(1))),
            ("aggregation", |resource| {
                add(resource, ("ClusterRole", ""), "aggregationRule", &json!({ "selectors": [1] }));
            }),
            ("selection", |resource| {
                add(
                    resource,
                    ("ValidatingAdmissionPolicyBinding", "/spec"),
                    "matchResources",
                    &json!({ "a": "b" }),
                );
            }),
            ("exception", |resource| {
                let part = ("ValidatingAdmissionPolicy", "/spec/matchConstraints");
                add(resource, part, "excludeResourceRules", &json!([1]));
            }),
            ("names", |resource| {
                let part = ("ValidatingAdmissionPolicy", "/spec/matchConstraints/resourceRules/0");
                add(resource, part, "resourceNames", &json!(["none"]));
            }),
        ],
        Kind::User
        | Kind::SecurityGroup
        | Kind::Attachment
        | Kind::Ingress
        | Kind::AccessKey
        | Kind::Layer => Vec::new(),
    }
}

/// Drift of tags, for every resource that has them.
const TAGS: [Spoil; 3] = [
    ("a tag removed", |resource| {
        if let Some(tags) = resource.tags_mut() {
            tags.remove("cast-spot:cluster");
        }
    }),
    ("a tag added", |resource| {
        if let Some(tags) = resource.tags_mut() {
            tags.insert("cast-spot:old".to_owned(), "x".to_owned());
        }
    }),
    ("a foreign tag", |resource| {
        if let Some(tags) = resource.tags_mut() {
            tags.insert("team".to_owned(), "theirs".to_owned());
        }
    }),
];

#[tokio::test]
async fn every_drifted_field_is_reported_and_repaired() {
    let mut kinds = std::collections::BTreeSet::new();
    for scenario in [
        Scenario { user: true, private: true, ..DEFAULT },
        Scenario { documented: true, ..DEFAULT },
        Scenario { user: true, config_map: true, ..DEFAULT },
    ] {
        let (_, reference, _) = scenario.undisturbed().await;
        let (spec, all) = (scenario.spec(), reference.all());
        let planned = plan(&spec, &reference).await.unwrap().plan;
        for id in planned.steps.iter().map(|step| &step.id) {
            for (field, spoil) in drifts(id.kind).into_iter().chain(TAGS) {
                let account = reference.copy();
                account.change(id, spoil);
                if account.all() == all {
                    continue;
                }
                let what = format!("{id}: {field}");
                let found = plan(&spec, &account).await.unwrap().plan;
                let writes: Vec<_> = found.writes().map(|step| &step.id).collect();
                if field == "a foreign tag" {
                    assert!(writes.is_empty(), "{what}: it is theirs");
                    continue;
                }
                assert_eq!(writes, [id], "{what}");
                let step = found.writes().next().unwrap();
                assert!(matches!(step.action, Action::Update { .. } | Action::Replace { .. }), "{what}");
                kinds.insert(id.kind);
                completed(&spec, &account, &what).await;
                same(&account, &reference, &what);
            }
        }
    }
    assert_eq!(kinds.len(), 16, "every kind that has fields to drift: {kinds:?}");
}
