use serde_json::json;

use super::*;
use crate::{
    check::Check,
    facts::AuthenticationMode,
    observed::Found,
    provider::{
        Services,
        wire::{self, Asked, action},
    },
    resource::{AccessKey, Attachment, Change, InlinePolicy, Policy, Principal, Resource, Role, Tags},
};

const MODE: AuthenticationMode = AuthenticationMode::Api;

const ARN: &str = "arn:aws:iam::123456789012:policy/CastEKSPolicy";

/// IAM that answers an action with the content of its result.
fn iam(
    mut answer: impl FnMut(&str, &str) -> Result<String, &'static str> + Send + 'static,
) -> (Services, Asked) {
    let (config, asked) = wire::config(move |asked| {
        let action = action(asked).unwrap_or_default().to_owned();
        match answer(&action, asked) {
            Ok(result) => (
                200,
                format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
            ),
            Err(code) => {
                let status = if code == "NoSuchEntity" { 404 } else { 409 };
                (
                    status,
                    format!(
                        "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
                    ),
                )
            }
        }
    });
    (Services::of(&config), asked)
}

fn versions(ids: &[u32], default: u32) -> String {
    let version = |id: &u32| {
        let is_default = *id == default;
        format!(
            "<member><VersionId>v{id}</VersionId><IsDefaultVersion>{is_default}</IsDefaultVersion></member>"
        )
    };
    format!(
        "<IsTruncated>false</IsTruncated><Versions>{}</Versions>",
        ids.iter().map(version).collect::<String>()
    )
}

fn keys(keys: &[(&str, &str)]) -> String {
    let key = |(id, status): &(&str, &str)| {
        format!(
            "<member><UserName>u</UserName><AccessKeyId>{id}</AccessKeyId><Status>{status}</Status></member>"
        )
    };
    format!(
        "<IsTruncated>false</IsTruncated><AccessKeyMetadata>{}</AccessKeyMetadata>",
        keys.iter().map(key).collect::<String>()
    )
}

const NEW_KEY: &str = "<AccessKey><UserName>u</UserName><AccessKeyId>NEW</AccessKeyId><Status>Active</Status>\
                       <SecretAccessKey>secret</SecretAccessKey></AccessKey>";

fn change(field: &str) -> Change {
    Change { field: field.into(), from: String::new(), to: String::new() }
}

fn policy() -> Resource {
    let (document, tags) = (json!({ "Version": "2012-10-17" }), Tags::new());
    Resource::Policy(Policy {
        arn: ARN.into(),
        name: "CastEKSPolicy".into(),
        description: String::new(),
        document,
        tags,
    })
}

#[tokio::test]
async fn of_five_versions_the_oldest_that_is_not_in_force_makes_room() {
    for (ids, default, pruned) in [
        (&[83, 82, 9, 8, 7][..], 83, Some("v7")),
        (&[11, 10, 9, 8, 7][..], 7, Some("v8")),
        (&[4, 3, 2, 1][..], 4, None),
    ] {
        let list = versions(ids, default);
        let (iam, asked) = iam(move |action, _| {
            Ok(if action == "ListPolicyVersions" { list.clone() } else { String::new() })
        });
        iam.update(&policy(), &[change("document")], None).await.unwrap();
        let deleted = pruned.map(|_| "DeletePolicyVersion");
        let expected: Vec<&str> =
            ["ListPolicyVersions"].into_iter().chain(deleted).chain(["CreatePolicyVersion"]).collect();
        assert_eq!(wire::calls(&asked), expected);
        let asked = asked.lock().unwrap();
        assert!(asked.last().unwrap().contains("SetAsDefault=true"));
        assert!(pruned.is_none_or(|id| asked[1].contains(&format!("VersionId={id}"))), "{}", asked[1]);
    }
}

#[tokio::test]
async fn new_tags_write_no_version() {
    let (iam, asked) = iam(|_, _| Ok(String::new()));
    let mut policy = policy();
    if let Resource::Policy(Policy { tags, .. }) = &mut policy {
        tags.insert("cast-spot:managed".into(), "cast-spot".into());
    }
    let managed = Change { to: "cast-spot".into(), ..change("tags.cast-spot:managed") };
    iam.update(&policy, &[managed, change("tags.cast-spot:cluster")], None).await.unwrap();
    assert_eq!(wire::calls(&asked), ["TagPolicy", "UntagPolicy"]);
}

/// An administrator with a boundary may change who assumes a role only within it.
#[tokio::test]
async fn a_role_gets_its_boundary_before_the_rest() {
    let (iam, asked) = iam(|_, _| Ok(String::new()));
    let (boundary, description, tags) = (Some("arn:aws:iam::1:policy/b".into()), String::new(), Tags::new());
    let role = Role { name: "r".into(), description, trust: json!({}), boundary, tags };
    iam.update(&role.into(), &[change("trust"), change("boundary")], None).await.unwrap();
    assert_eq!(wire::calls(&asked), ["PutRolePermissionsBoundary", "UpdateAssumeRolePolicy"]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_attached_elsewhere_stays_and_says_where() {
    let (iam, asked) = iam(|action, _| match action {
        "ListPolicyVersions" => Ok(versions(&[2, 1], 2)),
        "DeletePolicy" => Err("DeleteConflict"),
        "ListEntitiesForPolicy" => {
            Ok("<PolicyRoles><member><RoleName>theirs</RoleName></member></PolicyRoles>".into())
        }
        _ => Ok(String::new()),
    });
    let error = iam.delete(&policy()).await.unwrap_err();
    assert_eq!(error.reason, ErrorKind::Other);
    assert!(error.message.contains("attached to role theirs"), "{error}");
    assert_eq!(wire::calls(&asked)[..3], ["ListPolicyVersions", "DeletePolicyVersion", "DeletePolicy"]);
}

#[tokio::test]
async fn a_new_key_works_before_the_old_one_is_switched_off() {
    let (iam, asked) = iam(|action, _| match action {
        "ListAccessKeys" => Ok(keys(&[("OLD", "Active")])),
        "CreateAccessKey" => Ok(NEW_KEY.into()),
        _ => Ok(String::new()),
    });
    let made = iam
        .update(&Resource::AccessKey(AccessKey { user: "u".into(), rotate: true }), &[change("rotate")], None)
        .await
        .unwrap();
    assert_eq!(made.access_key.unwrap().id, "NEW");
    assert_eq!(wire::calls(&asked), ["ListAccessKeys", "CreateAccessKey", "UpdateAccessKey"]);
    let last = asked.lock().unwrap().pop().unwrap();
    assert!(last.contains("AccessKeyId=OLD") && last.contains("Status=Inactive"), "{last}");
}

#[tokio::test]
async fn an_old_key_that_stays_active_is_named_with_the_remedy() {
    let (iam, _) = iam(|action, _| match action {
        "ListAccessKeys" => Ok(keys(&[("OLD", "Active")])),
        "CreateAccessKey" => Ok(NEW_KEY.into()),
        _ => Err("AccessDenied"),
    });
    let rotated = Resource::AccessKey(AccessKey { user: "u".into(), rotate: true });
    let made = iam.update(&rotated, &[change("rotate")], None).await.unwrap();
    assert_eq!(made.access_key.unwrap().id, "NEW");
    let warning = made.warning.unwrap();
    assert!(
        warning.starts_with("the old key OLD is still active (") && warning.contains("UpdateAccessKey"),
        "{warning}"
    );
    let remedy = "`aws iam update-access-key --user-name u --access-key-id OLD --status Inactive`";
    assert!(warning.contains(remedy), "{warning}");
}

#[tokio::test]
async fn a_key_that_is_off_makes_room_and_two_that_are_on_do_not() {
    for (old, expected) in [
        (
            [("ON", "Active"), ("OFF", "Inactive")],
            &["ListAccessKeys", "DeleteAccessKey", "CreateAccessKey", "UpdateAccessKey"][..],
        ),
        ([("ON", "Active"), ("TOO", "Active")], &["ListAccessKeys"][..]),
    ] {
        let list = keys(&old);
        let (iam, asked) = iam(move |action, _| match action {
            "ListAccessKeys" => Ok(list.clone()),
            "CreateAccessKey" => Ok(NEW_KEY.into()),
            _ => Ok(String::new()),
        });
        let made = iam
            .update(
                &Resource::AccessKey(AccessKey { user: "u".into(), rotate: true }),
                &[change("rotate")],
                None,
            )
            .await;
        assert_eq!(wire::calls(&asked), expected);
        assert_eq!(made.err().map(|error| error.reason), (expected.len() == 1).then_some(ErrorKind::Limit));
    }
}

/// A user with a key `OLD`, whose new keys' secrets are lost `lost` times; `made` of them are made all the same.
fn losing(lost: usize, made: usize) -> (Services, Asked) {
    let mut asked_for = 0;
    let (config, asked) = wire::config(move |asked| {
        let action = action(asked).unwrap_or_default().to_owned();
        let known = [("OLD", "Active"), ("UNSEEN", "Active")];
        let result = match action.as_str() {
            "CreateAccessKey" => {
                asked_for += 1;
                if asked_for <= lost {
                    return (wire::LOST, String::new());
                }
                NEW_KEY.to_owned()
            }
            "ListAccessKeys" => keys(&known[..=usize::from(asked_for > 0 && made > 0)]),
            _ => String::new(),
        };
        (200, format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
    });
    let retries = aws_config::retry::RetryConfig::standard().with_max_attempts(6);
    let config = config.into_builder().retry_config(retries).build();
    (Services::of(&config), asked)
}

#[tokio::test(start_paused = true)]
async fn a_key_with_a_lost_secret_is_named_not_replaced() {
    let (iam, asked) = losing(1, 1);
    let error =
        iam.create(&Resource::AccessKey(AccessKey { user: "u".into(), rotate: false })).await.unwrap_err();
    assert_eq!(error.reason, ErrorKind::Unreachable);
    assert!(error.message.contains("UNSEEN"), "{error}");
    assert!(error.hint.unwrap().contains("--rotate-key"));
    assert_eq!(wire::calls(&asked), ["ListAccessKeys", "CreateAccessKey", "ListAccessKeys"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_key_that_did_not_arrive_is_made_again_once() {
    let (iam, asked) = losing(1, 0);
    let made = iam.create(&Resource::AccessKey(AccessKey { user: "u".into(), rotate: false })).await.unwrap();
    assert_eq!(made.access_key.unwrap().id, "NEW");
    let once = ["ListAccessKeys", "CreateAccessKey", "ListAccessKeys", "CreateAccessKey"];
    assert_eq!(wire::calls(&asked), once);
    let (iam, asked) = losing(9, 0);
    let error =
        iam.create(&Resource::AccessKey(AccessKey { user: "u".into(), rotate: false })).await.unwrap_err();
    assert_eq!(error.reason, ErrorKind::Unreachable);
    assert_eq!(wire::calls(&asked), once);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_iam_refuses_for_now_is_asked_for_again() {
    let mut refusals = 2;
    let (iam, asked) = iam(move |action, _| match action {
        "CreateAccessKey" => {
            refusals -= 1;
            if refusals >= 0 { Err("Throttling") } else { Ok(NEW_KEY.into()) }
        }
        _ => Ok(keys(&[])),
    });
    iam.create(&Resource::AccessKey(AccessKey { user: "u".into(), rotate: false })).await.unwrap();
    assert_eq!(
        wire::calls(&asked),
        ["ListAccessKeys", "CreateAccessKey", "CreateAccessKey", "CreateAccessKey"]
    );
}

#[tokio::test]
async fn all_attached_policies_of_a_principal_are_observed() {
    let theirs = "arn:aws:iam::aws:policy/Theirs";
    let (iam, _) = iam(move |_, _| {
        let member =
            |arn: &str| format!("<member><PolicyName>p</PolicyName><PolicyArn>{arn}</PolicyArn></member>");
        Ok(format!("<AttachedPolicies>{}{}</AttachedPolicies>", member(ARN), member(theirs)))
    });
    let principal = Principal::Role("r".into());
    let seen =
        iam.observe(MODE, &[&Resource::Attachment(Attachment { principal, policy_arn: ARN.into() })]).await;
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn what_iam_does_not_show_yet_is_waited_for() {
    let mut early = 3;
    let (iam, asked) = iam(move |_, _| {
        early -= 1;
        if early >= 0 { Err("NoSuchEntity") } else { Ok(String::new()) }
    });
    let principal = Principal::Role("new".into());
    iam.create(&Resource::Attachment(Attachment { principal, policy_arn: ARN.into() })).await.unwrap();
    assert_eq!(wire::calls(&asked), ["AttachRolePolicy"; 4]);
}

#[tokio::test(start_paused = true)]
async fn what_iam_never_shows_is_not_waited_for_for_ever() {
    let (iam, _) = iam(|_, _| Err("NoSuchEntity"));
    let begin = tokio::time::Instant::now();
    let principal = Principal::User("never".into());
    iam.create(&Resource::Attachment(Attachment { principal, policy_arn: ARN.into() })).await.unwrap_err();
    assert!(begin.elapsed().as_secs() <= 30, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn what_an_absent_role_has_is_not_asked() {
    let (iam, asked) = iam(|_, _| Err("NoSuchEntity"));
    let role = Resource::Role(Role {
        name: "r".into(),
        description: String::new(),
        trust: Value::Null,
        boundary: None,
        tags: Tags::new(),
    });
    let attachment =
        Resource::Attachment(Attachment { principal: Principal::Role("r".into()), policy_arn: ARN.into() });
    let inline =
        Resource::InlinePolicy(InlinePolicy { role: "r".into(), name: "i".into(), document: Value::Null });
    assert!(iam.observe(MODE, &[&role, &attachment, &inline]).await.is_empty());
    assert_eq!(wire::calls(&asked), ["GetRole"]);
}

#[tokio::test]
async fn one_call_shows_all_that_is_attached() {
    let (iam, asked) = iam(|_, _| {
        let policy = format!("<member><PolicyName>p</PolicyName><PolicyArn>{ARN}</PolicyArn></member>");
        Ok(format!("<AttachedPolicies>{policy}</AttachedPolicies><IsTruncated>false</IsTruncated>"))
    });
    let attachment = |policy_arn: &str| {
        Resource::Attachment(Attachment {
            principal: Principal::User("u".into()),
            policy_arn: policy_arn.into(),
        })
    };
    let (there, missing) = (attachment(ARN), attachment("arn:aws:iam::aws:policy/IAMReadOnlyAccess"));
    let seen = iam.observe(MODE, &[&there, &missing]).await;
    assert_eq!(seen, [Ok(Found::from(there))]);
    assert_eq!(wire::calls(&asked), ["ListAttachedUserPolicies"]);
}

#[test]
fn documents_are_read_as_iam_encodes_them() {
    for encoded in ["%7B%22a%22%3A%20%22%2B%25%C3%A9%22%7D", r#"{"a": "+%é"}"#] {
        assert_eq!(document("iam:GetRole", Some(encoded)).unwrap(), json!({ "a": "+%é" }), "{encoded}");
    }
    assert!(document("iam:GetRole", Some("%7")).is_err());
}

#[tokio::test]
async fn checks_of_one_resource_are_one_call_with_own_verdicts() {
    let (iam, asked) = iam(|_, asked| {
        let result = |action: &str, decision: &str| {
            format!(
                "<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>"
            )
        };
        // Not in the order asked for, and the rest on a second page.
        let (results, rest) = if asked.contains("Marker=") {
            (result("iam:TagRole", "implicitDeny"), "<IsTruncated>false</IsTruncated>".to_owned())
        } else if asked.contains("iam%3ATagRole") {
            (
                result("IAM:CreateRole", "allowed"),
                "<IsTruncated>true</IsTruncated><Marker>m</Marker>".to_owned(),
            )
        } else {
            (result("iam:PassRole", "explicitDeny"), "<IsTruncated>false</IsTruncated>".to_owned())
        };
        Ok(format!("<EvaluationResults>{results}</EvaluationResults>{rest}"))
    });
    let check = |action: &str, key: &str, expected| Check::Allowed {
        principal_arn: "arn:aws:iam::123456789012:role/r".to_owned(),
        action: action.to_owned(),
        resource: "arn:aws:iam::123456789012:role/n".to_owned(),
        context: [(key.to_owned(), "x".to_owned())].into(),
        expected,
    };
    let checks = [
        check("iam:TagRole", "aws:TagKeys", true),
        check("iam:PassRole", "iam:PassedToService", false),
        check("iam:CreateRole", "aws:TagKeys", true),
    ];
    let verdicts = simulate::simulate(&iam.iam, &checks).await;
    let said: Vec<_> =
        verdicts.into_values().map(|verdict| verdict.unwrap()).map(|v| (v.passed, v.detail)).collect();
    let expected = [(false, "allowed by no policy"), (true, "denied by a policy"), (true, "allowed")];
    assert_eq!(said, expected.map(|(passed, detail)| (passed, detail.to_owned())));
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 3, "two subjects, one of them with a second page: {asked:?}");
    let lists = asked.iter().filter(|asked| asked.contains("ContextKeyType=stringList"));
    assert_eq!(lists.count(), 2, "{asked:?}");
}
