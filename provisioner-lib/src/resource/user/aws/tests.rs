use super::*;
use crate::{
    facts::AuthenticationMode,
    provider::{
        Services,
        wire::{self, action},
    },
    resource::Resource,
};

/// What a user has beside, where IAM answers so: by the action, the content of its result.
async fn beside(answer: impl Fn(&str) -> Option<String> + Send + 'static) -> Vec<Beside> {
    let (config, _) = wire::config(move |asked| {
        let action = action(asked).unwrap_or_default().to_owned();
        match answer(&action) {
            Some(result) => (
                200,
                format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
            ),
            None => (404, "<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>".into()),
        }
    });
    let user = Resource::User(User { name: "u".to_owned(), boundary: None, tags: Tags::new() });
    let mut seen = Services::of(&config).observe(AuthenticationMode::Api, &[&user]).await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0).unwrap().beside
}

const USER: &str = "<User><UserName>u</UserName><CreateDate>2026-01-01T00:00:00Z</CreateDate></User>";

#[tokio::test]
async fn groups_a_password_and_disabled_keys_are_seen() {
    let beside = beside(|action| match action {
        "GetUser" => Some(USER.into()),
        "ListGroupsForUser" => Some("<Groups><member><GroupName>admins</GroupName></member></Groups>".into()),
        "GetLoginProfile" => Some("<LoginProfile><UserName>u</UserName></LoginProfile>".into()),
        "ListAccessKeys" => {
            let key = |id, status| {
                format!("<member><AccessKeyId>{id}</AccessKeyId><Status>{status}</Status></member>")
            };
            let keys = key("ON", "Active") + &key("OFF", "Inactive");
            Some(format!("<AccessKeyMetadata>{keys}</AccessKeyMetadata>"))
        }
        _ => Some(String::new()),
    })
    .await;
    let seen: Vec<_> = beside.iter().map(|beside| (beside.what.as_str(), beside.is_expected)).collect();
    assert_eq!(
        seen,
        [
            ("it is in the group admins, and has the group's rights", false),
            ("it has a password for the console", false),
            ("its access key OFF is disabled, as --rotate-key leaves the one before", true)
        ]
    );
}

#[tokio::test]
async fn a_user_with_what_it_was_given_has_nothing_beside() {
    let answer = |action: &str| match action {
        "GetUser" => Some(USER.into()),
        "GetLoginProfile" => None,
        _ => Some(String::new()),
    };
    assert_eq!(beside(answer).await, []);
}
